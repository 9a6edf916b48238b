"""Hosts, addresses and durations as they are written and as they are used."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from mailsonar.config.arguments import check_address, normalise_host
from mailsonar.config.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("Mail.EXAMPLE", "mail.example"),
        ("mail.example.", "mail.example."),
        ("localhost", "localhost"),
        ("my_host.example", "my_host.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("[2001:DB8:0::1]", "2001:db8::1"),
        ("::1", "::1"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("3com.example", "3com.example"),
    ],
)
def test_a_host_is_normalised_once(written: str, host: str) -> None:
    """Case, brackets and IDNA forms make no two hosts out of one."""
    assert normalise_host(written) == host
    assert normalise_host(host) == host


@given(st.text())
def test_any_host_is_normalised_or_refused(text: str) -> None:
    """A host that passes can be looked up: ASCII, without spaces, stable."""
    try:
        host = normalise_host(text)
    except PydanticCustomError:
        return
    assert host.isascii()
    assert host.isprintable()
    assert normalise_host(host) == host


@pytest.mark.parametrize("address", ["probe@acme.example", "a+b@c", "jörg@bücher.example", "a@[192.0.2.1]"])
def test_an_address_passes_as_it_is(address: str) -> None:
    """Tags, non-ASCII addresses and address literals are addresses."""
    assert check_address(address) == address


@pytest.mark.parametrize(
    ("written", "seconds"), [("500ms", 0.5), ("30s", 30), ("5m", 300), ("1h", 3600), ("90s", 90), ("720h", 2_592_000)]
)
def test_a_duration_is_read_and_written_alike(written: str, seconds: float) -> None:
    """What the effective config shows can be written into a config."""
    assert parse_duration(written) == seconds
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.integers(1, 2_592_000_000))
def test_every_duration_survives_being_written(milliseconds: int) -> None:
    """Writing a duration loses nothing down to the millisecond."""
    assert parse_duration(format_duration(milliseconds / 1000)) == pytest.approx(milliseconds / 1000)
