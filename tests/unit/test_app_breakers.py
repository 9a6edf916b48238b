"""Breakers that outlive the process: the account stays left alone, and the record does not tell its secret."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mailsonar.app.breakers import KeptBreakers, holds_of
from mailsonar.clock import SystemClock
from mailsonar.journal.folder import JOURNAL_FILE, open_store
from mailsonar.journal.records import BreakerRecord
from mailsonar.journal.writer import Writer
from mailsonar.model.fault import Fault, Reason
from mailsonar.model.server import Account, Credentials, Protocol, Secret, Security, Server
from mailsonar.model.stage import Leg, Stage
from mailsonar.probe.retreat import BREAKER_SECONDS, Hold

PASSWORD = "c4nary-p4ssw0rd"
REFUSED = Fault(
    leg=Leg.RETRIEVAL, stage=Stage.AUTHENTICATE, reason=Reason.AUTHENTICATION_REJECTED, detail="[AUTH] no such luck"
)
CLOCK = SystemClock()


def account(password: str = PASSWORD, username: str = "acme") -> Account:
    """Return an account with this password."""
    server = Server(protocol=Protocol.POP3, host="pop.acme.example", port=995, security=Security.IMPLICIT_TLS)
    return Account(server=server, credentials=Credentials(username=username, password=Secret("test", lambda: password)))


async def recorded(folder: Path, *accounts: Account) -> list[BreakerRecord]:
    """Return what is on record after the breakers of these accounts opened, each for 100 seconds."""
    writer = Writer(open_store(folder, "x"), lambda: None)
    kept = KeptBreakers(writer, CLOCK)
    for one in accounts:
        kept.opened(one, Hold(until=CLOCK.monotonic() + 100, fault=REFUSED))
    writer.close(10)
    store = open_store(folder, "x")
    records = store.breakers()
    store.close()
    return records


def written(folder: Path) -> bytes:
    """Return all that the journal's files hold."""
    return b"".join(file.read_bytes() for file in folder.glob(f"{JOURNAL_FILE}*"))


async def test_an_account_stays_left_alone(tmp_path: Path) -> None:
    """The hold lasts as long as it would have, with the fault that opened the breaker; other accounts are free."""
    [record] = await recorded(tmp_path, account())
    [(held, hold)] = await holds_of([record], [account(username="globex"), account(), account()], CLOCK)
    assert held.name == "acme"
    assert hold.fault == REFUSED
    assert hold.until - CLOCK.monotonic() == pytest.approx(100, abs=20)


async def test_a_changed_secret_is_free(tmp_path: Path) -> None:
    """Whoever corrects a password while the agent is down need not wait; an account that is gone is no trouble."""
    records = await recorded(tmp_path, account(), account(username="gone"))
    assert await holds_of(records, [account("another")], CLOCK) == []


async def test_the_record_does_not_tell_the_secret(tmp_path: Path) -> None:
    """Neither the password nor a digest that equals that of another account with the same password is on disk."""
    one, other = await recorded(tmp_path, account(), account(username="globex"))
    assert one.digest != other.digest
    assert PASSWORD.encode() not in written(tmp_path)


@pytest.mark.parametrize(("left", "held"), [(1e9, BREAKER_SECONDS), (-5.0, 0.0)])
async def test_a_clock_that_was_set_prolongs_no_hold(tmp_path: Path, left: float, held: float) -> None:
    """However the wall clock moved, an account is held for 20 minutes at most."""
    [record] = await recorded(tmp_path, account())
    [(_, hold)] = await holds_of([replace(record, until_wall=CLOCK.wall() + left)], [account()], CLOCK)
    assert hold.until - CLOCK.monotonic() == pytest.approx(held, abs=5)
