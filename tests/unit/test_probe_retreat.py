"""When an account is left alone, for how long, and which fault stands meanwhile."""

from __future__ import annotations

from itertools import pairwise

import pytest

from mailsonar.model.fault import Fault, Reason
from mailsonar.model.server import Account, Credentials, Protocol, Secret, Security, Server
from mailsonar.model.stage import Leg, Stage
from mailsonar.probe.retreat import BREAKER_SECONDS, Hold, Retreats, Use, secret_digest

SERVER = Server(protocol=Protocol.POP3, host="pop.acme.example", port=995, security=Security.IMPLICIT_TLS)


class Password:
    """A secret that can change."""

    def __init__(self) -> None:
        self.value = "first"

    def account(self, username: str = "acme") -> Account:
        """Return the account that it belongs to."""
        secret = Secret("test", lambda: self.value)
        return Account(server=SERVER, credentials=Credentials(username=username, password=secret))


def fault(reason: Reason, stage: Stage = Stage.AUTHENTICATE) -> Fault:
    """Return a fault of the retrieval leg."""
    return Fault(leg=Leg.RETRIEVAL, stage=stage, reason=reason, detail="no")


def note(held: Retreats, account: Account, ended: Fault | None, now: float, entered: float | None = None) -> None:
    """Note the end of a session that entered just before, or then."""
    used = Use(entered=now if entered is None else entered, secret=secret_digest(account))
    held.note(account, used, ended, now)


def retreats() -> Retreats:
    """Return retreats whose jitter is none."""
    return Retreats(lambda: 0.5)


def test_one_login_in_20_minutes_after_an_authoritative_no() -> None:
    """Providers lock accounts that hammer; the fault that opened the breaker stands meanwhile."""
    held, account = retreats(), Password().account()
    refused = fault(Reason.AUTHENTICATION_REJECTED)
    note(held, account, refused, now=100.0)
    hold = held.hold(account, now=100.0 + BREAKER_SECONDS - 1)
    assert hold
    assert (hold.fault, hold.until) == (refused, 100.0 + BREAKER_SECONDS)
    assert held.hold(account, now=100.0 + BREAKER_SECONDS) is None
    assert held.is_open(account)


def test_changed_secret_may_be_tried_at_once() -> None:
    """Whoever corrects a password need not wait."""
    held, password = retreats(), Password()
    note(held, password.account(), fault(Reason.AUTHENTICATION_REJECTED), now=0.0)
    password.value = "second"
    assert held.hold(password.account(), now=1.0) is None


def test_login_that_tells_nothing_of_the_password_counts_as_one() -> None:
    """A login every 20 minutes means every login, also one that the server could not judge."""
    held, account = retreats(), Password().account()
    note(held, account, fault(Reason.AUTHENTICATION_REJECTED), now=0.0)
    note(held, account, fault(Reason.AUTHENTICATION_DEFERRED), now=BREAKER_SECONDS)
    hold = held.hold(account, now=BREAKER_SECONDS + 100)
    assert hold
    assert hold.fault.reason is Reason.AUTHENTICATION_REJECTED
    assert hold.until == 2 * BREAKER_SECONDS


def test_success_closes_the_breaker() -> None:
    """After a login that worked nothing is remembered."""
    held, account = retreats(), Password().account()
    note(held, account, fault(Reason.AUTHENTICATION_REJECTED), now=0.0)
    note(held, account, None, now=BREAKER_SECONDS)
    assert not held.is_open(account)
    assert held.hold(account, now=BREAKER_SECONDS) is None


def test_other_accounts_of_the_server_go_on() -> None:
    """One customer's wrong password is nobody else's trouble."""
    held, password = retreats(), Password()
    note(held, password.account(), fault(Reason.AUTHENTICATION_REJECTED), now=0.0)
    assert held.hold(password.account("globex"), now=1.0) is None


@pytest.mark.parametrize(
    ("reason", "longest"),
    [
        (Reason.LOGIN_DELAY, 600.0),
        (Reason.RATE_LIMITED, 600.0),
        (Reason.AUTHENTICATION_DEFERRED, 60.0),
        (Reason.DEFERRED, 60.0),
    ],
)
def test_pauses_grow_while_the_peer_asks_for_patience(reason: Reason, longest: float) -> None:
    """15 s, 30 s, ... up to 10 minutes, or one where the server is in trouble; `held_back` is the fault meanwhile."""
    held, account, now, pauses = retreats(), Password().account(), 0.0, []
    for _ in range(9):
        note(held, account, fault(reason), now)
        hold = held.hold(account, now)
        assert hold
        assert hold.fault.reason is Reason.HELD_BACK
        assert reason in hold.fault.detail
        pauses.append(hold.until - now)
        now = hold.until
    assert pauses[0] == 15.0
    assert all(later == min(2 * earlier, longest) for earlier, later in pairwise(pauses))
    note(held, account, None, now)
    note(held, account, fault(reason), now)
    hold = held.hold(account, now)
    assert hold
    assert hold.until - now == 15.0


@pytest.mark.parametrize(("random", "pause"), [(0.0, 11.25), (0.999999, 18.75)])
def test_pauses_have_jitter(random: float, pause: float) -> None:
    """Hundreds of accounts of one provider do not come back at the same instant."""
    held, account = Retreats(lambda: random), Password().account()
    note(held, account, fault(Reason.RATE_LIMITED), now=0.0)
    hold = held.hold(account, now=0.0)
    assert hold
    assert hold.until == pytest.approx(pause, abs=0.01)


@pytest.mark.parametrize("stage", [Stage.MAIL_FROM, Stage.RCPT_TO, Stage.DATA])
def test_greylisting_is_no_reason_to_leave_the_account_alone(stage: Stage) -> None:
    """A 4xx to a transaction is retried within the attempt; the login before it was fine."""
    held, account = retreats(), Password().account()
    note(held, account, fault(Reason.DEFERRED, stage), now=0.0)
    assert held.hold(account, now=0.0) is None


def test_network_faults_neither_open_nor_close_anything() -> None:
    """A dead port says nothing about the password."""
    held, account = retreats(), Password().account()
    note(held, account, fault(Reason.CONNECTION_REFUSED, Stage.CONNECT), now=0.0)
    assert held.hold(account, now=0.0) is None
    note(held, account, fault(Reason.AUTHENTICATION_REJECTED), now=0.0)
    note(held, account, fault(Reason.TIMEOUT, Stage.CONNECT), now=1.0)
    assert held.hold(account, now=2.0)


def test_an_open_breaker_lets_one_login_through() -> None:
    """When the 20 minutes are over one session tries; all others wait for what becomes of it."""
    held, account = retreats(), Password().account()
    refused = fault(Reason.AUTHENTICATION_REJECTED)
    note(held, account, refused, now=0.0)
    assert held.enter(account, BREAKER_SECONDS) is None
    hold = held.enter(account, BREAKER_SECONDS)
    assert hold
    assert hold.fault == refused
    held.admitted(account, BREAKER_SECONDS)
    assert held.enter(account, BREAKER_SECONDS) is None


def test_a_changed_secret_is_tried_by_one_session_first() -> None:
    """A password that was changed to another wrong one costs one login, too, and not one for each session."""
    held, password = retreats(), Password()
    note(held, password.account(), fault(Reason.AUTHENTICATION_REJECTED), now=0.0)
    password.value = "second"
    assert held.enter(password.account(), 1.0) is None
    assert held.enter(password.account(), 1.0)


def test_a_login_that_did_not_come_about_is_not_used_up() -> None:
    """Where the one session that was let through found the port dead, the next may try soon."""
    held, account = retreats(), Password().account()
    note(held, account, fault(Reason.AUTHENTICATION_REJECTED), now=0.0)
    assert held.enter(account, BREAKER_SECONDS) is None
    note(held, account, fault(Reason.TIMEOUT, Stage.CONNECT), now=BREAKER_SECONDS)
    hold = held.hold(account, BREAKER_SECONDS + 1)
    assert hold
    assert hold.until == BREAKER_SECONDS + 15
    assert held.is_open(account)


def test_a_new_secret_is_not_on_record_before_it_was_refused() -> None:
    """Whoever corrects the password and restarts the agent finds it tried, not held back for the old one's sake."""
    kept, password = Breakers(), Password()
    held = Retreats(lambda: 0.5, kept)
    note(held, password.account(), fault(Reason.AUTHENTICATION_REJECTED), now=0.0)
    password.value = "second"
    assert held.enter(password.account(), 1.0) is None
    assert kept.told == [("acme", BREAKER_SECONDS)]


def test_an_older_session_closes_no_breaker() -> None:
    """A session that logged in before the refusal says nothing about the password now, however well it ends."""
    held, account = retreats(), Password().account()
    note(held, account, fault(Reason.AUTHENTICATION_REJECTED), now=10.0)
    held.admitted(account, entered=5.0)
    note(held, account, None, now=20.0, entered=5.0)
    assert held.hold(account, 20.0)


class Breakers:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, float | None]] = []

    def opened(self, account: Account, hold: Hold, secret: bytes) -> None:
        """Remember until when."""
        assert secret == secret_digest(account)
        self.told.append((account.name, hold.until))

    def closed(self, account: Account) -> None:
        """Remember the end."""
        self.told.append((account.name, None))


def test_breakers_can_be_kept() -> None:
    """Whoever keeps breakers hears of each that opens, is prolonged or closes, and can put them back."""
    kept, account = Breakers(), Password().account()
    held = Retreats(lambda: 0.5, kept)
    note(held, account, fault(Reason.AUTHENTICATION_REJECTED), now=0.0)
    held.enter(account, BREAKER_SECONDS)
    held.admitted(account, BREAKER_SECONDS)
    note(held, account, None, now=BREAKER_SECONDS)
    assert kept.told == [(account.name, BREAKER_SECONDS), (account.name, 2 * BREAKER_SECONDS), (account.name, None)]
    another = retreats()
    another.restore(account, Hold(until=50.0, fault=fault(Reason.AUTHENTICATION_REJECTED)))
    assert another.hold(account, 49.0)
    assert another.hold(account, 50.0) is None
    assert another.is_open(account)


def test_the_fault_tells_when_the_account_is_used_again() -> None:
    """Whoever reads the fault learns that we wait, for how long, and what would end it sooner."""
    held, account = retreats(), Password().account()
    note(held, account, fault(Reason.AUTHENTICATION_REJECTED), now=0.0)
    hold = held.hold(account, 60.0)
    assert hold
    assert hold.fault_at(60.0).detail == "no; next login in 19 min or once the secret changes"
    held = retreats()
    note(held, account, fault(Reason.LOGIN_DELAY), now=0.0)
    hold = held.hold(account, 5.0)
    assert hold
    assert hold.fault_at(5.0).detail == "held back after login_delay: no; next login in 10 s"


def test_a_token_that_could_not_be_had_opens_no_breaker() -> None:
    """Nobody knocked: the account is used again as soon as there is a token."""
    held, account = retreats(), Password().account()
    note(held, account, fault(Reason.TOKEN_UNAVAILABLE), now=0.0)
    assert held.hold(account, now=0.0) is None
    assert not held.is_open(account)


def test_a_token_that_could_not_be_had_keeps_a_breaker_open_no_longer() -> None:
    """The one login that an open breaker lets through did not come about: it is soon tried again."""
    held, account = retreats(), Password().account()
    note(held, account, fault(Reason.AUTHENTICATION_REJECTED), now=0.0)
    assert held.enter(account, BREAKER_SECONDS) is None
    note(held, account, fault(Reason.TOKEN_UNAVAILABLE), now=BREAKER_SECONDS)
    assert held.is_open(account)
    assert held.hold(account, now=BREAKER_SECONDS + 60) is None
