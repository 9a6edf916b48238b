"""From the keys of `oauth2` to where access tokens come from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trustme
import yaml

from mailsonar.config.load import Config, ConfigInvalid, load_config
from mailsonar.config.redacted import redacted
from mailsonar.model.oauth2 import (
    ClientCertificate,
    ClientCredentials,
    ClientSecret,
    FederatedToken,
    OAuth2,
    RefreshToken,
    ServiceAccount,
)
from mailsonar.model.server import TokenCredentials

CANARY = "c4nary-s3cret"
USER = "probe@acme.example"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Who signs the certificates."""
    return trustme.CA()


@pytest.fixture(scope="module")
def identity(authority: trustme.CA) -> trustme.LeafCert:
    """A client's certificate; its RSA key takes long to make."""
    return authority.issue_cert("probe.example", key_type=trustme.KeyType.RSA)


@pytest.fixture
def folder(authority: trustme.CA, identity: trustme.LeafCert, tmp_path: Path) -> Path:
    """A folder with what the configs name."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    identity.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    identity.private_key_pem.write_to_path(tmp_path / "key.pem")
    key = {"client_email": "p@project.example", "private_key": identity.private_key_pem.bytes().decode()}
    (tmp_path / "google.json").write_text(json.dumps(key))
    (tmp_path / "secret").write_text(CANARY)
    for name in ("key.pem", "google.json", "secret"):
        (tmp_path / name).chmod(0o600)
    return tmp_path


def loaded(folder: Path, **oauth2: object) -> Config:
    """Return the config of a route with access tokens on both legs."""
    server = {"host": "h.example", "security": "starttls", "username": USER, "oauth2": oauth2}
    document = {
        "senders": {"out": {"address": USER, "smtp": server}},
        "maildrops": {"in": {"address": USER, "pop3": server}},
        "routes": {"a": {"from": "out", "to": "in"}},
    }
    (folder / "main.yml").write_text(yaml.safe_dump(document))
    return load_config(folder / "main.yml", environ={"SECRET": CANARY})


def oauth2_of(config: Config) -> OAuth2:
    """Return what both accounts have."""
    found = {config.senders["out"].account.credentials, config.maildrops["in"].account.credentials}
    (credentials,) = found
    assert isinstance(credentials, TokenCredentials)
    assert credentials.username == USER
    return credentials.oauth2


def test_microsofts_endpoint_and_scope_follow_from_the_tenant(folder: Path) -> None:
    """A tenant, a client and its secret are all that Microsoft 365 needs; both legs share their tokens."""
    made = oauth2_of(loaded(folder, tenant="acme.example", client_id="probe", client_secret={"file": "secret"}))
    assert made.token_endpoint == "https://login.microsoftonline.com/acme.example/oauth2/v2.0/token"
    assert made.scope == "https://outlook.office365.com/.default"
    assert isinstance(made.grant, ClientCredentials)
    assert isinstance(made.grant.proof, ClientSecret)
    assert made.grant.proof.secret.reveal() == CANARY


def test_googles_endpoint_and_scope_follow_from_the_service_account(folder: Path) -> None:
    """A key file is all that Google needs; the token is for the user name."""
    made = oauth2_of(loaded(folder, service_account_file="google.json"))
    assert (made.token_endpoint, made.scope) == ("https://oauth2.googleapis.com/token", "https://mail.google.com/")
    assert isinstance(made.grant, ServiceAccount)
    assert made.grant.subject == USER


def test_what_is_written_stands(folder: Path) -> None:
    """Endpoint, scope and authorities of the operator come before the provider's."""
    own = {"token_endpoint": "http://[::1]:8080/token", "scope": "mail", "ca_file": "ca.pem"}
    made = oauth2_of(loaded(folder, tenant="t", client_id="probe", client_secret={"env": "SECRET"}, **own))
    assert (made.token_endpoint, made.scope) == ("http://[::1]:8080/token", "mail")
    assert made.ca_file == str(folder / "ca.pem")


def test_each_proof_of_a_client(folder: Path) -> None:
    """A certificate with its key, or a federated token, may stand in the secret's place; nobody is warned of either."""
    config = loaded(folder, tenant="t", client_id="probe", certificate="cert.pem", key="key.pem")
    grant = oauth2_of(config).grant
    assert isinstance(grant, ClientCredentials)
    assert isinstance(grant.proof, ClientCertificate)
    assert config.warnings == ()
    grant = oauth2_of(loaded(folder, tenant="t", client_id="probe", federated_token_file="secret")).grant
    assert isinstance(grant, ClientCredentials)
    assert isinstance(grant.proof, FederatedToken)


def test_a_refresh_token_may_do_without_a_proof(folder: Path) -> None:
    """A public client has no secret."""
    keys = {"token_endpoint": "https://login.example/token", "client_id": "probe", "refresh_token": {"file": "secret"}}
    grant = oauth2_of(loaded(folder, **keys)).grant
    assert isinstance(grant, RefreshToken)
    assert grant.proof is None
    grant = oauth2_of(loaded(folder, client_secret={"env": "SECRET"}, **keys)).grant
    assert isinstance(grant, RefreshToken)
    assert isinstance(grant.proof, ClientSecret)


@pytest.mark.parametrize(
    "keys",
    [
        {"tenant": "t", "client_id": "probe", "client_secret": {"file": "secret"}},
        {"tenant": "t", "client_id": "probe", "certificate": "cert.pem", "key": "key.pem"},
        {"tenant": "t", "client_id": "probe", "federated_token_file": "secret"},
        {"tenant": "t", "client_id": "probe", "refresh_token": {"env": "SECRET"}},
        {"service_account_file": "google.json"},
    ],
    ids=lambda keys: list(keys)[-1],
)
def test_the_config_page_shows_no_secret(folder: Path, keys: dict[str, object]) -> None:
    """Where tokens come from is shown, what proves us is not."""
    config = loaded(folder, **keys)
    shown = redacted(config)
    [smtp] = [sender["smtp"] for sender in yaml.safe_load(shown)["senders"].values()]
    assert "password" not in smtp
    assert smtp["oauth2"]["token_endpoint"].startswith("https://")
    secret_keys = {
        "client_secret",
        "certificate",
        "key",
        "federated_token_file",
        "refresh_token",
        "service_account_file",
    }
    assert {smtp["oauth2"][key] for key in keys if key in secret_keys} == {"***"}
    assert CANARY not in shown + repr(config)
    assert "PRIVATE" not in shown + repr(config)


def test_what_tells_one_secret_from_another(folder: Path) -> None:
    """A new secret of the operator's is another identity; a token that the platform renews is not."""
    changing = oauth2_of(loaded(folder, tenant="t", client_id="probe", client_secret={"file": "secret"}))
    renewed = oauth2_of(loaded(folder, tenant="t", client_id="probe", federated_token_file="secret"))
    before = changing.identity(), renewed.identity()
    (folder / "secret").write_text("another secret")
    assert changing.identity() != before[0]
    assert renewed.identity() == before[1]


def test_files_that_do_not_belong_together(folder: Path) -> None:
    """A certificate of another key, a key that is none, and a key file that is none are refused in one go."""
    trustme.CA().issue_cert("x.example").cert_chain_pems[0].write_to_path(folder / "other.pem")
    bad = [
        ({"certificate": "other.pem", "key": "key.pem"}, "certificate: certificate and key do not belong together"),
        ({"certificate": "cert.pem", "key": "secret"}, f"key: {folder}/secret holds no private key in PEM"),
        ({"certificate": "secret", "key": "key.pem"}, f"certificate: {folder}/secret holds no certificate in PEM"),
        ({"federated_token_file": "gone"}, f"federated_token_file: {folder}/gone cannot be read"),
    ]
    for keys, message in bad:
        with pytest.raises(ConfigInvalid) as refused:
            loaded(folder, tenant="t", client_id="probe", **keys)
        assert str(refused.value).count(f"smtp.oauth2.{message}") == 1
        assert str(refused.value).count(f"pop3.oauth2.{message}") == 1
        assert CANARY not in str(refused.value)
    with pytest.raises(ConfigInvalid, match=r"secret is no key file of a service account"):
        loaded(folder, service_account_file="secret")
