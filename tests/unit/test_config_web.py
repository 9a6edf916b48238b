"""The web config: what a good one amounts to, and the exact messages of bad ones."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
import trustme

from mailsonar.config.load import Config, ConfigInvalid, load_config
from mailsonar.config.web import ServerTls, WebConfig

CANARY = "$2y$10$CANARYCANARYCANARYCANe"
HASH = "$2b$10$kj5nwnDVntHX8vvp8hDx6uYSFup3wUqd78xzTANSTcdSsoc5gssje"
PAIR = "cert_file: cert.pem, key_file: key.pem"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a config and PEM files."""
    folder = tmp_path_factory.mktemp("web")
    (folder / "main.yml").write_text("labels: []\n")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for name in ("", "other-"):
        pair = authority.issue_cert("agent.acme.example")
        pair.cert_chain_pems[0].write_to_path(folder / f"{name}cert.pem")
        pair.private_key_pem.write_to_path(folder / f"{name}key.pem")
    return folder


def load(folder: Path, text: str) -> Config:
    """Load a web config of this text beside a config that is good."""
    (folder / "web.yml").write_text(textwrap.dedent(text))
    return load_config(folder / "main.yml", environ={}, web_file=folder / "web.yml")


def test_everything_that_can_be_said(folder: Path) -> None:
    """All keys are taken over; files are relative to the web config, and watched with it."""
    config = load(
        folder,
        f"""\
        tls_server_config:
          cert_file: cert.pem
          key_file: key.pem
          client_auth_type: RequireAndVerifyClientCert
          client_ca_file: ca.pem
          client_allowed_sans: [prometheus.acme.example]
          min_version: TLS12
          max_version: TLS13
          cipher_suites: [TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
          prefer_server_cipher_suites: false
        http_server_config:
          http2: false
          headers: {{Strict-Transport-Security: max-age=60, X-Frame-Options: deny}}
        basic_auth_users: {{prometheus: {HASH}, 'Jürgen': {HASH}}}
        """,
    )
    assert config.web == WebConfig(
        tls=ServerTls(
            cert_file=folder / "cert.pem",
            key_file=folder / "key.pem",
            client_auth_type="RequireAndVerifyClientCert",
            client_ca_file=folder / "ca.pem",
            client_allowed_sans=("prometheus.acme.example",),
            cipher_suites=("TLS_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
            prefer_server_cipher_suites=False,
        ),
        users={"prometheus": HASH, "Jürgen": HASH},
        headers={"Strict-Transport-Security": "max-age=60", "X-Frame-Options": "deny"},
    )
    assert {file.name for file in config.sources.files} == {"main.yml", "web.yml", "cert.pem", "key.pem", "ca.pem"}
    assert HASH not in repr(config)


def test_without_a_web_config_the_page_is_open(folder: Path) -> None:
    """Nobody is asked for anything unless the operator says so."""
    assert load_config(folder / "main.yml", environ={}).web == WebConfig()


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (
            f"basic_auth_users: {{a: {HASH}}}",
            "basic_auth_users: without tls_server_config, passwords travel unencrypted",
        ),
        (
            f"{{tls_server_config: {{{PAIR}}}, http_server_config: {{http2: true}}}}",
            "http_server_config.http2: HTTP/2 is not spoken here: clients get HTTP/1.1",
        ),
    ],
)
def test_what_is_odd_is_told(folder: Path, text: str, warning: str) -> None:
    """What works otherwise than one might think is a warning."""
    assert f"{folder / 'web.yml'}:1: {warning}" in load(folder, text).warnings


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("", ["(file): is empty: it must have sections such as tls_server_config and basic_auth_users"]),
        ("- a", ["(file): must be a mapping of sections such as tls_server_config and basic_auth_users"]),
        (
            "basic_auth_user: {}",
            ["basic_auth_user: unknown key; allowed: tls_server_config, http_server_config, basic_auth_users"],
        ),
        ("rate_limit: {burst: 1}", ["rate_limit: not supported by this version"]),
        ("basic_auth_users: {}", ["basic_auth_users: must have at least one item"]),
        ("basic_auth_users: [a]", ["basic_auth_users: must be a mapping (key: value)"]),
        (
            f"basic_auth_users: {{a: password, b: {CANARY}, c: 12, d: {{e: f}}}}",
            [
                "basic_auth_users.a: must be a bcrypt hash: 60 characters that start with $2b$ or $2y$",
                "basic_auth_users.b: must be a bcrypt hash: 60 characters that start with $2b$ or $2y$",
                "basic_auth_users.c: must be text",
                "basic_auth_users.d: must be text",
            ],
        ),
        (
            f"basic_auth_users: {{a: {HASH.replace('10', '15', 1)}, b: {HASH.replace('10', '03', 1)}}}",
            [
                "basic_auth_users.a: has a cost of 15: it must be 4 to 14",
                "basic_auth_users.b: has a cost of 3: it must be 4 to 14",
            ],
        ),
        (
            f"basic_auth_users: {{'a:b': {HASH}, \"c\\nd\": {HASH}}}",
            [
                "basic_auth_users.a:b: a user name must not hold a colon",
                "basic_auth_users.c\\nd: must not hold line breaks or other control characters",
            ],
        ),
        (
            "tls_server_config: {cert_file: cert.pem}",
            ["tls_server_config.key_file: is missing, but required"],
        ),
        (
            "tls_server_config: {cert_file: cert.pem, key_file: other-key.pem, min_version: TLS11}",
            [
                (
                    "tls_server_config.cert_file: certificate and key must be PEM files that belong together, "
                    "the key not encrypted"
                ),
                "tls_server_config.min_version: must be TLS12 or TLS13",
            ],
        ),
        (
            f"tls_server_config: {{{PAIR}, client_auth_type: RequireAnyClientCert, client_allowed_sans: [a]}}",
            [
                "tls_server_config.client_allowed_sans: needs client_auth_type: RequireAndVerifyClientCert beside it",
                (
                    "tls_server_config.client_auth_type: must be NoClientCert, VerifyClientCertIfGiven or "
                    "RequireAndVerifyClientCert"
                ),
            ],
        ),
        (
            f"tls_server_config: {{{PAIR}, client_auth_type: RequireAndVerifyClientCert}}",
            ["tls_server_config.client_auth_type: needs client_ca_file beside it, to verify by"],
        ),
        (
            f"tls_server_config: {{{PAIR}, client_ca_file: key.pem}}",
            [
                (
                    "tls_server_config.client_ca_file: needs client_auth_type beside it: VerifyClientCertIfGiven or "
                    "RequireAndVerifyClientCert"
                ),
                (
                    "tls_server_config.client_ca_file: <folder>/key.pem holds no certificate: "
                    "name a PEM file with -----BEGIN CERTIFICATE-----"
                ),
            ],
        ),
        (
            f"tls_server_config: {{{PAIR}, min_version: TLS13, max_version: TLS12, cert: {CANARY}}}",
            [
                "tls_server_config.max_version: must not be older than min_version",
                "tls_server_config.cert: not supported by this version",
            ],
        ),
        (
            f"tls_server_config: {{{PAIR}, cipher_suites: [TLS_AES_128_GCM_SHA256]}}",
            [
                (
                    "tls_server_config.cipher_suites: names none of TLS 1.2: add one with _WITH_ in it, "
                    "or write min_version: TLS13"
                )
            ],
        ),
        (
            "http_server_config: {headers: {X-Frame-Options: allow}}",
            ["http_server_config.headers.X-Frame-Options: must be deny or sameorigin"],
        ),
        (
            'http_server_config: {headers: {Strict-Transport-Security: "a\\r\\nSet-Cookie: b"}}',
            [
                (
                    "http_server_config.headers.Strict-Transport-Security: "
                    "must not hold line breaks or other control characters"
                )
            ],
        ),
    ],
)
def test_a_bad_web_config_is_refused_with_every_message(folder: Path, text: str, messages: list[str]) -> None:
    """All errors come in one go, each with file, line and path; none tells a hash."""
    with pytest.raises(ConfigInvalid) as refusal:
        load(folder, text)
    told = [f"{problem.path}: {problem.message}" for problem in refusal.value.problems]
    assert told == [message.replace("<folder>", str(folder)) for message in messages]
    assert {(problem.file, problem.line) for problem in refusal.value.problems} == {(str(folder / "web.yml"), 1)}
    assert "CANARY" not in str(refusal.value)


def test_the_errors_of_both_files_come_together(folder: Path) -> None:
    """A config and a web config that are both wrong are both told of, and both watched for their repair."""
    (folder / "bad.yml").write_text("route: {}\n")
    (folder / "web.yml").write_text("tls_server_config: {cert_file: gone.pem, key_file: key.pem}\n")
    with pytest.raises(ConfigInvalid) as refusal:
        load_config(folder / "bad.yml", environ={}, web_file=folder / "web.yml")
    assert [Path(problem.file).name for problem in refusal.value.problems] == ["bad.yml", "web.yml"]
    assert {file.name for file in refusal.value.sources.files} == {"bad.yml", "web.yml", "gone.pem", "key.pem"}
