"""Secrets are struck out of what a server says, in every form in which it may quote them."""

from __future__ import annotations

import base64
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailsonar.model.redaction import STRUCK_OUT, strike_out

passwords = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="*"), min_size=5)


@given(passwords, st.text(), st.text())
def test_password_itself_is_struck_out(password: str, before: str, behind: str) -> None:
    """The plain password never shows."""
    assert password not in strike_out(f"{before}{password}{behind}", [password])


@given(passwords, st.binary(max_size=12), st.binary(max_size=12))
@example("password", b"\0user\0", b"")
@example("password", b"", b"\0")
@example("password", b"x", b"yz")
def test_base64_is_struck_out_at_every_alignment(password: str, before: bytes, behind: bytes) -> None:
    """Base64 that carries the password shows at most the characters that it shares with its neighbours."""
    encoded = base64.b64encode(before + password.encode() + behind).decode()
    shown = strike_out(f"535 {encoded} is wrong", [password])
    first, last = len(before) * 8 // 6, (len(before) + len(password.encode())) * 8 // 6
    inner = encoded[first + bool(len(before) % 3) : last]
    assert STRUCK_OUT in shown
    assert inner not in shown


@pytest.mark.parametrize(
    ("text", "secrets", "shown"),
    [
        ("nothing to hide", [], "nothing to hide"),
        ("nothing to hide", ["p4ssw0rd"], "nothing to hide"),
        ("it is p4ssw0rd, p4ssw0rd", ["p4ssw0rd"], "it is ***, ***"),
        ("AHVzZXIAcDRzc3cwcmQ=", ["p4ssw0rd"], "AHVzZXIA***Q="),
        ("one and two", ["one", "two"], "*** and ***"),
        ("it is p4ssw…", ["p4ssw0rd"], "it is ***…"),
        ("it is AHVzZXIAcDRzc3cw…, p4…", ["p4ssw0rd"], "it is AHVzZXIA***…, ***…"),
        ("it is p4ss w0rd", ["p4ss\u00a0w0rd"], "it is ***"),
        ("it is p4ssw0rd-and-mor…", ["rest", "d-an", "p4ssw0rd-and-more"], "it is ***…"),
        ("it is p4ssw0rd-and-more", ["p4ssw0rd", "p4ssw0rd-and-more"], "it is ***"),
        ("it is abcdefg", ["abcde", "defg"], "it is ***"),
        ("", ["p4ssw0rd"], ""),
        ("text", [""], "text"),
    ],
)
def test_table(text: str, secrets: list[str], shown: str) -> None:
    """Only the secrets are struck out, each time they appear."""
    assert strike_out(text, secrets) == shown


@pytest.mark.parametrize("line", [12, 40, 64, 76, 150])
@pytest.mark.parametrize("in_base64", [False, True])
def test_a_long_secret_is_struck_out_line_by_line(line: int, in_base64: bool) -> None:
    """A server that quotes an access token in pieces shows none of them; words of its own stay."""
    token = "".join(chr(ord("a") + (number * 7 + number // 5) % 26) for number in range(900))
    quoted = base64.b64encode(b"user=acme\1auth=Bearer " + token.encode()).decode() if in_base64 else token
    pieces = [quoted[start : start + line] for start in range(0, len(quoted), line)]
    shown = strike_out(f"authentication failed: {' '.join(pieces)}", [token])
    assert shown.startswith("authentication failed: ")
    assert not [piece for piece in pieces[3:-1] if piece in shown]


def test_a_large_secret_costs_little_memory() -> None:
    """A token has thousands of characters: what a cut may have left of it is sought no further than the text goes."""
    token = "t0ken" * 1800
    tracemalloc.start()
    assert strike_out(f"535 {token[:150]}\u2026", [token]) == f"535 {STRUCK_OUT}\u2026"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


@pytest.mark.parametrize("password", ["12345678", "p@ss wörd", "Kanarie<&7%"])
@pytest.mark.parametrize("between", ["\n", " ", "\r\n "])
@pytest.mark.parametrize("in_base64", [False, True])
def test_a_password_is_struck_out_though_it_is_broken(password: str, between: str, *, in_base64: bool) -> None:
    """A server may break what it quotes anywhere, over the lines of its reply, and write it in another case."""
    word = base64.b64encode(f"\0acme\0{password}".encode()).decode() if in_base64 else password.upper()
    secret = word[8:] if in_base64 else word
    for at in range(1, len(word)):
        shown = strike_out(f"no: {word[:at]}{between}{word[at:]} is wrong", [password])
        assert secret[1:-4] not in "".join(shown.split())
        assert shown.endswith(" is wrong")


def test_two_innocent_words_are_no_short_password() -> None:
    """What is short is struck out where it stands as it is only: a fault must stay legible."""
    assert strike_out("no such user here", ["suchuse"]) == "no such user here"
