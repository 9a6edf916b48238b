"""From a web config file to a `WebConfig`: the certificate that we show, and who may come in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from mailsonar.config.document import read_document
from mailsonar.config.loading import Loading
from mailsonar.config.pem import wrong_with_authorities, wrong_with_pair
from mailsonar.config.problem import Place, Report
from mailsonar.config.web_schema import ClientAuthType, TlsServerPart, TlsVersion, WebFile

SECTIONS = "tls_server_config and basic_auth_users"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTls:
    """What a TLS handshake with us must satisfy; `cipher_suites` by their IANA names, none for the usual ones."""

    cert_file: Path
    key_file: Path
    client_auth_type: ClientAuthType = "NoClientCert"
    client_ca_file: Path | None = None
    client_allowed_sans: tuple[str, ...] = ()
    min_version: TlsVersion = "TLS12"
    max_version: TlsVersion = "TLS13"
    cipher_suites: tuple[str, ...] = ()
    prefer_server_cipher_suites: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class WebConfig:
    """What holds for the page's visitors; with nothing set, all may come.

    `users` has the bcrypt hash of each one's password.
    """

    tls: ServerTls | None = None
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


def read_web_config(file: Path, loading: Loading) -> WebConfig:
    """Return what a web config says; it means nothing where problems were reported."""
    document = read_document(file, loading.report, sections=SECTIONS)
    if document is None:
        return WebConfig()
    top, written = Place(document), document.value.get("tls_server_config")
    keys = written if isinstance(written, dict) else {}
    _check_clients(keys, top / "tls_server_config", loading.report)
    _check_versions(keys, top / "tls_server_config", loading.report)
    files = _examined(keys, top / "tls_server_config", loading)
    part = loading.part(WebFile, document.value, top)
    if part is None:
        return WebConfig()
    if part.http_server_config.http2:
        loading.report.odd(top / "http_server_config" / "http2", "HTTP/2 is not spoken here: clients get HTTP/1.1")
    if part.basic_auth_users and not part.tls_server_config:
        loading.report.odd(top / "basic_auth_users", "without tls_server_config, passwords travel unencrypted")
    return WebConfig(
        tls=_server_tls(part.tls_server_config, files) if part.tls_server_config else None,
        users=MappingProxyType(part.basic_auth_users or {}),
        headers=MappingProxyType(part.http_server_config.headers.model_dump(by_alias=True, exclude_none=True)),
    )


def _server_tls(part: TlsServerPart, files: Mapping[str, Path]) -> ServerTls:
    return ServerTls(
        cert_file=files["cert_file"],
        key_file=files["key_file"],
        client_auth_type=part.client_auth_type,
        client_ca_file=files.get("client_ca_file"),
        client_allowed_sans=tuple(part.client_allowed_sans or ()),
        min_version=part.min_version,
        max_version=part.max_version,
        cipher_suites=tuple(part.cipher_suites or ()),
        prefer_server_cipher_suites=part.prefer_server_cipher_suites,
    )


def _examined(keys: Mapping[str, object], place: Place, loading: Loading) -> dict[str, Path]:
    """Return the files that are named, after they were read once; they are looked into even if other keys are wrong."""
    names = {key: keys.get(key) for key in ("cert_file", "key_file", "client_ca_file")}
    files = {key: loading.path(place, name) for key, name in names.items() if isinstance(name, str) and name}
    if "cert_file" in files and "key_file" in files:
        loading.examine((files["cert_file"], files["key_file"]), wrong_with_pair, place / "cert_file")
    if "client_ca_file" in files:
        loading.examine((files["client_ca_file"],), wrong_with_authorities, place / "client_ca_file")
    return files


def _check_clients(keys: Mapping[str, object], place: Place, report: Report) -> None:
    """Report what does not fit each other in what is asked of clients.

    It looks at the keys as they were written, so that its complaints come together with those of the types.
    """
    asked = keys.get("client_auth_type")
    if keys.get("client_ca_file") is not None and asked in {None, "NoClientCert"}:
        report.wrong(
            place / "client_ca_file",
            "needs client_auth_type beside it: VerifyClientCertIfGiven or RequireAndVerifyClientCert",
        )
    if keys.get("client_ca_file") is None and asked in {"VerifyClientCertIfGiven", "RequireAndVerifyClientCert"}:
        report.wrong(place / "client_auth_type", "needs client_ca_file beside it, to verify by")
    if keys.get("client_allowed_sans") is not None and asked != "RequireAndVerifyClientCert":
        report.wrong(place / "client_allowed_sans", "needs client_auth_type: RequireAndVerifyClientCert beside it")


def _check_versions(keys: Mapping[str, object], place: Place, report: Report) -> None:
    """Report versions and suites that leave no handshake to succeed."""
    oldest, suites = keys.get("min_version"), keys.get("cipher_suites")
    if oldest == "TLS13" and keys.get("max_version") == "TLS12":
        report.wrong(place / "max_version", "must not be older than min_version")
    named = [suite for suite in suites if isinstance(suite, str)] if isinstance(suites, list) else []
    if named and oldest != "TLS13" and not any("_WITH_" in suite for suite in named):
        report.wrong(
            place / "cipher_suites", "names none of TLS 1.2: add one with _WITH_ in it, or write min_version: TLS13"
        )
