"""Breakers that outlive the process: the account stays left alone, and the record does not tell its secret."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mailsonar.app.breakers import KeptBreakers
from mailsonar.clock import SystemClock
from mailsonar.journal.folder import JOURNAL_FILE, open_store
from mailsonar.journal.records import BreakerRecord
from mailsonar.journal.writer import Writer
from mailsonar.model.fault import Fault, Reason
from mailsonar.model.server import Account, Credentials, Protocol, Secret, Security, Server
from mailsonar.model.stage import Leg, Stage
from mailsonar.probe.retreat import BREAKER_SECONDS, Hold, secret_digest

PASSWORD = "c4nary-p4ssw0rd"
REFUSED = Fault(
    leg=Leg.RETRIEVAL, stage=Stage.AUTHENTICATE, reason=Reason.AUTHENTICATION_REJECTED, detail="[AUTH] no such luck"
)
CLOCK = SystemClock()


def account(password: str = PASSWORD, username: str = "acme") -> Account:
    """Return an account with this password."""
    server = Server(protocol=Protocol.POP3, host="pop.acme.example", port=995, security=Security.IMPLICIT_TLS)
    return Account(server=server, credentials=Credentials(username=username, password=Secret("test", lambda: password)))


def kept(folder: Path, *left: BreakerRecord, key: str = "k" * 32) -> tuple[KeptBreakers, Writer]:
    """Return what keeps breakers, and its writer."""
    writer = Writer(open_store(folder, "x"), lambda: None)
    breakers = KeptBreakers(writer, left, CLOCK)
    breakers.sign_with(Secret("test", lambda: key))
    return breakers, writer


def on_record(folder: Path) -> list[BreakerRecord]:
    """Return what the journal holds."""
    store = open_store(folder, "x")
    records = store.breakers()
    store.close()
    return records


def recorded(folder: Path, *accounts: Account) -> list[BreakerRecord]:
    """Return what is on record after the breakers of these accounts opened, each for 100 seconds."""
    breakers, writer = kept(folder)
    for one in accounts:
        breakers.opened(one, Hold(until=CLOCK.monotonic() + 100, fault=REFUSED), secret_digest(one))
    writer.close(10)
    return on_record(folder)


def test_an_account_stays_left_alone(tmp_path: Path) -> None:
    """The hold lasts as long as it would have, with the fault that opened the breaker; other accounts are free."""
    breakers, _ = kept(tmp_path, *recorded(tmp_path, account()))
    [(held, hold)] = breakers.holds([account(username="globex"), account(), account()])
    assert held.name == "acme"
    assert hold.fault == REFUSED
    assert hold.until - CLOCK.monotonic() == pytest.approx(100, abs=20)


@pytest.mark.parametrize("change", ["password", "fault"])
def test_what_holds_no_longer_is_dropped(tmp_path: Path, change: str) -> None:
    """Whoever corrects a password while the agent is down need not wait; a record that makes no sense holds nobody."""
    records = recorded(tmp_path, account(), account(username="gone"))
    if change == "fault":
        records = [replace(record, fault='{"reason": "from the future"}') for record in records]
    breakers, writer = kept(tmp_path, *records)
    now = account("another" if change == "password" else PASSWORD)
    assert list(breakers.holds([now])) == []
    writer.close(10)
    assert [record.account for record in on_record(tmp_path)] == [account(username="gone").key]


def test_the_record_does_not_tell_the_secret(tmp_path: Path) -> None:
    """Without the signing key nobody can even check a guess: neither the password nor a bare digest is on disk."""
    recorded(tmp_path, account())
    written = b"".join(file.read_bytes() for file in tmp_path.glob(f"{JOURNAL_FILE}*"))
    assert PASSWORD.encode() not in written
    assert secret_digest(account()).hex().encode() not in written
    breakers, _ = kept(tmp_path, *on_record(tmp_path), key="o" * 32)
    assert list(breakers.holds([account()])) == []


@pytest.mark.parametrize(("left", "held"), [(1e9, BREAKER_SECONDS), (-5.0, 0.0)])
def test_a_clock_that_was_set_prolongs_no_hold(tmp_path: Path, left: float, held: float) -> None:
    """However the wall clock moved, an account is held for 20 minutes at most."""
    [record] = recorded(tmp_path, account())
    breakers, _ = kept(tmp_path, replace(record, until_wall=CLOCK.wall() + left))
    [(_, hold)] = breakers.holds([account()])
    assert hold.until - CLOCK.monotonic() == pytest.approx(held, abs=5)
