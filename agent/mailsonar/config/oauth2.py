"""From the keys of `oauth2` to an `OAuth2`: exactly one grant, exactly one proof of the client, files that can sign."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from mailsonar.config.loading import Loading
from mailsonar.config.presets import GOOGLE_ENDPOINT, GOOGLE_SCOPE, MICROSOFT_ENDPOINT, MICROSOFT_SCOPE
from mailsonar.config.problem import Place, Report
from mailsonar.config.secrets import ALLOW_INLINE, Check, SecretFile, check_password, file_secret
from mailsonar.config.server_schema import OAuth2Part
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
from mailsonar.model.server import Secret, SecretUnreadable
from mailsonar.net.assertions import KeyUnusable, certificate_of, service_account, signing_key

_PROOFS = ("client_secret", "certificate", "federated_token_file")
_NOT_GOOGLES = ("tenant", "client_id", *_PROOFS, "key", "refresh_token")
_BEARER = ("XOAUTH2", "OAUTHBEARER")


def check_oauth2(server: Mapping[str, object], place: Place, report: Report) -> None:
    """Report what does not fit each other in a server's way to prove who we are.

    It looks at the keys as they were written, so that its complaints come together with those of the types.
    """
    oauth2, mechanism = server.get("oauth2"), str(server.get("mechanism") or "").upper()
    if oauth2 is None:
        if mechanism in _BEARER:
            report.wrong(place / "mechanism", f"{mechanism} needs oauth2 in place of a password")
        return
    if server.get("password") is not None:
        report.wrong(place / "oauth2", "stands beside a password: give one of the two")
    if mechanism and mechanism not in _BEARER:
        report.wrong(place / "mechanism", f"with oauth2 it must be {' or '.join(_BEARER)}")
    if isinstance(oauth2, Mapping):
        _check_grant({key for key, value in oauth2.items() if value is not None}, place / "oauth2", report)


def _check_grant(given: set[str], place: Place, report: Report) -> None:
    if "service_account_file" in given:
        surplus = [key for key in _NOT_GOOGLES if key in given]
        if surplus:
            report.wrong(place / "service_account_file", f"is a grant of its own: remove {', '.join(surplus)}")
        return
    proofs = [key for key in _PROOFS if key in given]
    if len(proofs) > 1:
        report.wrong(place / proofs[1], f"the client is proved by one key, here by {' and '.join(proofs)}: keep one")
    if not proofs and not given & {"refresh_token", "key"}:
        report.wrong(place, f"needs one of {', '.join(_PROOFS)}, refresh_token, service_account_file")
    for key, other in (("certificate", "key"), ("key", "certificate")):
        if key in given and other not in given:
            report.wrong(place / key, f"{key} needs {other} beside it: give both or neither")
    if "client_id" not in given:
        report.wrong(place / "client_id", "is missing, but required")
    if not given & {"tenant", "token_endpoint"}:
        report.wrong(place / "token_endpoint", "is missing, but required; tenant stands for the one of Microsoft 365")


def sound_part(keys: object, *, inline: bool) -> OAuth2Part:
    """Return what of the keys can be used one by one; inline secrets only where they are allowed."""
    sound: dict[str, Any] = {}
    for key, value in keys.items() if isinstance(keys, Mapping) else ():
        with suppress(ValidationError):  # reported with the types
            sound[key] = getattr(OAuth2Part.model_validate({key: value}, context={ALLOW_INLINE: inline}), key)
    return OAuth2Part.model_construct(**sound)


def oauth2_of(part: OAuth2Part, username: str, place: Place, loading: Loading) -> OAuth2 | None:
    """Return where access tokens come from, after all secrets were read once; None where keys lack, as was reported."""
    endpoint, scope = part.token_endpoint, part.scope
    if part.service_account_file:
        endpoint, scope = endpoint or GOOGLE_ENDPOINT, scope or GOOGLE_SCOPE
    elif part.tenant:
        endpoint, scope = endpoint or MICROSOFT_ENDPOINT.format(tenant=part.tenant), scope or MICROSOFT_SCOPE
    grant = _grant(part, username, place, loading)
    return OAuth2(token_endpoint=endpoint, grant=grant, scope=scope) if grant and endpoint else None


def _grant(part: OAuth2Part, username: str, place: Place, loading: Loading) -> Grant | None:
    if part.service_account_file:
        key_file = SecretFile(part.service_account_file)
        check = _able(service_account)
        return ServiceAccount(
            key_file=loading.secret(key_file, place / "service_account_file", check), subject=username
        )
    proof, refresh_token = _proof(part, place, loading), None
    if part.refresh_token:
        refresh_token = loading.secret(part.refresh_token, place / "refresh_token", check_password)
    if part.client_id is None:
        return None
    if refresh_token:
        return RefreshToken(client_id=part.client_id, refresh_token=refresh_token, proof=proof)
    return ClientCredentials(client_id=part.client_id, proof=proof) if proof else None


def _proof(part: OAuth2Part, place: Place, loading: Loading) -> ClientProof | None:
    if part.client_secret:
        return ClientSecret(secret=loading.secret(part.client_secret, place / "client_secret", check_password))
    if part.federated_token_file:
        file = SecretFile(part.federated_token_file)
        return FederatedToken(token=loading.secret(file, place / "federated_token_file", check_password))
    if part.certificate and part.key:
        key = loading.secret(SecretFile(part.key), place / "key", _able(signing_key))
        certificate = _certificate(part.certificate, place / "certificate", loading)
        _check_pair(certificate, key, place / "certificate", loading.report)
        return ClientCertificate(certificate=certificate, key=key)
    return None


def _certificate(name: str, place: Place, loading: Loading) -> Secret:
    """Return a certificate, which anyone may read, after it was read once."""
    certificate = file_secret(loading.path(place, name), _able(certificate_of))
    try:
        certificate.reveal()
    except SecretUnreadable as error:
        loading.report.wrong(place, str(error))
    return certificate


def _check_pair(certificate: Secret, key: Secret, place: Place, report: Report) -> None:
    """Report a certificate of another key; what is no certificate or key was reported."""
    try:
        is_pair = certificate_of(certificate.reveal()).public_key() == signing_key(key.reveal()).public_key()
    except SecretUnreadable:
        return
    if not is_pair:
        report.wrong(place, "certificate and key do not belong together")


def _able(parse: Callable[[str], object]) -> Check:
    """Return a check that a secret is what can be parsed."""

    def check(value: str) -> None:
        try:
            parse(value)
        except KeyUnusable as error:
            raise SecretUnreadable(str(error)) from None

    return check
