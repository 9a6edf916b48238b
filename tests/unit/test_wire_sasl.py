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


def test_xoauth2_is_the_example_of_its_providers() -> None:
    """XOAUTH2 is what Google and Microsoft print: two fields, each with its 0x01, and one more at the end."""
    assert sasl.encode(sasl.xoauth2("someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg")) == (
        "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ=="
    )


def test_oauthbearer_is_the_example_of_rfc_7628() -> None:
    """OAUTHBEARER names user, host and port; in the user name `,` and `=` are escaped (RFC 5801 section 4)."""
    made = sasl.oauthbearer("user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", "server.example.com", 143)
    assert made == (
        b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01"
        b"auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01"
    )
    assert sasl.oauthbearer("a,b=c", "t", "h", 1).startswith(b"n,a=a=2Cb=3Dc,\x01")


@pytest.mark.parametrize(
    ("told", "status"),
    [
        (b'{"status":"401","schemes":"bearer"}', "401"),
        (b'{"status":401}', "401"),
        (b'{"status":"invalid_token","openid-configuration":"https://idp.example"}', "invalid_token"),
        (b'{"status":null}', None),
        (b'{"status":["401"]}', None),
        (b'{"status":"a b\\r\\n"}', None),
        (b'{"status":"' + b"4" * 31 + b'"}', None),
        (b"{}", None),
        (b'["status"]', None),
        (b'"401"', None),
        (b"401", None),
        (b"expired", None),
        (b"\xff\xfe", None),
        (b"[" * 3000, None),
        (b'{"status":"401"}' + b" " * 4096, None),
        (b"", None),
    ],
)
def test_of_a_refusal_only_its_status_counts(told: bytes, status: str | None) -> None:
    """The JSON that refuses a token is read for `status`, up to 4 KiB, and never raises."""
    assert sasl.bearer_status(sasl.encode(told)) == status


def test_a_refusal_that_is_no_base64_has_no_status() -> None:
    """The real error follows all the same."""
    assert sasl.bearer_status("{status: 401}") is None
