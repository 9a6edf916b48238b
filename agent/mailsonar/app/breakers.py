"""Breakers that outlive the process: an agent that is restarted again and again must not lock a customer's account.

What is kept of a refused secret is a salted scrypt digest (RFC 7914): it tells whether the secret has changed since,
and nothing else.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from mailsonar.clock import Clock
from mailsonar.journal.records import BreakerRecord
from mailsonar.journal.writer import Writer
from mailsonar.model.fault import Fault, Reason
from mailsonar.model.server import Account
from mailsonar.model.stage import Leg, Stage
from mailsonar.probe.retreat import BREAKER_SECONDS, Hold

_SALT_BYTES = 16
_COST, _BLOCK = 2**14, 8  # 16 MiB and some 40 ms, on the journal's thread


class KeptBreakers:
    """Writes breakers into the journal, and reads those that an earlier process left there."""

    def __init__(self, writer: Writer, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock

    def opened(self, account: Account, hold: Hold) -> None:
        """Put on record that an account is left alone, or for longer than before."""
        until_wall = hold.until - self._clock.monotonic() + self._clock.wall()
        identity, fault = _identity(account), json.dumps(asdict(hold.fault))
        self._writer.order(
            lambda store: store.open_breaker(
                BreakerRecord(account=account.key, until_wall=until_wall, digest=_digest(identity), fault=fault)
            )
        )

    def closed(self, account: Account) -> None:
        """Put on record that an account may be used again."""
        self._writer.order(lambda store: store.close_breaker(account.key))


async def holds_of(
    records: Iterable[BreakerRecord], accounts: Iterable[Account], clock: Clock
) -> list[tuple[Account, Hold]]:
    """Return the accounts that are still to be left alone: those whose secret has not changed since.

    Args:
        records: what an earlier process left.
        accounts: those of the config; each is named once or more often.
        clock: whose time it is; a wall clock that was set back prolongs no hold.
    """
    by_key = {account.key: account for account in accounts}
    left = [(by_key[record.account], record) for record in records if record.account in by_key]
    same = await asyncio.to_thread(lambda: [_is_digest(record.digest, _identity(account)) for account, record in left])
    now, wall = clock.monotonic(), clock.wall()
    return [
        (account, Hold(until=now + min(max(record.until_wall - wall, 0.0), BREAKER_SECONDS), fault=_fault(record)))
        for (account, record), is_same in zip(left, same, strict=True)
        if is_same
    ]


def _fault(record: BreakerRecord) -> Fault:
    data: Mapping[str, str] = json.loads(record.fault)
    return Fault(leg=Leg(data["leg"]), stage=Stage(data["stage"]), reason=Reason(data["reason"]), detail=data["detail"])


def _identity(account: Account) -> str:
    return account.credentials.identity() if account.credentials else ""


def _digest(identity: str, salt: str | None = None) -> str:
    salt = salt or secrets.token_hex(_SALT_BYTES)
    made = hashlib.scrypt(identity.encode(), salt=bytes.fromhex(salt), n=_COST, r=_BLOCK, p=1)
    return f"{salt}:{made.hex()}"


def _is_digest(digest: str, identity: str) -> bool:
    return secrets.compare_digest(digest, _digest(identity, digest.partition(":")[0]))
