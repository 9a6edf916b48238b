"""From a server's keys to an `Account`: whether they fit each other, and the files that they name."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from mailsonar.config.loading import Loading
from mailsonar.config.oauth2 import oauth2_of, sound_part
from mailsonar.config.pem import wrong_with_authorities, wrong_with_pair
from mailsonar.config.presets import preset_limits
from mailsonar.config.problem import Place, Report
from mailsonar.config.secrets import REFERENCE, check_password, parse_reference
from mailsonar.config.server_schema import Pop3Part, ServerPart, SmtpPart, TimeoutsPart, TlsPart
from mailsonar.model.limits import Provider
from mailsonar.model.server import (
    DEFAULT_PORTS,
    Account,
    Credentials,
    IpVersion,
    Mechanism,
    Protocol,
    Security,
    Server,
    Timeouts,
    TlsPolicy,
    TokenCredentials,
)

_SESSION_SECONDS = {Protocol.SMTP: 180.0, Protocol.POP3: 60.0}


def check_credentials(keys: Mapping[str, object], place: Place, report: Report) -> None:
    """Report one of user name and its proof without the other, where both may be left out."""
    if keys.get("oauth2") is None:
        _check_pair_given(keys, ("username", "password"), place, report)
    elif keys.get("username") is None:
        report.wrong(place / "oauth2", "oauth2 needs username beside it")
    if keys.get("mechanism") is not None and keys.get("username") is None:
        report.wrong(place / "mechanism", "mechanism needs username and password beside it")


def check_proof(keys: Mapping[str, object], place: Place, report: Report) -> None:
    """Report a server where every session logs in, but nothing proves who we are."""
    if keys.get("password") is None and keys.get("oauth2") is None:
        report.wrong(place / "password", REFERENCE if "password" in keys else "is missing, but required")


def check_security(keys: Mapping[str, object], place: Place, report: Report) -> None:
    """Report keys of a server that do not fit its security.

    It looks at the keys as they were written, so that its complaints come together with those of the types.
    """
    plaintext = keys.get("security") == "plaintext"
    consent = keys.get("allow_plaintext_auth") is True
    if plaintext and keys.get("username") is not None and not consent:
        report.wrong(
            place / "security",
            "the password would travel unencrypted: write starttls or implicit_tls, or add allow_plaintext_auth: true",
        )
    if consent and keys.get("security") in ("starttls", "implicit_tls"):
        report.wrong(place / "allow_plaintext_auth", "is allowed with security: plaintext only: remove it")
    tls = keys.get("tls")
    if not isinstance(tls, Mapping):
        return
    _check_pair_given(tls, ("certificate", "key"), place / "tls", report)
    if plaintext and tls:
        report.wrong(
            place / "tls", "is not allowed with security: plaintext: remove it, or write starttls or implicit_tls"
        )


def _check_pair_given(keys: Mapping[str, object], pair: tuple[str, str], place: Place, report: Report) -> None:
    """Report one key of a pair without the other."""
    for key, other in (pair, pair[::-1]):
        if keys.get(key) is not None and keys.get(other) is None:
            report.wrong(place / key, f"{key} needs {other} beside it: give both or neither")


def account(part: SmtpPart | Pop3Part, address: str, place: Place, loading: Loading) -> Account:
    """Return the account that a server's keys describe; what its files and secrets lack is reported.

    Args:
        part: the keys.
        address: whose account it is.
        place: where the keys stand.
        loading: what is at hand.
    """
    server = _server(part, place, loading)
    tolerated = preset_limits(server.provider, server.protocol, address)
    return Account(
        server=server,
        credentials=_credentials(part, place, loading),
        mechanism=Mechanism(part.mechanism) if part.mechanism else None,
        limits=replace(tolerated, **{name: count for name, count in part.limits if count is not None}),
        allow_plaintext_auth=part.allow_plaintext_auth,
    )


def _credentials(part: ServerPart, place: Place, loading: Loading) -> Credentials | TokenCredentials | None:
    """Return who logs in, and what proves it; None where nobody does, or the proof is none."""
    if part.username is None:
        return None
    if part.oauth2 is not None:
        ca_file = _authorities(part.oauth2.ca_file, place / "oauth2", loading)
        oauth2 = oauth2_of(part.oauth2, part.username, place / "oauth2", loading)
        return TokenCredentials(username=part.username, oauth2=replace(oauth2, ca_file=ca_file)) if oauth2 else None
    if part.password is None:
        return None
    password = loading.secret(part.password, place / "password", check_password)
    return Credentials(username=part.username, password=password)


def examine_files(keys: Mapping[str, object], place: Place, loading: Loading) -> None:
    """Report the secret and the TLS files of a server whose keys make no account, so that all errors come together."""
    with suppress(PydanticCustomError):  # reported with the types, as is the next one
        reference = parse_reference(keys.get("password"), inline=loading.allow_inline_secrets)
        loading.secret(reference, place / "password", check_password)
    sound = sound_part(keys.get("oauth2"), inline=loading.allow_inline_secrets)
    _authorities(sound.ca_file, place / "oauth2", loading)
    oauth2_of(sound, "", place / "oauth2", loading)
    with suppress(ValidationError):
        _tls_policy(TlsPart.model_validate(keys.get("tls", {})), place / "tls", loading)


def _server(part: ServerPart, place: Place, loading: Loading) -> Server:
    """Return the endpoint, with the usual port where none is given."""
    protocol = Protocol.SMTP if isinstance(part, SmtpPart) else Protocol.POP3
    security = Security(part.security)
    return Server(
        protocol=protocol,
        host=part.host,
        port=part.port or DEFAULT_PORTS[protocol, security],
        security=security,
        tls=_tls_policy(part.tls, place / "tls", loading),
        ip_version=IpVersion(part.ip_version),
        timeouts=_timeouts(part.timeouts, protocol),
        provider=Provider(part.provider) if part.provider else None,
    )


def _timeouts(part: TimeoutsPart, protocol: Protocol) -> Timeouts:
    """Return the deadlines; those that are not given are the model's, but for the session's."""
    given = {name: seconds for name, seconds in part if seconds is not None}
    return Timeouts(**{"session": _SESSION_SECONDS[protocol], **given})


def _tls_policy(part: TlsPart, place: Place, loading: Loading) -> TlsPolicy:
    """Return the policy, after its files were read once."""
    ca_file = _authorities(part.ca_file, place, loading)
    certificate = loading.path(place, part.certificate) if part.certificate else None
    key = loading.path(place, part.key) if part.key else None
    if certificate and key:
        loading.examine((certificate, key), wrong_with_pair, place / "certificate")
    return TlsPolicy(
        ca_file=ca_file,
        server_name=part.server_name,
        min_version=part.min_version,
        certificate=str(certificate) if certificate else None,
        key=str(key) if key else None,
    )


def _authorities(name: str | None, place: Place, loading: Loading) -> str | None:
    """Return the path of a file of authorities, after it was read once."""
    if name is None:
        return None
    ca_file = loading.path(place, name)
    loading.examine((ca_file,), wrong_with_authorities, place / "ca_file")
    return str(ca_file)
