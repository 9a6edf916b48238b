"""One question to a token endpoint and what to make of its answer (RFC 6749 section 5), bounded in time and size.

Only here is HTTP spoken to others. No redirect is followed: it would carry secrets elsewhere.
"""

from __future__ import annotations

import json
import math
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from mailsonar.model.fault import MailSonarError
from mailsonar.model.oauth2 import TokenResult
from mailsonar.model.redaction import strike_out
from mailsonar.model.server import IpVersion
from mailsonar.net.assertions import CONFIDENTIAL
from mailsonar.net.resolve import Resolver
from mailsonar.wire.lines import printable

ANSWER_SECONDS = 10.0
BODY_LIMIT = 64 * 1024
TOKEN_LIMIT = 9 * 1024  # with a user name, what a base64 line of 12288 octets holds (RFC 4954 section 4)
LONGEST_LIFETIME_SECONDS = 24 * 3600.0
NOTABLE_SKEW_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What is asked of whom; `fields` holds secrets."""

    endpoint: str
    fields: Mapping[str, str] = field(repr=False)
    now_wall: float

    @property
    def confidential(self) -> list[str]:
        """Return what must not show, also as a form carries it."""
        plain = [self.fields[name] for name in CONFIDENTIAL if name in self.fields]
        return [form for value in plain for form in dict.fromkeys((value, quote_plus(value), quote(value, safe="")))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What the endpoint gave; `lifetime_seconds` is None where it did not say."""

    token: str = field(repr=False)
    lifetime_seconds: float | None
    refresh_token: str | None = field(repr=False)


class NoToken(Exception):
    """The endpoint gave no token; `detail` is for humans, without secrets, with the provider's error code."""

    def __init__(self, detail: str, result: TokenResult = TokenResult.FAILED, retry_after: float = 0.0) -> None:
        super().__init__(detail)
        self.detail = detail
        self.result = result
        self.retry_after_seconds = retry_after


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


async def ask(grounds: Grounds, context: ssl.SSLContext, resolver: Resolver) -> Granted:
    """Ask for a token.

    Args:
        grounds: what is asked of whom.
        context: verifies the endpoint's certificate.
        resolver: gives its addresses.

    Raises:
        NoToken: there is none.
    """
    host = urlsplit(grounds.endpoint).hostname or ""
    try:
        answer = await _post(grounds, context, resolver)
        return _granted(answer)
    except NoToken as none:
        skew = _skew(answer, grounds.now_wall) if none.result is TokenResult.REFUSED else ""
        detail = printable(strike_out(f"{host}: {none.detail}{skew}", grounds.confidential))
        raise NoToken(detail, none.result, none.retry_after_seconds) from None
    except MailSonarError as error:
        raise NoToken(error.detail) from None
    except TimeoutError:
        raise NoToken(f"{host}: no answer within {ANSWER_SECONDS:.3g} s") from None
    except aiohttp.ClientError as error:
        raise NoToken(f"{host}: {_words(error)}") from None


async def _post(grounds: Grounds, context: ssl.SSLContext, resolver: Resolver) -> _Answer:
    connector = aiohttp.TCPConnector(ssl=context, resolver=_Names(resolver), use_dns_cache=False, force_close=True)
    async with (
        aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        ) as session,
        session.post(
            grounds.endpoint,
            data=dict(grounds.fields),
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            allow_redirects=False,
        ) as response,
    ):
        body = bytearray()
        while len(body) <= BODY_LIMIT and (piece := await response.content.readany()):
            body += piece
        if len(body) > BODY_LIMIT:
            raise NoToken(f"HTTP {response.status}: an answer of more than {BODY_LIMIT} bytes")
        return _Answer(response.status, response.headers, bytes(body))


class _Names(AbstractResolver):
    """Our own look-ups for the HTTP client: its own would hold threads that all of the agent shares."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a host."""
        addresses = await self._resolver.look_up((host, port, IpVersion.ANY), ANSWER_SECONDS)
        return [
            ResolveResult(
                hostname=host, host=one.endpoint[0], port=port, family=one.family, proto=0, flags=socket.AI_NUMERICHOST
            )
            for one in addresses
            if family in (socket.AF_UNSPEC, one.family)
        ]

    async def close(self) -> None:
        """Leave the resolver to whoever made it."""


def _granted(answer: _Answer) -> Granted:
    """Return what an answer grants (RFC 6749 section 5.1)."""
    told = _json(answer)
    if told is None or not 200 <= answer.status < 300 or "access_token" not in told:
        raise _refusal(answer, told)
    token, kind = told["access_token"], told.get("token_type", "bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise NoToken("the token's type is not Bearer")
    if not isinstance(token, str) or not token or not all("!" <= char <= "~" for char in token):
        raise NoToken("the access token is no text of printable ASCII characters")
    if len(token) > TOKEN_LIMIT:
        raise NoToken(f"an access token of {len(token)} bytes: mail servers take no more than {TOKEN_LIMIT}")
    refresh_token = told.get("refresh_token")
    return Granted(
        token=token,
        lifetime_seconds=_lifetime(told.get("expires_in")),
        refresh_token=refresh_token if isinstance(refresh_token, str) and refresh_token else None,
    )


def _json(answer: _Answer) -> dict[str, Any] | None:
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def _lifetime(told: object) -> float | None:
    """Return the seconds that a token lives; some endpoints write the number as text."""
    if told is None:
        return None
    try:
        seconds = float(told) if isinstance(told, int | float | str) and not isinstance(told, bool) else math.nan
    except (ValueError, OverflowError):
        seconds = math.nan
    if not seconds > 0:  # nor is NaN
        raise NoToken("the access token's expires_in makes no sense, or is over")
    return min(seconds, LONGEST_LIFETIME_SECONDS)


def _refusal(answer: _Answer, told: dict[str, Any] | None) -> NoToken:
    """Return what an answer without a token amounts to (RFC 6749 section 5.2)."""
    pause = _retry_after(answer)
    if told is None:
        kind = printable(answer.headers.get("Content-Type", "no Content-Type"), 60)
        return NoToken(f"HTTP {answer.status}: the answer is no JSON object ({kind})", retry_after=pause)
    words = [told[key] for key in ("error", "error_description") if isinstance(told.get(key), str) and told[key]]
    if not words:
        return NoToken(f"HTTP {answer.status}: the answer has neither a token nor an error", retry_after=pause)
    is_no = answer.status < 500 and answer.status != 429
    return NoToken(": ".join(words), TokenResult.REFUSED if is_no else TokenResult.FAILED, pause)


def _retry_after(answer: _Answer) -> float:
    told = answer.headers.get("Retry-After", "")
    return float(told) if told.isascii() and told.isdigit() and len(told) < 10 else 0.0


def _skew(answer: _Answer, now_wall: float) -> str:
    """Return a hint where the endpoint's clock and ours differ: assertions are refused for that."""
    try:
        ahead = parsedate_to_datetime(answer.headers.get("Date", "")).timestamp() - now_wall
    except (ValueError, TypeError, OverflowError):
        return ""
    if abs(ahead) < NOTABLE_SKEW_SECONDS:
        return ""
    return f"; its clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} ours"


def _words(error: aiohttp.ClientError) -> str:
    """Return a few words of ours; the library's own may quote what the endpoint sent."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        inner = error.certificate_error
        return f"its certificate does not verify: {getattr(inner, 'verify_message', '') or type(inner).__name__}"
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return "no TLS session came about"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection: {(error.os_error.strerror or 'failed').lower()}"
    if isinstance(error, aiohttp.ClientConnectionError):
        return "the connection was lost"
    return "the answer is no HTTP that makes sense"
