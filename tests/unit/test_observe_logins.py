"""What observers make of logins: the newest of each fact, on the page, in metrics and in the log."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest
from tests.support.observed import REJECTED, HandClock, make_attempt, make_route, on_time
from tests.support.scraped import Scraped

from mailsonar.model.fault import Fault, Reason
from mailsonar.model.observer import Login
from mailsonar.model.result import TlsFacts
from mailsonar.model.server import Mechanism
from mailsonar.model.stage import Leg, Stage
from mailsonar.observe.history import History
from mailsonar.observe.logins import newer
from mailsonar.observe.logs import LogObserver
from mailsonar.observe.result_json import result_as_json
from mailsonar.observe.result_restore import restored

ROUTE = make_route()
ACCOUNT = ROUTE.sender.account
SMTP = {"server": "smtp.acme.example:587", "protocol": "smtp"}
FACTS = TlsFacts(
    server="smtp.acme.example:587",
    protocol="smtp",
    version="TLSv1.3",
    cipher="c",
    verified=False,
    not_after_wall=1_798_761_600.0,
    not_after_earliest_wall=1_798_761_500.0,
    problem="certificate has expired",
    names=("a", "b"),
    issuer="CN=i",
    key="RSA 2048",
)
FULL = Login(
    account=ACCOUNT,
    authenticated=True,
    tls=FACTS,
    mechanism=Mechanism.LOGIN,
    offered=("LOGIN",),
    offered_in_the_clear=True,
)
NOTHING = Login(account=ACCOUNT, authenticated=None)


def fault_of(reason: Reason) -> Fault:
    """Return a fault of the authentication."""
    return Fault(leg=Leg.SUBMISSION, stage=Stage.AUTHENTICATE, reason=reason)


def test_what_a_session_did_not_get_to_stays() -> None:
    """A session that ended before the handshake takes nothing away; one that came further replaces all."""
    assert newer(None, NOTHING) == NOTHING
    assert newer(FULL, NOTHING) == FULL
    refused = replace(FULL, authenticated=False, fault=REJECTED, offered_in_the_clear=False, offered=("PLAIN",))
    assert newer(FULL, refused) == refused
    assert newer(refused, FULL) == FULL


def test_the_view_of_a_route_has_the_logins_of_its_accounts() -> None:
    """The sender's comes first; an account that leaves the config leaves the history."""
    history = History()
    history.account_used(FULL)
    history.set_routes([ROUTE])
    retrieval = Login(account=ROUTE.maildrop.account, authenticated=True)
    for login in (retrieval, FULL, NOTHING):
        history.account_used(login)
    view = history.route(ROUTE.name)
    assert view
    assert view.logins == (FULL, retrieval)
    history.set_routes([])
    history.set_routes([ROUTE])
    emptied = history.route(ROUTE.name)
    assert emptied
    assert emptied.logins == ()


def test_a_result_comes_back_from_its_json_with_all_facts() -> None:
    """The page of a later process shows the certificates that the earlier one saw, with keys or without."""
    result = on_time(make_attempt(ROUTE), tls=(FACTS,))
    data = result_as_json(result)
    read = restored(json.dumps(data), result.attempt)
    assert read
    assert read.tls == (FACTS,)
    for key in ("not_after_earliest", "problem", "names", "issuer", "key"):
        del data["tls"][0][key]
    old = restored(json.dumps(data), result.attempt)
    assert old
    assert old.tls == (replace(FACTS, not_after_earliest_wall=None, problem=None, names=(), issuer=None, key=None),)


def test_plaintext_logins_are_a_metric() -> None:
    """Absent until a session saw it, then 0 or 1; a session that did not get that far changes nothing."""
    scraped = Scraped()
    name = "server_plaintext_auth_offered"
    scraped.metrics.account_used(NOTHING)
    assert f"mailsonar_{name}" not in {sample for sample, _ in scraped.samples()}
    for offered, value in ((True, 1), (None, 1), (False, 0)):
        scraped.metrics.account_used(replace(NOTHING, offered_in_the_clear=offered))
        assert scraped.value(name, **SMTP) == value


def test_every_failed_login_counts_by_its_reason() -> None:
    """What is no answer to the credentials counts as a failure, too, and says nothing on the credentials."""
    scraped = Scraped()
    account = {**SMTP, "account": ACCOUNT.name}
    scraped.metrics.account_used(FULL)
    for reason in (Reason.AUTHENTICATION_DEFERRED, Reason.AUTHENTICATION_UNAVAILABLE, Reason.TIMEOUT, Reason.TIMEOUT):
        scraped.metrics.account_used(replace(NOTHING, fault=fault_of(reason)))
    failures = "account_authentication_failures_total"
    assert scraped.value(failures, **account, reason="authentication_deferred") == 1
    assert scraped.value(failures, **account, reason="authentication_unavailable") == 1
    assert scraped.value(failures, **account, reason="timeout") == 2
    assert scraped.value("account_authenticated", **account) == 1


def test_plaintext_logins_are_warned_of_once_for_each_change(caplog: pytest.LogCaptureFixture) -> None:
    """One line when it begins, one when it ends, none in between, and each server has its own."""
    caplog.set_level(logging.INFO)
    log = LogObserver(HandClock())
    other = replace(NOTHING, account=ROUTE.maildrop.account)
    for login, offered in ((NOTHING, False), (NOTHING, True), (NOTHING, None), (NOTHING, True), (other, True),
                           (NOTHING, False), (NOTHING, False), (NOTHING, True)):  # fmt: skip
        log.account_used(replace(login, offered_in_the_clear=offered))
    servers = [(one.levelname, one.__dict__["fields"]["server"].partition(".")[0]) for one in caplog.records]
    assert servers == [("WARNING", "smtp"), ("WARNING", "pop"), ("INFO", "smtp"), ("WARNING", "smtp")]
