"""When an account is left alone: pure but for the instant that is passed in.

Providers lock accounts that knock with a wrong password. After an authoritative no, one login every 20 minutes, until
the secret changes; the fault that opened this breaker stands meanwhile. After the peer asked for patience, growing
pauses with jitter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from mailsonar.model.fault import Fault, Reason
from mailsonar.model.server import Account
from mailsonar.model.stage import TRANSACTION, Stage

BREAKER_SECONDS = 20 * 60.0
FIRST_PAUSE_SECONDS = 15.0
JITTER = 0.25
DETAIL_KEPT = 140  # of the 200 characters that a detail may have

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

    def fault_at(self, now: float) -> Fault:
        """Return the fault, with a word on when the account will be used again."""
        wait = max(0.0, self.until - now)
        shown = f"{wait / 60:.0f} min" if wait >= 120 else f"{wait:.0f} s"
        unless = " or once the secret changes" if self.fault.reason is Reason.AUTHENTICATION_REJECTED else ""
        return replace(self.fault, detail=f"{self.fault.detail[:DETAIL_KEPT]}; next login in {shown}{unless}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A session's use of an account: when it entered, in monotonic seconds, and a digest of the secret it had then."""

    entered: float
    secret: bytes


class BreakerWatch(Protocol):
    """Is told of breakers, so that they can outlive the process."""

    def opened(self, account: Account, hold: Hold, secret: bytes) -> None:
        """Note until when an account is left alone, and which secret was refused, by its digest."""

    def closed(self, account: Account) -> None:
        """Note that an account may be used again."""


@dataclass(slots=True)
class _Account:
    """What is remembered of one account.

    `secret` is a digest of the one that was refused, or is being tried; `opened` is when the breaker was opened, or let
    the one login through that is under way while `is_passing`: sessions from before it prove nothing.
    """

    breaker: Fault | None = None
    secret: bytes = b""
    opened: float = 0.0
    is_passing: bool = False
    patience: Fault | None = None
    pauses: int = 0
    until: float = 0.0


class Retreats:
    """Which accounts are left alone.

    Args:
        random: returns a number from 0 up to 1, for the jitter.
        watch: is told of breakers.
    """

    def __init__(self, random: Callable[[], float], watch: BreakerWatch | None = None) -> None:
        self._random = random
        self._watch = watch
        self._accounts: dict[str, _Account] = {}

    def hold(self, account: Account, now: float) -> Hold | None:
        """Return the hold on an account, None where it may be used."""
        state = self._accounts.get(account.key)
        if state is None or now >= state.until:
            return None
        if state.breaker:
            return None if state.secret != secret_digest(account) else Hold(until=state.until, fault=state.breaker)
        if state.patience is None:
            return None
        detail = f"held back after {state.patience.reason}: {state.patience.detail}"[:DETAIL_KEPT]
        fault = Fault(leg=state.patience.leg, stage=state.patience.stage, reason=Reason.HELD_BACK, detail=detail)
        return Hold(until=state.until, fault=fault)

    def enter(self, account: Account, now: float) -> Hold | None:
        """Return the hold on an account; where there is none, take the one login that an open breaker lets through."""
        hold = self.hold(account, now)
        state = self._accounts.get(account.key)
        if hold is None and state and state.breaker:
            is_known, state.secret, state.is_passing = state.secret, secret_digest(account), True
            state.opened, state.until = now, now + BREAKER_SECONDS
            if is_known == state.secret:  # a new one may be good: it is on record once it was refused
                self._keep(account, state)
        return hold

    def restore(self, account: Account, hold: Hold) -> None:
        """Take over a breaker that an earlier process opened."""
        self._accounts[account.key] = _Account(breaker=hold.fault, secret=secret_digest(account), until=hold.until)

    def admitted(self, account: Account, entered: float) -> None:
        """Note that a login succeeded, whatever became of its session, which entered at a monotonic instant."""
        state = self._accounts.get(account.key)
        if state and state.breaker and entered >= state.opened:
            self._forget(account)

    def note(self, account: Account, used: Use, fault: Fault | None, now: float) -> None:
        """Take in how a session ended.

        Args:
            account: whose session.
            used: when it entered, and with which secret.
            fault: what ended it, None where it went well.
            now: the monotonic instant.
        """
        state = self._accounts.setdefault(account.key, _Account())
        is_refused = fault is not None and fault.reason is Reason.AUTHENTICATION_REJECTED
        if state.breaker and used.entered < state.opened and not is_refused:
            return
        was_passing, state.is_passing = state.is_passing, False
        never_knocked = fault is not None and fault.reason is Reason.TOKEN_UNAVAILABLE
        if fault and is_refused:
            state.secret = used.secret
            self._open(account, state, fault, now)
        elif fault and state.breaker and fault.stage is Stage.AUTHENTICATE and not never_knocked:
            self._open(account, state, state.breaker, now)
        elif fault and was_passing and fault.stage not in TRANSACTION:
            state.until = now + self._pause(1, FIRST_PAUSE_SECONDS)  # it never came to a login
            self._keep(account, state)
        elif fault and not state.breaker and fault.reason in _LONGEST_PAUSES and fault.stage not in TRANSACTION:
            state.patience, state.pauses = fault, state.pauses + 1
            state.until = now + self._pause(state.pauses, _LONGEST_PAUSES[fault.reason])
        elif fault is None or fault.stage in TRANSACTION:
            self._forget(account)

    def is_open(self, account: Account) -> bool:
        """Tell whether the breaker of an account is open: its credentials were refused, and nothing proved better."""
        state = self._accounts.get(account.key)
        return state is not None and state.breaker is not None

    def _open(self, account: Account, state: _Account, fault: Fault, now: float) -> None:
        state.breaker, state.opened, state.until = fault, now, now + BREAKER_SECONDS
        self._keep(account, state)

    def _keep(self, account: Account, state: _Account) -> None:
        if self._watch and state.breaker:
            self._watch.opened(account, Hold(until=state.until, fault=state.breaker), state.secret)

    def _forget(self, account: Account) -> None:
        state = self._accounts.pop(account.key, None)
        if state and state.breaker and self._watch:
            self._watch.closed(account)

    def _pause(self, times: int, longest: float) -> float:
        pause = min(FIRST_PAUSE_SECONDS * 2.0 ** min(times - 1, 10), longest)
        return pause * (1 - JITTER + 2 * JITTER * self._random())


def secret_digest(account: Account) -> bytes:
    """Return what tells one secret of an account from another, and does not tell the secret."""
    identity = account.credentials.identity() if account.credentials else ""
    return hashlib.sha256(identity.encode()).digest()
