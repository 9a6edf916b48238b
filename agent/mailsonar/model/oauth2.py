"""How an account gets access tokens (RFC 6749): the operator's choice of grant, and what came of asking.

Nothing here asks for one. Two configurations that are equal share their tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mailsonar.model.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSecret:
    """The client proves itself by a shared secret (RFC 6749 section 2.3.1)."""

    secret: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificate:
    """The client signs an assertion with the key of a certificate, both PEM (RFC 7523 section 2.2)."""

    certificate: Secret
    key: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class FederatedToken:
    """The client shows an assertion that its platform, such as Kubernetes, renews in a file (RFC 7523 section 2.2)."""

    token: Secret


ClientProof = ClientSecret | ClientCertificate | FederatedToken


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials:
    """A token for the client itself (RFC 6749 section 4.4)."""

    client_id: str
    proof: ClientProof


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    """A token for a user who once agreed (RFC 6749 section 6); a public client has no proof of its own."""

    client_id: str
    refresh_token: Secret
    proof: ClientProof | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    """A token for a user in whose name a service account may act (RFC 7523 section 2.1); the key file is Google's."""

    key_file: Secret
    subject: str


Grant = ClientCredentials | RefreshToken | ServiceAccount


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth2:
    """Where access tokens come from, and on which grounds."""

    token_endpoint: str
    grant: Grant
    scope: str | None = None
    ca_file: str | None = None

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Return what must not show of the grant."""
        grant = self.grant
        if isinstance(grant, ServiceAccount):
            return (grant.key_file,)
        proof = _secrets_of(grant.proof)
        return (grant.refresh_token, *proof) if isinstance(grant, RefreshToken) else proof

    def identity(self) -> str:
        """Return what changes when an operator changes the secret; a file that the platform renews is its name only."""
        lasting = [secret.source if self._is_renewed(secret) else secret.reveal() for secret in self.secrets]
        return "\0".join((self.token_endpoint, *lasting))

    def _is_renewed(self, secret: Secret) -> bool:
        proof = None if isinstance(self.grant, ServiceAccount) else self.grant.proof
        return isinstance(proof, FederatedToken) and secret == proof.token


def _secrets_of(proof: ClientProof | None) -> tuple[Secret, ...]:
    match proof:
        case ClientSecret():
            return (proof.secret,)
        case ClientCertificate():
            return (proof.key, proof.certificate)
        case FederatedToken():
            return (proof.token,)
        case None:
            return ()


class TokenResult(StrEnum):
    """What came of asking for an access token; the values are public."""

    OK = "ok"
    REFUSED = "refused"  # the endpoint said no, in the words of RFC 6749 section 5.2
    FAILED = "failed"  # no answer, or one that makes no sense


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenNews:
    """What there is to tell of an account's access token.

    `result` is set where the endpoint was asked just now; `expires_wall` is a POSIX time, None where it is not known.
    """

    username: str
    result: TokenResult | None = None
    expires_wall: float | None = None
