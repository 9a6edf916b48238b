"""When an account is left alone: pure but for the instant that is passed in.

Providers lock accounts that knock with a wrong password. After an authoritative no, one login every 20 minutes, until
the secret changes; the fault that opened this breaker stands meanwhile. After the peer asked for patience, growing
pauses with jitter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from mailsonar.model.fault import Fault, Reason
from mailsonar.model.server import Account
from mailsonar.model.stage import TRANSACTION, Stage

BREAKER_SECONDS = 20 * 60.0
FIRST_PAUSE_SECONDS = 15.0
JITTER = 0.25

# A server in trouble is watched more closely than one that finds us too fast: its recovery is news.
_LONGEST_PAUSES = {
    Reason.LOGIN_DELAY: 600.0,
    Reason.RATE_LIMITED: 600.0,
    Reason.AUTHENTICATION_DEFERRED: 60.0,
    Reason.DEFERRED: 60.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """An account that is left alone until a monotonic instant, and the fault that stands meanwhile."""

    until: float
    fault: Fault


@dataclass(slots=True)
class _Account:
    """What is remembered of one account; `secret` is a digest of the one that was refused."""

    breaker: Fault | None = None
    secret: bytes = b""
    patience: Fault | None = None
    pauses: int = 0
    until: float = 0.0


class Retreats:
    """Which accounts are left alone.

    Args:
        random: returns a number from 0 up to 1, for the jitter.
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._accounts: dict[tuple[str, str, str], _Account] = {}

    def hold(self, account: Account, now: float) -> Hold | None:
        """Return the hold on an account, None where it may be used."""
        state = self._accounts.get(_key(account))
        if state is None or now >= state.until:
            return None
        if state.breaker:
            return None if state.secret != secret_digest(account) else Hold(until=state.until, fault=state.breaker)
        if state.patience is None:
            return None
        detail = f"held back after {state.patience.reason}: {state.patience.detail}"[:200]
        fault = Fault(leg=state.patience.leg, stage=state.patience.stage, reason=Reason.HELD_BACK, detail=detail)
        return Hold(until=state.until, fault=fault)

    def admitted(self, account: Account) -> None:
        """Note that a login succeeded, whatever became of its session."""
        state = self._accounts.get(_key(account))
        if state and state.breaker:
            self._accounts.pop(_key(account))

    def note(self, account: Account, secret: bytes, fault: Fault | None, now: float) -> None:
        """Take in how a session ended.

        Args:
            account: whose session.
            secret: the digest of the secret that it used, which may have changed since.
            fault: what ended it, None where it went well.
            now: the monotonic instant.
        """
        state = self._accounts.setdefault(_key(account), _Account())
        if fault and state.breaker and fault.stage is Stage.AUTHENTICATE:
            state.until = now + BREAKER_SECONDS
        if fault and fault.reason is Reason.AUTHENTICATION_REJECTED:
            state.breaker, state.secret, state.until = fault, secret, now + BREAKER_SECONDS
        elif fault and not state.breaker and fault.reason in _LONGEST_PAUSES and fault.stage not in TRANSACTION:
            state.patience, state.pauses = fault, state.pauses + 1
            state.until = now + self._pause(state.pauses, _LONGEST_PAUSES[fault.reason])
        elif fault is None or fault.stage in TRANSACTION:
            self._accounts.pop(_key(account))

    def is_open(self, account: Account) -> bool:
        """Tell whether the breaker of an account is open: its credentials were refused, and nothing proved better."""
        state = self._accounts.get(_key(account))
        return state is not None and state.breaker is not None

    def _pause(self, times: int, longest: float) -> float:
        pause = min(FIRST_PAUSE_SECONDS * 2.0 ** min(times - 1, 10), longest)
        return pause * (1 - JITTER + 2 * JITTER * self._random())


def _key(account: Account) -> tuple[str, str, str]:
    return (account.server.protocol, account.server.name, account.name)


def secret_digest(account: Account) -> bytes:
    """Return what tells one secret of an account from another, and does not tell the secret."""
    password = account.credentials.password.reveal() if account.credentials else ""
    return hashlib.sha256(password.encode()).digest()
