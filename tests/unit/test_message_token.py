"""Tokens: what verifies is ours, and nothing else does."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsonar.message.token import ID_BYTES, INSTANCE_BYTES, Token, base32, hide_macs, route_digest, verify
from mailsonar.model.server import Secret

KEY = Secret("test", lambda: "k" * 32)
OTHER_KEY = Secret("test", lambda: "o" * 32)
TOKEN = Token(
    id=base32(b"i" * ID_BYTES),
    route=route_digest("acme"),
    instance=base32(b"n" * INSTANCE_BYTES),
    started_ms=1_795_000_000_123,
)
TEXT = TOKEN.signed(KEY)  # fmt: skip


def test_a_signed_token_comes_back() -> None:
    """What was signed with the fleet's key verifies to the same id, route, instance and time."""
    assert verify(TEXT, KEY) == TOKEN


def test_a_token_is_safe_in_a_header_field_and_a_message_id() -> None:
    """A token has only characters that no gateway rewrites, and fits a line."""
    assert re.fullmatch(r"[a-z0-9-]{70,90}", TEXT)


@settings(max_examples=50, deadline=None)
@given(
    st.binary(min_size=12, max_size=12),
    st.text(alphabet="a\u00fc/ -", max_size=9),
    st.binary(min_size=5, max_size=5),
    st.integers(0, 2**47),
)
def test_every_token_comes_back(raw_id: bytes, route: str, instance: bytes, started_ms: int) -> None:
    """No id, route name, instance or time makes a token that its own key does not verify."""
    token = Token(id=base32(raw_id), route=route_digest(route), instance=base32(instance), started_ms=started_ms)
    assert verify(token.signed(KEY), KEY) == token
    assert verify(token.signed(KEY), OTHER_KEY) is None


@pytest.mark.parametrize("position", range(len(TEXT)))
def test_no_character_can_be_altered(position: int) -> None:
    """A token with any one character exchanged, dropped or doubled is not ours."""
    head, char, tail = TEXT[:position], TEXT[position], TEXT[position + 1 :]
    for other in (string.ascii_lowercase + string.digits + "-").replace(char, ""):
        assert verify(head + other + tail, KEY) is None
    assert verify(head + tail, KEY) is None
    assert verify(head + char * 2 + tail, KEY) is None


@pytest.mark.parametrize(
    "text",
    ["", TEXT + "\n", " " + TEXT, TEXT + "-", TEXT * 2, TEXT.upper(), TEXT.replace("ms1", "ms2"), "\ufffd" * len(TEXT)],
)
def test_only_the_exact_text_verifies(text: str) -> None:
    """Nothing around a token, and no other spelling of it, verifies: the reader lowers and strips beforehand."""
    assert verify(text, KEY) is None


def test_the_hmac_covers_every_part() -> None:
    """A signature does not carry over to another id, route, instance or time."""
    mac = TEXT.rpartition("-")[2]
    other = Token(
        id=base32(b"j" * ID_BYTES), route=route_digest("b"), instance=base32(b"m" * INSTANCE_BYTES), started_ms=1
    )
    for part in ("id", "route", "instance", "started_ms"):
        fields = {name: getattr(TOKEN, name) for name in ("id", "route", "instance", "started_ms")}
        claim = Token(**{**fields, part: getattr(other, part)}).signed(KEY).rpartition("-")[0]
        assert verify(f"{claim}-{mac}", KEY) is None


def test_a_key_that_changes_is_read_anew() -> None:
    """The key is revealed at each use, so that a rotated key counts at once."""
    keys = iter(["k" * 32, "o" * 32])
    rotating = Secret("test", lambda: next(keys))
    assert verify(TEXT, rotating) == TOKEN
    assert verify(TEXT, rotating) is None


@pytest.mark.parametrize("quote", ["554 <{}@acme.example> refused", "see {}", "{}.", "X-MailSonar-Token: {}"])
@pytest.mark.parametrize("text", [TEXT, TEXT.upper()])
def test_a_quoted_token_shows_its_id_only(quote: str, text: str) -> None:
    """Text of a server that quotes our Message-ID keeps the public id and loses the HMAC."""
    hidden = hide_macs(quote.format(text))
    assert TEXT.rpartition("-")[2] not in hidden.lower()
    assert TOKEN.id in hidden.lower()


@pytest.mark.parametrize("place", range(1, len(TEXT)))
def test_a_folded_hmac_is_struck_out(place: int) -> None:
    """A server that folds our header field where it pleases still gives away nothing to sign with."""
    folded = f"X-MailSonar-Token: {TEXT[:place]}\r\n  {TEXT[place:]} of yours was spam"
    mac = TEXT.rpartition("-")[2]
    hidden = hide_macs(folded)
    assert "***" in hidden
    assert not any(mac[start : start + 8] in hidden for start in range(len(mac) - 7))
