"""The observer that writes one line per result.

When everything fails at once, the same fault of a route is written when it begins and then at most once a minute, with
the number of lines that were left out: a hostile server cannot fill the disk.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from mailsonar.clock import Clock
from mailsonar.model.fault import Fault
from mailsonar.model.oauth2 import TokenNews
from mailsonar.model.observer import Login, Look
from mailsonar.model.result import Attempt, Result
from mailsonar.observe.log_format import log_fields

QUIET_SECONDS = 60.0

_log = logging.getLogger("mailsonar.observe")


@dataclass(slots=True)
class _Repeat:
    """A fault that was written, when (monotonic seconds), and how many of its lines were left out since."""

    fault: str
    written: float
    suppressed: int = 0


class LogObserver:
    """Writes results to the log.

    Args:
        clock: tells how long a repeated fault has been quiet.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._repeats: dict[tuple[str, str, str], _Repeat] = {}
        self._offers_in_the_clear: dict[str, bool] = {}

    def attempt_started(self, attempt: Attempt) -> None:
        """Write a line for those who debug."""
        _log.debug("attempt started", extra=log_fields(route=attempt.route.name, token=attempt.token_id))

    def attempt_resumed(self, attempt: Attempt) -> None:
        """Write a line for those who debug."""
        _log.debug("attempt resumed", extra=log_fields(route=attempt.route.name, token=attempt.token_id))

    def verdict_fell(self, result: Result) -> None:
        """Write that the deadline passed."""
        self._write("verdict fell", result)

    def attempt_ended(self, result: Result) -> None:
        """Write how the attempt ended."""
        self._write("attempt ended", result)

    def duplicate_seen(self, attempt: Attempt) -> None:
        """Write that a message arrived again."""
        self._write_fault(
            "duplicate seen", ("route", attempt.route.name, "duplicates"), "duplicate", {"token": attempt.token_id}
        )

    def maildrop_looked(self, look: Look) -> None:
        """Write that a message of ours could not be removed; other faults of a look reach the log with the result."""
        key = ("maildrop", look.maildrop.name, "clean-up")
        if look.cleanup_fault is not None:
            self._write_fault("clean-up failed", key, str(look.cleanup_fault), _fault_fields(look.cleanup_fault))
        elif look.fault is None:
            self._repeats.pop(key, None)

    def account_used(self, login: Login) -> None:
        """Write that a server offers what gives secrets away, once for each server and change.

        A failed login is the fault of a result.
        """
        server, offers = login.account.server, login.offered_in_the_clear
        if offers is None or offers is self._offers_in_the_clear.get(server.name, False):
            return
        self._offers_in_the_clear[server.name] = offers
        fields = log_fields(server=server.name, protocol=server.protocol)
        if offers:
            _log.warning("the server offers logins before TLS that give the secret away", extra=fields)
        else:
            _log.info("the server offers no more logins before TLS that give the secret away", extra=fields)

    def token_changed(self, news: TokenNews) -> None:
        """Write nothing: a token that could not be had is the fault of a result."""

    def _write(self, message: str, result: Result) -> None:
        key = ("route", result.attempt.route.name, "results")
        fields = _result_fields(result)
        if result.success:
            repeat = self._repeats.pop(key, None)
            suppressed = {"suppressed": repeat.suppressed} if repeat and repeat.suppressed else {}
            _log.info(message, extra=log_fields(**_named(key), **fields, **suppressed))
        else:
            self._write_fault(message, key, str(result.fault or result.outcome), fields)

    def _write_fault(self, message: str, key: tuple[str, str, str], fault: str, fields: dict[str, Any]) -> None:
        """Write a warning, unless the last one of the same route or maildrop was of the same fault and is recent."""
        now = self._clock.monotonic()
        repeat = self._repeats.get(key)
        if repeat and repeat.fault == fault and now - repeat.written < QUIET_SECONDS:
            repeat.suppressed += 1
            return
        suppressed = {"suppressed": repeat.suppressed} if repeat and repeat.suppressed else {}
        self._repeats[key] = _Repeat(fault, now)
        _log.warning(message, extra=log_fields(**_named(key), **fields, **suppressed))


def _named(key: tuple[str, str, str]) -> dict[str, str]:
    kind, name, _ = key
    return {kind: name}


def _fault_fields(fault: Fault | None) -> dict[str, Any]:
    if fault is None:
        return {}
    return {"leg": fault.leg, "stage": fault.stage, "reason": fault.reason, "detail": fault.detail}


def _result_fields(result: Result) -> dict[str, Any]:
    """Return the fields of a result; a label of the config stands under `labels`, where it can shadow none of ours."""
    return {
        "labels": dict(result.attempt.route.labels),
        "token": result.attempt.token_id,
        "outcome": result.outcome,
        "success": result.success,
        **_fault_fields(result.fault),
        "round_trip_seconds": _rounded(result.round_trip_seconds),
        "error_seconds": _rounded(result.error_seconds),
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)
