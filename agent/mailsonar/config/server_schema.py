"""The documented keys of a server: how to reach it, how to log in, what it tolerates.

The texts below the keys are what editors show.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from mailsonar.config.arguments import Endpoint, Host, Tenant, Text
from mailsonar.config.durations import Duration
from mailsonar.config.secrets import SecretReference


class Part(BaseModel):
    """A mapping of the config file; a key that is known but not supported yet stands in `not_yet`."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        model_title_generator=lambda model: model.__name__.removesuffix("Part"),
    )
    not_yet: ClassVar[frozenset[str]] = frozenset()


def _upper(value: object) -> object:
    """Return text in upper case: mechanisms may be spelled in any."""
    return value.upper() if isinstance(value, str) else value


def _digits(value: object) -> object:
    """Return a number as it was written: `4` and `1.2` need no quotes."""
    bare = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 10
    return str(value) if bare else value


class TlsPart(Part):
    """What a TLS handshake must satisfy; verification cannot be switched off."""

    ca_file: Text | None = None
    """PEM file of the authorities to trust instead of the system's; relative to this config file's folder."""
    server_name: Host | None = None
    """The name that the certificate must carry, where it is not the host."""
    min_version: Annotated[
        Literal["1.2", "1.3"], BeforeValidator(_digits), WithJsonSchema({"enum": ["1.2", "1.3", 1.2, 1.3]})
    ] = "1.2"
    """The oldest TLS version to accept."""
    certificate: Text | None = None
    """PEM file of our own certificate, for servers that ask for one; goes with `key`."""
    key: Text | None = None
    """PEM file of the key to `certificate`, not encrypted."""


class TimeoutsPart(Part):
    """Deadlines of a session's stages; each one spans the whole stage."""

    connect: Duration | None = None
    """For the name's resolution and all addresses together; 10s unless set."""
    tls: Duration | None = None
    """For the TLS handshake; 10s unless set."""
    greeting: Duration | None = None
    """For the server's greeting; 30s unless set."""
    command: Duration | None = None
    """For the reply to each command; 30s unless set."""
    data: Duration | None = None
    """For the reply to the end of the message; 120s unless set."""
    session: Duration | None = None
    """For the whole session; 180s for smtp and 60s for pop3 unless set."""


class LimitsPart(Part):
    """What the account's provider tolerates."""

    sessions: Annotated[int, Field(ge=1)] | None = None
    """The most sessions at a time; 2, or what the provider is known to tolerate, unless set."""
    logins_per_hour: Annotated[int, Field(ge=1)] | None = None
    """The most logins in an hour; no limit, or what the provider is known to tolerate, unless set."""


class OAuth2Part(Part):
    """Where access tokens come from, and what proves that we may have them."""

    tenant: Tenant | None = None
    """Tenant of Microsoft 365: stands for its token endpoint and scope."""
    client_id: Text | None = None
    """Id of the application that is registered for the probe."""
    client_secret: SecretReference | None = None
    """What proves the client; or a certificate, or a federated token."""
    certificate: Text | None = None
    """PEM file of the certificate that is registered for the client; goes with `key`."""
    key: Text | None = None
    """PEM file of the key to `certificate`, not encrypted; it signs what proves the client."""
    federated_token_file: Text | None = None
    """File in which the platform keeps a token that proves the client, as Kubernetes' workload identity does."""
    refresh_token: SecretReference | None = None
    """Token of a user who once agreed; without it the token is for the client itself."""
    service_account_file: Text | None = None
    """Key file of a Google service account that may act for the user name."""
    scope: Text | None = None
    """What the token shall be good for; the provider's usual one unless set."""
    token_endpoint: Endpoint | None = None
    """Address that gives tokens; the provider's usual one unless set."""
    ca_file: Text | None = None
    """PEM file of the authorities to trust for the token endpoint instead of the system's."""


def _let_a_provider_stand_in(schema: dict[str, Any]) -> None:
    """Require what a provider stands for only where none is given."""
    meant = ["host", "security"]
    schema["required"] = [key for key in schema["required"] if key not in meant]
    schema["anyOf"] = [{"required": ["provider"]}, {"required": meant}]


class ServerPart(Part):
    """A server and the account there."""

    model_config = ConfigDict(json_schema_extra=_let_a_provider_stand_in)

    provider: Literal["microsoft365", "google", "ovh", "cpanel", "zoho"] | None = None
    """Whose server it is: stands for host, security, where access tokens come from, and limits."""
    host: Host
    """Name or address of the server; a provider's usual one unless set."""
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Port of the server; the usual one for the protocol and its security unless set."""
    security: Literal["starttls", "implicit_tls", "plaintext"]
    """How the connection becomes confidential."""
    username: Text | None = None
    """Who logs in; goes with `password` or `oauth2`."""
    password: SecretReference | None = None
    """What proves the user name; or `oauth2`."""
    oauth2: OAuth2Part | None = None
    """Where access tokens come from that prove the user name, in place of a password."""
    tls: TlsPart = TlsPart()
    """What a TLS handshake must satisfy."""
    ip_version: Annotated[
        Literal["any", "4", "6"], BeforeValidator(_digits), WithJsonSchema({"enum": ["any", "4", "6", 4, 6]})
    ] = "any"
    """Which addresses may be used."""
    timeouts: TimeoutsPart = TimeoutsPart()
    """Deadlines of a session's stages."""
    limits: LimitsPart = LimitsPart()
    """How much of us the account's provider tolerates."""
    allow_plaintext_auth: bool = False
    """Consent to send the password unencrypted, where security is plaintext."""


class SmtpPart(ServerPart):
    """An SMTP submission server; without user name and password nobody logs in."""

    mechanism: (
        Annotated[Literal["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2", "OAUTHBEARER"], BeforeValidator(_upper)] | None
    ) = None
    """How to log in; the best that the server offers unless set."""


class Pop3Part(ServerPart):
    """A POP3 server."""

    username: Text
    """Who logs in."""
    mechanism: Annotated[Literal["PLAIN", "USER", "XOAUTH2", "OAUTHBEARER"], BeforeValidator(_upper)] | None = None
    """How to log in; the best that the server offers unless set."""
