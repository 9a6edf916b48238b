"""A server as the operator configured it, and the account that logs in to it; nothing here connects."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from mailsonar.model.limits import Limits, Provider
from mailsonar.model.oauth2 import OAuth2
from mailsonar.model.secret import Secret, SecretUnreadable

__all__ = ["Limits", "Secret", "SecretUnreadable"]  # where they are looked for


class Protocol(StrEnum):
    """The protocol that a server speaks to us."""

    SMTP = "smtp"
    POP3 = "pop3"


class Security(StrEnum):
    """How a connection becomes confidential (RFC 3207, 2595, 8314)."""

    STARTTLS = "starttls"
    IMPLICIT_TLS = "implicit_tls"
    PLAINTEXT = "plaintext"


DEFAULT_PORTS = {
    (Protocol.SMTP, Security.STARTTLS): 587,
    (Protocol.SMTP, Security.IMPLICIT_TLS): 465,
    (Protocol.SMTP, Security.PLAINTEXT): 25,
    (Protocol.POP3, Security.STARTTLS): 110,
    (Protocol.POP3, Security.IMPLICIT_TLS): 995,
    (Protocol.POP3, Security.PLAINTEXT): 110,
}


class IpVersion(StrEnum):
    """Which address families may be used."""

    ANY = "any"
    V4 = "4"
    V6 = "6"


class Mechanism(StrEnum):
    """A way to authenticate; `USER` is POP3's USER and PASS (RFC 1939), the others are SASL mechanisms."""

    PLAIN = "PLAIN"
    LOGIN = "LOGIN"
    CRAM_MD5 = "CRAM-MD5"
    USER = "USER"
    XOAUTH2 = "XOAUTH2"
    OAUTHBEARER = "OAUTHBEARER"


# What hands the secret itself over, so that it is anybody's on a connection without TLS.
PLAINTEXT_MECHANISMS = frozenset({"PLAIN", "LOGIN", "USER", "XOAUTH2", "OAUTHBEARER"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsPolicy:
    """What a TLS handshake must satisfy; verification itself cannot be switched off."""

    ca_file: str | None = None
    server_name: str | None = None
    min_version: str = "1.2"
    certificate: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Absolute deadlines in seconds; `connect` spans name resolution and all addresses."""

    connect: float = 10.0
    tls: float = 10.0
    greeting: float = 30.0
    command: float = 30.0
    data: float = 120.0
    session: float = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One endpoint and how to reach it; `provider` is whose it is, None where that is not known."""

    protocol: Protocol
    host: str
    port: int
    security: Security
    tls: TlsPolicy = TlsPolicy()
    ip_version: IpVersion = IpVersion.ANY
    timeouts: Timeouts = Timeouts()
    provider: Provider | None = None

    @property
    def name(self) -> str:
        """Return `host:port`, an IPv6 literal in brackets: the label `server`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def tls_name(self) -> str:
        """Return the name that the certificate must carry, also sent as SNI."""
        return self.tls.server_name or self.host.rstrip(".")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A user name and the password that proves it."""

    username: str
    password: Secret

    def identity(self) -> str:
        """Return what changes when an operator changes the secret."""
        return self.password.reveal()


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCredentials:
    """A user name, and where the access tokens come from that prove it; a session needs one at hand, its `token`."""

    username: str
    oauth2: OAuth2
    token: Secret | None = None

    def identity(self) -> str:
        """Return what changes when an operator changes the secret."""
        return self.oauth2.identity()


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A server together with who we are there; without credentials only for SMTP."""

    server: Server
    credentials: Credentials | TokenCredentials | None
    mechanism: Mechanism | None = None
    limits: Limits = field(default_factory=Limits)
    allow_plaintext_auth: bool = False

    @property
    def name(self) -> str:
        """Return the configured user name, "" where there is none: the label `account`."""
        return self.credentials.username if self.credentials else ""

    @property
    def key(self) -> str:
        """Return what tells this account from all others: protocol, server and user name."""
        return f"{self.server.protocol} {self.server.name} {self.name}"

    @property
    def token_endpoint(self) -> str | None:
        """Return who gives the account its access tokens; None where it has a password, or nothing."""
        return self.credentials.oauth2.token_endpoint if isinstance(self.credentials, TokenCredentials) else None

    def with_token(self, token: str) -> Account:
        """Return the account with an access token at hand, for one session."""
        assert isinstance(self.credentials, TokenCredentials)  # noqa: S101 - no other account gets tokens
        return replace(self, credentials=replace(self.credentials, token=Secret("access token", lambda: token)))
