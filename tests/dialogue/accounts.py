"""From the parameters at a transcript's head to the account whose session it is."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

from tests.support.transcripts import Transcript, load

from mailsonar.message.token import Token, base32, route_digest
from mailsonar.model.server import Account, Credentials, Mechanism, Secret, Server

FOLDER = Path(__file__).with_name("transcripts")
KEY = Secret("test", lambda: "k" * 32)

_OTHER_KEY = Secret("test", lambda: "o" * 32)
_LONG_PASSWORD = "long " * 100


def _token(letter: bytes) -> Token:
    return Token(id=base32(letter * 12), route=route_digest("acme"), instance=base32(b"n" * 5), started_ms=1)


WORDS = {
    "token": _token(b"a").signed(KEY),
    "second token": _token(b"b").signed(KEY),
    "forged token": _token(b"a").signed(_OTHER_KEY),
    "long line": "x" * 9000,
    "long password": _LONG_PASSWORD,
    "long plain": base64.b64encode(f"\0acme\0{_LONG_PASSWORD}".encode()).decode(),
    "long body": "\r\n".join(["A line of a body that nobody needs to read."] * 1000),
}


def transcripts(protocol: str) -> list[Transcript]:
    """Return all transcripts of a protocol, by name."""
    return [load(path, WORDS) for path in sorted((FOLDER / protocol).glob("*.txt"))]


def account_of(parameters: Mapping[str, str], server: Server) -> Account:
    """Return the account that a transcript speaks of, at this server."""
    password = parameters.get("password", "secret").replace("{long password}", _LONG_PASSWORD)
    credentials = Credentials(username=parameters.get("username", "acme"), password=Secret("test", lambda: password))
    return Account(
        server=server,
        credentials=None if parameters.get("credentials") == "none" else credentials,
        mechanism=Mechanism(parameters["mechanism"]) if "mechanism" in parameters else None,
        allow_plaintext_auth=parameters.get("plaintext auth") == "allowed",
    )
