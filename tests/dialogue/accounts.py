"""From the parameters at a transcript's head to the account whose session it is."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

from tests.support.transcripts import Transcript, load

from mailsonar.message.token import Token, base32, route_digest
from mailsonar.model.oauth2 import ClientCredentials, ClientSecret, OAuth2
from mailsonar.model.server import Account, Credentials, Mechanism, Secret, Server, TokenCredentials

FOLDER = Path(__file__).with_name("transcripts")
KEY = Secret("test", lambda: "k" * 32)

_OTHER_KEY = Secret("test", lambda: "o" * 32)
_LONG_PASSWORD = "long " * 100
_LONG_TOKEN = "t0ken" * 800
_OAUTH2 = OAuth2(
    token_endpoint="https://login.example/token",
    grant=ClientCredentials(client_id="probe", proof=ClientSecret(secret=Secret("test", lambda: "client secret"))),
)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _token(letter: bytes) -> Token:
    return Token(id=base32(letter * 12), route=route_digest("acme"), instance=base32(b"n" * 5), started_ms=1)


WORDS = {
    "token": _token(b"a").signed(KEY),
    "second token": _token(b"b").signed(KEY),
    "forged token": _token(b"a").signed(_OTHER_KEY),
    "long line": "x" * 9000,
    "long password": _LONG_PASSWORD,
    "long plain": _base64(f"\0acme\0{_LONG_PASSWORD}"),
    "xoauth2": _base64("user=acme\1auth=Bearer t0ken\1\1"),
    "long xoauth2": _base64(f"user=acme\1auth=Bearer {_LONG_TOKEN}\1\1"),
    "smtp oauthbearer": _base64("n,a=acme,\1host=mx.example\1port=465\1auth=Bearer t0ken\1\1"),
    "pop3 oauthbearer": _base64("n,a=acme,\1host=mx.example\1port=995\1auth=Bearer t0ken\1\1"),
    "refused 400": _base64('{"status":"400","schemes":"Bearer","scope":"https://mail.example/"}'),
    "refused 401": _base64('{"status":"401","schemes":"Bearer","scope":"https://mail.example/"}'),
    "invalid token": _base64('{"status":"invalid_token","scope":"example"}'),
    "no json": _base64("expired, I am afraid"),
    "huge challenge": _base64('{"status":"401"}' + " " * 4096),
    "long body": "\r\n".join(["A line of a body that nobody needs to read."] * 1000),
}


def transcripts(protocol: str) -> list[Transcript]:
    """Return all transcripts of a protocol, by name."""
    return [load(path, WORDS) for path in sorted((FOLDER / protocol).glob("*.txt"))]


def account_of(parameters: Mapping[str, str], server: Server) -> Account:
    """Return the account that a transcript speaks of, at this server."""
    return Account(
        server=server,
        credentials=None if parameters.get("credentials") == "none" else _credentials_of(parameters),
        mechanism=Mechanism(parameters["mechanism"]) if "mechanism" in parameters else None,
        allow_plaintext_auth=parameters.get("plaintext auth") == "allowed",
    )


def _credentials_of(parameters: Mapping[str, str]) -> Credentials | TokenCredentials:
    username = parameters.get("username", "acme")
    if "token" in parameters:
        token = parameters["token"].replace("{long token}", _LONG_TOKEN)
        return TokenCredentials(username=username, oauth2=_OAUTH2, token=Secret("test", lambda: token))
    password = parameters.get("password", "secret").replace("{long password}", _LONG_PASSWORD)
    return Credentials(username=username, password=Secret("test", lambda: password))
