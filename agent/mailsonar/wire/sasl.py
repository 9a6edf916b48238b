"""SASL mechanisms as pure functions (RFC 4616, 2195, 7628; LOGIN as draft-murchison-sasl-login has it).

CRAM-MD5 proves the password with HMAC-MD5 and so stays acceptable where APOP's bare MD5 is not.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re

from mailsonar.model.fault import LimitExceeded, MailSonarError, ProtocolViolation

CHALLENGE_LIMIT = 4096

_STATUS = re.compile(r"[A-Za-z0-9_]{1,30}")


def encode(raw: bytes) -> str:
    """Return a response as base64 (RFC 4954 section 4, RFC 5034 section 4)."""
    return base64.b64encode(raw).decode()


def decode(challenge: bytes | str) -> bytes:
    """Return the challenge that a server sent as base64.

    Raises:
        ProtocolViolation: it is no base64.
        LimitExceeded: it is longer than 4 KiB.
    """
    if len(challenge) > CHALLENGE_LIMIT:
        raise LimitExceeded(f"a challenge of more than {CHALLENGE_LIMIT} bytes")
    try:
        return base64.b64decode(challenge, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProtocolViolation("the challenge is not base64") from error


def plain(username: str, password: str) -> bytes:
    """Return the one response of PLAIN (RFC 4616)."""
    return f"\0{username}\0{password}".encode()


def cram_md5(username: str, password: str, challenge: bytes) -> bytes:
    """Return the answer to a CRAM-MD5 challenge (RFC 2195)."""
    return f"{username} {hmac.new(password.encode(), challenge, 'md5').hexdigest()}".encode()


def xoauth2(username: str, token: str) -> bytes:
    """Return the one response of XOAUTH2, as Google and Microsoft document it."""
    return f"user={username}\x01auth=Bearer {token}\x01\x01".encode()


def oauthbearer(username: str, token: str, host: str, port: int) -> bytes:
    """Return the one response of OAUTHBEARER (RFC 7628 section 3.1), the user name as an `authzid` of GS2."""
    authzid = username.replace("=", "=3D").replace(",", "=2C")
    return f"n,a={authzid},\x01host={host}\x01port={port}\x01auth=Bearer {token}\x01\x01".encode()


def bearer_status(challenge: bytes | str) -> str | None:
    """Return the `status` of the JSON by which a server refuses a token, None where it makes no sense.

    The server's real answer follows (RFC 7628 section 3.2.3): nothing here is a reason to cancel the exchange.
    """
    try:
        told = json.loads(decode(challenge))
    except (MailSonarError, ValueError, RecursionError):
        return None
    status = told.get("status") if isinstance(told, dict) else None
    return str(status) if isinstance(status, str | int) and _STATUS.fullmatch(str(status)) else None
