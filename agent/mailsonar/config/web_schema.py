"""The documented keys of the web config: the format that Prometheus' exporters share.

What of it cannot be had here is known, and refused by name.
"""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from mailsonar.config.arguments import Text, check_text
from mailsonar.config.server_schema import Part

LARGEST_COST = 14  # about a second; each further step doubles it
_HASH = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}", re.ASCII)

CipherSuite = Literal[
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
]
TlsVersion = Literal["TLS12", "TLS13"]
ClientAuthType = Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"]


def check_hash(text: str) -> str:
    """Refuse what is no bcrypt hash, or one that takes too long; the hash itself is not told."""
    match = _HASH.fullmatch(text)
    if not match:
        raise PydanticCustomError("argument", "must be a bcrypt hash: 60 characters that start with $2b$ or $2y$")
    if not 4 <= int(match[1]) <= LARGEST_COST:
        raise PydanticCustomError("argument", f"has a cost of {int(match[1])}: it must be 4 to {LARGEST_COST}")
    return text


def check_user(text: str) -> str:
    """Refuse a user name that no browser could send (RFC 7617 section 2)."""
    check_text(text)
    if ":" in text:
        raise PydanticCustomError("argument", "a user name must not hold a colon")
    return text


class TlsServerPart(Part):
    """The certificate that we show, and what is asked of clients."""

    not_yet: ClassVar[frozenset[str]] = frozenset({"cert", "key", "client_ca", "curve_preferences"})

    cert_file: Text
    """PEM file of our certificate and those up to its authority; relative to this file's folder, as all are."""
    key_file: Text
    """PEM file of the key to `cert_file`, not encrypted."""
    client_auth_type: ClientAuthType = "NoClientCert"
    """Whether clients must show a certificate."""
    client_ca_file: Text | None = None
    """PEM file of the authorities that client certificates are verified by."""
    client_allowed_sans: Annotated[list[Text], Field(min_length=1)] | None = None
    """Names, addresses or URIs, one of which a client certificate must carry."""
    min_version: TlsVersion = "TLS12"
    """The oldest TLS version to accept."""
    max_version: TlsVersion = "TLS13"
    """The newest TLS version to accept."""
    cipher_suites: Annotated[list[CipherSuite], Field(min_length=1)] | None = None
    """Suites to accept; those of TLS 1.3 cannot be chosen among."""
    prefer_server_cipher_suites: bool = True
    """Whether the order of our suites counts, or the client's."""


class HeadersPart(Part):
    """Headers for every answer."""

    hsts: Annotated[Text | None, Field(alias="Strict-Transport-Security")] = None
    """Tells browsers to come by TLS only."""
    csp: Annotated[Text | None, Field(alias="Content-Security-Policy")] = None
    """A further policy for browsers; ours stays in force."""
    framing: Annotated[Literal["deny", "sameorigin"] | None, Field(alias="X-Frame-Options")] = None
    """Who may show our pages in a frame; our policy for browsers forbids it to all."""
    sniffing: Annotated[Literal["nosniff"] | None, Field(alias="X-Content-Type-Options")] = None
    """Sent in any case."""
    xss: Annotated[Text | None, Field(alias="X-XSS-Protection")] = None
    """Obeyed by browsers of old."""


class HttpServerPart(Part):
    """How HTTP is spoken."""

    http2: bool = False
    """Whether HTTP/2 is wanted; it is not spoken."""
    headers: HeadersPart = HeadersPart()
    """Headers for every answer."""


class WebFile(Part):
    """The web config of MailSonar."""

    not_yet: ClassVar[frozenset[str]] = frozenset({"rate_limit"})

    tls_server_config: TlsServerPart | None = None
    """The certificate that we show; without it, TLS is off."""
    http_server_config: HttpServerPart = HttpServerPart()
    """How HTTP is spoken."""
    basic_auth_users: (
        Annotated[
            dict[Annotated[str, AfterValidator(check_user)], Annotated[str, AfterValidator(check_hash)]],
            Field(min_length=1),
        ]
        | None
    ) = None
    """The bcrypt hash of each user's password; without it nobody is asked for one."""
