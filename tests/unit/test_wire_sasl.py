"""SASL: the responses of the RFCs' examples, and challenges that make no sense."""

from __future__ import annotations

import base64

import pytest

from mailsonar.model.fault import LimitExceeded, ProtocolViolation
from mailsonar.wire import sasl


def test_plain_is_the_example_of_rfc_4616() -> None:
    """PLAIN is authzid, NUL, authcid, NUL, password in UTF-8."""
    assert sasl.plain("tim", "tanstaaftanstaaf") == b"\0tim\0tanstaaftanstaaf"
    assert sasl.plain("\u00fc", "\u20ac") == b"\0\xc3\xbc\0\xe2\x82\xac"


def test_cram_md5_is_the_example_of_rfc_2195() -> None:
    """CRAM-MD5 answers the RFC's challenge with the RFC's digest."""
    challenge = sasl.decode("PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+")
    assert challenge == b"<1896.697170952@postoffice.reston.mci.net>"
    assert sasl.cram_md5("tim", "tanstaaftanstaaf", challenge) == b"tim b913a602c7eda7a495b4e6e7334d3890"


@pytest.mark.parametrize("raw", [b"", b"\0", b"Username:", bytes(range(256))])
def test_encoding_comes_back(raw: bytes) -> None:
    """What we encode is what a server decodes, on one line."""
    assert sasl.decode(sasl.encode(raw)) == raw
    assert base64.b64decode(sasl.encode(raw)) == raw
    assert "\n" not in sasl.encode(raw)


@pytest.mark.parametrize("challenge", ["Username:", "=", "a", "QQ=", "Q Q==", "\u00fc", b"\xff\xff\xff\xff", "*"])
def test_a_challenge_that_is_no_base64_is_a_violation(challenge: str | bytes) -> None:
    """Garbage, wrong padding and 8-bit text are the peer's fault, never a crash."""
    with pytest.raises(ProtocolViolation):
        sasl.decode(challenge)


def test_a_challenge_beyond_4_kib_is_beyond_our_bounds() -> None:
    """More than 4 KiB breaks no RFC, but no mechanism of ours needs it."""
    with pytest.raises(LimitExceeded):
        sasl.decode("A" * 4100)
