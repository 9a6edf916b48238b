"""What a message tells of its way, in the words of the systems that it passed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.support.told import told

_, *SECTIONS = re.split(r"^### ", Path(__file__).with_suffix(".txt").read_text(encoding="utf-8"), flags=re.MULTILINE)
SAMPLES = dict(section.split("\n", 1) for section in SECTIONS)


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_what_systems_write_is_understood(sample: str) -> None:
    """Hops come out in the order of the journey with protocol, TLS and time, and the trusted server's verdicts."""
    given, _, expected = sample.partition("-->")
    first, _, header = given.partition("\n")
    assert told(header, first.removeprefix("authserv_id: ")) == [line.strip() for line in expected.strip().splitlines()]


def test_samples_hold_nobody() -> None:
    """Every domain is one that cannot exist, and every address is one that documents may use."""
    text = "".join(SAMPLES.values())
    addresses = re.findall(r"(?<!id )(?<![\d./-])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\d./-])", text)
    assert {address.rpartition(".")[0] for address in addresses} <= {"192.0.2", "198.51.100", "203.0.113", "127.0.0"}
    assert re.findall(r"\b[\w-]+\.(?:com|net|org|fr|ru|de)\b", text) == []
