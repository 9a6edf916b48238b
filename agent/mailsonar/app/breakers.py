"""Breakers that outlive the process: an agent that is restarted again and again must not lock a customer's account.

What is kept of a refused secret is an HMAC with the signing key: it tells whether the secret has changed since, and the
journal alone gives nobody anything to guess it from.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict

from mailsonar.clock import Clock
from mailsonar.journal.records import BreakerRecord
from mailsonar.journal.writer import Writer
from mailsonar.model.fault import Fault, Reason
from mailsonar.model.server import Account, Secret
from mailsonar.model.stage import Leg, Stage
from mailsonar.probe.retreat import BREAKER_SECONDS, Hold, secret_digest

log = logging.getLogger(__name__)


class KeptBreakers:
    """Writes breakers into the journal, and reads those that an earlier process left there.

    Args:
        writer: of the journal.
        left: what an earlier process left in it.
        clock: whose time it is.
    """

    def __init__(self, writer: Writer, left: Iterable[BreakerRecord], clock: Clock) -> None:
        self._writer = writer
        self._left = tuple(left)
        self._clock = clock
        self._key = b""

    def sign_with(self, key: Secret) -> None:
        """Use this signing key from now on."""
        self._key = key.reveal().encode()

    def opened(self, account: Account, hold: Hold, secret: bytes) -> None:
        """Put on record until when an account is left alone, and for which secret, by its digest."""
        record = BreakerRecord(
            account=account.key,
            until_wall=hold.until - self._clock.monotonic() + self._clock.wall(),
            digest=self._signed(secret),
            fault=json.dumps(asdict(hold.fault)),
        )
        self._writer.order(lambda store: store.open_breaker(record))

    def closed(self, account: Account) -> None:
        """Put on record that an account may be used again."""
        self._writer.order(lambda store: store.close_breaker(account.key))

    def holds(self, accounts: Iterable[Account]) -> Iterator[tuple[Account, Hold]]:
        """Yield the accounts that are still to be left alone; a record whose secret has changed since is dropped.

        Args:
            accounts: those of the config; each is named once or more often.
        """
        by_key = {account.key: account for account in accounts}
        now, wall = self._clock.monotonic(), self._clock.wall()
        for record in self._left:
            account, fault = by_key.get(record.account), _fault(record)
            if account is None:
                continue
            if fault is None or not hmac.compare_digest(record.digest, self._signed(secret_digest(account))):
                self.closed(account)
                continue
            left = min(max(record.until_wall - wall, 0.0), BREAKER_SECONDS)  # a clock that was set prolongs no hold
            yield account, Hold(until=now + left, fault=fault)

    def _signed(self, secret: bytes) -> str:
        return hmac.new(self._key, secret, "sha256").hexdigest()


def _fault(record: BreakerRecord) -> Fault | None:
    try:
        data: Mapping[str, str] = json.loads(record.fault)
        return Fault(
            leg=Leg(data["leg"]), stage=Stage(data["stage"]), reason=Reason(data["reason"]), detail=data["detail"]
        )
    except (KeyError, TypeError, ValueError):
        log.warning("the journal's note that %s is left alone cannot be read, and is dropped", record.account)
        return None
