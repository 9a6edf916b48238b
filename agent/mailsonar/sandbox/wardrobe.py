"""What a server shows of TLS: which kind of certificate it presents, and which TLS it speaks.

A connection keeps the security level of the context that it began with, so all of them take what is weak.
"""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from mailsonar.sandbox.authority import LOOPBACK_NAMES, USUAL, Authority, Leaf

_DAY = timedelta(days=1)


class Certificate(StrEnum):
    """The kinds of certificate that a server may present."""

    GOOD = "good"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    WRONG_NAME = "wrong_name"
    UNTRUSTED = "untrusted"
    WEAK = "weak"
    SELF_SIGNED = "self_signed"
    COMMON_NAME_ONLY = "common_name_only"
    EXPIRED_INTERMEDIATE = "expired_intermediate"
    RSA = "rsa"


class TlsStyle(StrEnum):
    """How a server speaks TLS, whatever certificate it presents."""

    USUAL = "usual"
    TLS_1_2 = "tls_1_2"
    TLS_1_3 = "tls_1_3"
    TOO_OLD = "too_old"
    WANTS_CERTIFICATE = "wants_certificate"

    @property
    def refuses(self) -> bool:
        """Tell whether handshakes of this style fail."""
        return self in (TlsStyle.TOO_OLD, TlsStyle.WANTS_CERTIFICATE)


class Wardrobe:
    """The contexts of one server, one for each kind of certificate, made when first asked for."""

    def __init__(self, authority: Authority, names: tuple[str, ...] = LOOPBACK_NAMES) -> None:
        self._authority = authority
        self._names = names
        self._made: dict[Certificate, ssl.SSLContext] = {}
        self._fronts: dict[TlsStyle, ssl.SSLContext] = {}

    def context(self, kind: Certificate) -> ssl.SSLContext:
        """Return the context that presents that kind of certificate."""
        if kind not in self._made:
            self._made[kind] = self._make(kind)
        return self._made[kind]

    def front(self, chosen: Callable[[], Certificate], style: TlsStyle = TlsStyle.USUAL) -> ssl.SSLContext:
        """Return a context that asks at each handshake which certificate to present, so that it can change."""
        if style not in self._fronts:
            self._fronts[style] = self._front(chosen, style)
        return self._fronts[style]

    def _front(self, chosen: Callable[[], Certificate], style: TlsStyle) -> ssl.SSLContext:
        def choose(handshake: ssl.SSLSocket | ssl.SSLObject, _name: str | None, _front: ssl.SSLContext) -> None:
            handshake.context = self.context(chosen())

        front = self._authority.server_context(*self._names)
        front.sni_callback = choose
        if style is TlsStyle.TOO_OLD:
            with warnings.catch_warnings():  # Python warns of these versions, rightly
                warnings.simplefilter("ignore", DeprecationWarning)
                front.minimum_version = ssl.TLSVersion.TLSv1
                front.maximum_version = ssl.TLSVersion.TLSv1_1
        elif style is TlsStyle.WANTS_CERTIFICATE:
            front.verify_mode = ssl.CERT_REQUIRED
        elif style is TlsStyle.TLS_1_2:
            front.maximum_version = ssl.TLSVersion.TLSv1_2
        elif style is TlsStyle.TLS_1_3:
            front.minimum_version = ssl.TLSVersion.TLSv1_3
        return front

    def _make(self, kind: Certificate) -> ssl.SSLContext:
        return self._signer(kind).server_context(*self._names_on(kind), leaf=_leaf(kind))

    def pem(self, kind: Certificate) -> bytes:
        """Return that kind of certificate, with its key, for a server that reads files."""
        return self._signer(kind).server_pem(*self._names_on(kind), leaf=_leaf(kind))

    def _names_on(self, kind: Certificate) -> tuple[str, ...]:
        return ("elsewhere.example",) if kind is Certificate.WRONG_NAME else self._names

    def _signer(self, kind: Certificate) -> Authority:
        if kind is Certificate.UNTRUSTED:
            return Authority("A Stranger's Root")
        if kind is Certificate.EXPIRED_INTERMEDIATE:
            return Authority("Old Intermediate", self._authority, datetime.now(UTC) - _DAY)
        return self._authority


def _leaf(kind: Certificate) -> Leaf:
    """Return what is special about a server's own certificate."""
    now = datetime.now(UTC)
    match kind:
        case Certificate.EXPIRED:
            return Leaf(not_before=now - 30 * _DAY, not_after=now - _DAY)
        case Certificate.NOT_YET_VALID:
            return Leaf(not_before=now + _DAY, not_after=now + 30 * _DAY)
        case Certificate.WEAK:
            return Leaf(bits=1024)
        case Certificate.RSA:
            return Leaf(bits=2048)
        case Certificate.SELF_SIGNED:
            return Leaf(is_self_signed=True)
        case Certificate.COMMON_NAME_ONLY:
            return Leaf(has_alternative_names=False)
    return USUAL
