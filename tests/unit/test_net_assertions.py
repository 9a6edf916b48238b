"""What is said to a token endpoint, its signatures checked by another library."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from joserfc.errors import BadSignatureError
from tests.support.assertion_check import thumbprint, verified

from mailsonar.config.secrets import check_password, file_secret
from mailsonar.model.oauth2 import (
    ClientCertificate,
    ClientCredentials,
    ClientProof,
    ClientSecret,
    FederatedToken,
    Grant,
    OAuth2,
    RefreshToken,
    ServiceAccount,
)
from mailsonar.model.server import Secret
from mailsonar.net.assertions import KeyUnusable, certificate_of, form_of, service_account, signing_key

ENDPOINT = "https://login.example/tenant/oauth2/v2.0/token"
NOW = 1_795_000_000.5
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CURVE = ec.generate_private_key(ec.SECP256R1())


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, passphrase: str = "") -> str:
    """Return a key as operators keep it."""
    protection = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection).decode()


def certificate(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """Return a certificate of a key."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "probe")])
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    dated = builder.serial_number(1).not_valid_before(start).not_valid_after(start.replace(year=2036))
    return dated.sign(key, SHA256())


def secret(value: str) -> Secret:
    """Return a secret."""
    return Secret(f"test:{hash(value)}", lambda: value)


def asked(grant: Grant, scope: str | None = "mail", **more: str) -> dict[str, str]:
    """Return what is said to the endpoint."""
    return form_of(OAuth2(token_endpoint=ENDPOINT, grant=grant, scope=scope), NOW, **more)


def client(proof: ClientProof) -> ClientCredentials:
    """Return a client's own grant."""
    return ClientCredentials(client_id="probe", proof=proof)


def test_a_client_secret_is_sent_as_it_is() -> None:
    """Client credentials are RFC 6749's, sections 2.3.1 and 4.4.2."""
    fields = asked(client(ClientSecret(secret=secret("s3cret"))))
    assert fields == {
        "grant_type": "client_credentials",
        "scope": "mail",
        "client_id": "probe",
        "client_secret": "s3cret",
    }


@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "PS256"), (CURVE, "ES256")])
def test_a_certificates_key_signs_an_assertion(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, algorithm: str
) -> None:
    """The assertion names the certificate, is for this endpoint alone, lives for minutes, and no two are the same."""
    made = certificate(key)
    proof = ClientCertificate(certificate=secret(made.public_bytes(Encoding.PEM).decode()), key=secret(pem(key)))
    fields, again = asked(client(proof)), asked(client(proof))
    assert fields["client_assertion_type"] == JWT_BEARER
    header, claims = verified(fields["client_assertion"], key.public_key())
    assert header == {"alg": algorithm, "typ": "JWT", "x5t#S256": thumbprint(made)}
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("probe", "probe", ENDPOINT)
    assert claims["iat"] == claims["nbf"] == int(NOW) - 60
    assert claims["exp"] - claims["iat"] == 600
    assert verified(again["client_assertion"], key.public_key())[1]["jti"] != claims["jti"]
    assert "PRIVATE" not in str(fields)


def test_the_check_can_fail() -> None:
    """An assertion of another key is found out."""
    proof = ClientCertificate(
        certificate=secret(certificate(RSA).public_bytes(Encoding.PEM).decode()), key=secret(pem(RSA))
    )
    another = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(BadSignatureError):
        verified(asked(client(proof))["client_assertion"], another.public_key())


def test_a_federated_token_is_read_anew_each_time(tmp_path: Path) -> None:
    """The platform renews the file, by exchanging a link as Kubernetes does, too."""
    (tmp_path / "one").write_text("first\n")
    (tmp_path / "two").write_text("third\n")
    link = tmp_path / "token"
    link.symlink_to("one")
    grant = client(FederatedToken(token=file_secret(link, check_password)))
    said = [asked(grant)["client_assertion"]]
    (tmp_path / "one").write_text("second!\n")
    said.append(asked(grant)["client_assertion"])
    (tmp_path / "new").symlink_to("two")
    (tmp_path / "new").replace(link)
    said.append(asked(grant)["client_assertion"])
    assert said == ["first", "second!", "third"]
    assert asked(grant)["client_assertion_type"] == JWT_BEARER


def test_a_refresh_token_goes_with_the_clients_proof() -> None:
    """A public client has none; a refresh token that the endpoint gave comes before the configured one."""
    public = RefreshToken(client_id="probe", refresh_token=secret("r3fresh"))
    assert asked(public, None) == {"grant_type": "refresh_token", "refresh_token": "r3fresh", "client_id": "probe"}
    proved = RefreshToken(
        client_id="probe", refresh_token=secret("r3fresh"), proof=ClientSecret(secret=secret("s3cret"))
    )
    fields = asked(proved, refresh_token="newer")
    assert (fields["refresh_token"], fields["client_secret"], fields["scope"]) == ("newer", "s3cret", "mail")


def test_a_service_account_acts_for_the_user() -> None:
    """The assertion is Google's: the service account, the user, the scope, the key's id (RFC 7523 section 2.1)."""
    key_file = {
        "type": "service_account",
        "client_email": "probe@project.example",
        "private_key": pem(RSA),
        "private_key_id": "k1",
    }
    grant = ServiceAccount(key_file=secret(json.dumps(key_file)), subject="probe@acme.example")
    fields = asked(grant, "https://mail.google.com/")
    assert fields.keys() == {"grant_type", "assertion"}
    assert fields["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    header, claims = verified(fields["assertion"], RSA.public_key())
    assert header == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    assert (claims["iss"], claims["sub"]) == ("probe@project.example", "probe@acme.example")
    assert (claims["aud"], claims["scope"]) == (ENDPOINT, "https://mail.google.com/")
    assert claims["exp"] - claims["iat"] <= 3600


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "holds no private key"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "holds no private key"),
        (pem(RSA, "passphrase"), "is encrypted"),
        (pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)), "must be an RSA key"),  # noqa: S505
        (pem(ec.generate_private_key(ec.SECP256K1())), "must be an RSA key"),
        (pem(ed25519.Ed25519PrivateKey.generate()), "must be an RSA key"),
    ],
    ids=["empty", "garbage", "encrypted", "short", "another curve", "another kind"],
)
def test_a_key_that_cannot_sign_is_named(text: str, why: str) -> None:
    """What is wrong with a key is told without showing it."""
    with pytest.raises(KeyUnusable, match=why) as raised:
        signing_key(text)
    assert "BEGIN" not in str(raised.value)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"client_email": 1, "private_key": "x"}', '{"client_email": "x"}', "[" * 5000]
)
def test_a_file_that_is_no_service_accounts_is_named(text: str) -> None:
    """A wrong file is found when the config is read, not when the first token is wanted."""
    with pytest.raises(KeyUnusable, match="no key file of a service account"):
        service_account(text)


def test_a_service_accounts_key_is_checked() -> None:
    """The key within the file must be one."""
    with pytest.raises(KeyUnusable, match="holds no private key"):
        service_account('{"client_email": "probe@project.example", "private_key": "x"}')


def test_what_is_no_certificate_is_named() -> None:
    """A key in the certificate's place is found at once."""
    with pytest.raises(KeyUnusable, match="holds no certificate"):
        certificate_of(pem(RSA))
