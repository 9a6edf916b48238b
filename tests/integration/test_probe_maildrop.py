"""What an owner reads, deletes and leaves alone, on servers that are none too good."""

from __future__ import annotations

import asyncio

import pytest
from tests.support.probing import (
    ANOTHER,
    INSTANCE,
    Probing,
    at,
    impatient,
    signed_mail,
    token_ids,
)

from mailsonar.model.fault import Reason
from mailsonar.model.result import Outcome
from mailsonar.model.route import Cleanup
from mailsonar.model.server import Secret
from mailsonar.model.stage import Leg, Stage
from mailsonar.probe.findings import NOT_ARRIVED, UNREADABLE
from mailsonar.sandbox import faults, pop3_faults
from mailsonar.sandbox.delivery import fold_header, lose, prefix_subject, rewrite_message_id, strip_x_fields
from mailsonar.sandbox.faults import ServerFault

FOREIGN = b"From: boss@acme.example\r\nSubject: Mail flow check\r\n\r\nHands off.\r\n"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for seconds."""
    impatient(monkeypatch)


def left(mail: Probing) -> list[bytes]:
    """Return what is in the mailbox."""
    return [stored.content for stored in mail.mailbox.messages]


async def test_foreign_mail_is_read_once_and_never_deleted(mail: Probing) -> None:
    """Other people's mail costs one look at its header, ever, and stays."""
    others = [FOREIGN + b"%d" % number for number in range(5)]
    for content in others:
        mail.mailbox.deliver(content)
    foreign = {stored.uid for stored in mail.mailbox.messages}
    for _ in range(3):
        assert (await mail.attempt(mail.route())).outcome is Outcome.ON_TIME
    assert left(mail) == others
    assert sorted(uid for uid in mail.mailbox.seen.fetched if uid in foreign) == sorted(foreign)
    assert not foreign & set(mail.mailbox.seen.deleted)
    assert not any(command.startswith("RETR") for command in mail.pop3.commands)


@pytest.mark.parametrize("mangle", [prefix_subject, strip_x_fields, rewrite_message_id, fold_header])
async def test_mangled_message_is_recognised(mail: Probing, mangle: object) -> None:
    """What gateways do to a message does not hide it, as long as one of its two tokens is whole."""
    mail.mailbox.faults.on(mangle)  # type: ignore[arg-type] # each is a DeliveryFault
    assert (await mail.attempt(mail.route())).outcome is Outcome.ON_TIME


async def test_message_without_any_token_is_not_ours(mail: Probing) -> None:
    """With both tokens gone nothing looser is tried: the message is lost, and stays where it is."""
    mail.mailbox.faults.on(strip_x_fields, rewrite_message_id)
    result = await mail.attempt(mail.route(deadline_seconds=0.2, give_up_seconds=0.3))
    assert result.outcome is Outcome.LOST
    assert len(left(mail)) == 1


async def test_forgeries_and_quotations_stay(mail: Probing) -> None:
    """Neither a token that another key signed, nor one that stands in a reply or a report, makes a message ours."""
    genuine = signed_mail(ANOTHER, 100.0)
    others = [
        signed_mail(INSTANCE, 100.0, key=Secret("test", lambda: "x" * 32)),
        genuine.replace(b"Auto-Submitted: auto-generated", b"Auto-Submitted: auto-replied"),
        b"In-Reply-To: <1@acme.example>\r\n" + genuine,
        b'Content-Type: multipart/report; report-type="delivery-status"\r\n' + genuine,
        FOREIGN + genuine,
    ]
    for content in others:
        mail.mailbox.deliver(content)
    await mail.attempt(mail.route())
    assert left(mail) == others


@pytest.mark.parametrize(("age", "stays"), [(0.0, True), (5.0, True), (7.0, False)])
async def test_message_of_another_agent(mail: Probing, age: float, stays: bool) -> None:
    """What another agent awaits is left alone; what is too old for anybody to await is a leftover, and removed."""
    content = signed_mail(ANOTHER, age)
    mail.mailbox.deliver(content)
    assert (await mail.attempt(mail.route())).outcome is Outcome.ON_TIME
    assert left(mail) == ([content] if stays else [])
    assert mail.seen.duplicates == []


async def test_unknown_message_of_our_own_instance_is_a_leftover(mail: Probing) -> None:
    """A token that this process signed, but knows no more, is treated by its age like anybody's."""
    young, old = signed_mail(INSTANCE, 1.0), signed_mail(INSTANCE, 7.0, "b" * 20)
    mail.mailbox.deliver(young)
    mail.mailbox.deliver(old)
    await mail.attempt(mail.route())
    assert left(mail) == [young]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (pop3_faults.DELE_REFUSED, (Leg.RETRIEVAL, Stage.DELETE, Reason.DEFERRED)),
        (pop3_faults.QUIT_REFUSED, (Leg.RETRIEVAL, Stage.QUIT, Reason.DEFERRED)),
        (faults.drops("DELE"), (Leg.RETRIEVAL, Stage.DELETE, Reason.DISCONNECTED)),
        (faults.drops("QUIT"), (Leg.RETRIEVAL, Stage.QUIT, Reason.DISCONNECTED)),
        (faults.stalls("DELE"), (Leg.RETRIEVAL, Stage.DELETE, Reason.TIMEOUT)),
    ],
)
async def test_failed_clean_up_is_a_success_and_tried_again(
    mail: Probing, fault: ServerFault, expected: tuple[Leg, Stage, Reason]
) -> None:
    """A message that was seen but not removed is a success; that it is still there is told, and mended later."""
    mail.pop3.faults.on(fault)
    result = await mail.attempt(mail.route())
    assert (result.outcome, result.success, result.fault) == (Outcome.ON_TIME, True, None)
    assert at(mail.seen.cleanup_faults[0]) == expected
    assert mail.seen.looks[0].fault is None
    assert len(left(mail)) == 1
    mail.pop3.faults.off(fault)
    await mail.seen.until(lambda: not mail.mailbox.messages)
    assert mail.seen.duplicates == []
    assert mail.seen.looks[-1].cleanup_fault is None


async def test_deleted_message_that_comes_back_is_removed_again(mail: Probing) -> None:
    """A server that brings back what it deleted makes no duplicate of it."""
    await mail.attempt(mail.route())
    _, content = mail.mailbox.arrived[0]
    mail.mailbox.messages.append(type(mail.mailbox.deliver(b""))("00000001", content))
    await mail.attempt(mail.route())
    assert mail.seen.duplicates == []
    assert content not in left(mail)


async def test_cleanup_keep_leaves_our_messages(mail: Probing) -> None:
    """With `cleanup: keep` nothing is ever deleted, and each of our messages is read once."""
    route = mail.route(maildrop_cleanup=Cleanup.KEEP)
    for _ in range(3):
        assert (await mail.attempt(route)).outcome is Outcome.ON_TIME
    assert len(left(mail)) == 3
    assert not any(command.startswith("DELE") for command in mail.pop3.commands)
    assert len(mail.mailbox.seen.fetched) == 3
    assert mail.seen.duplicates == []


async def test_hundred_unremoved_messages_stop_submission(mail: Probing) -> None:
    """A maildrop that cannot be cleaned gets no more mail from us, until it can."""
    mail.pop3.faults.on(pop3_faults.DELE_REFUSED)
    for token_id in token_ids(100):
        mail.mailbox.deliver(signed_mail(ANOTHER, 7.0, token_id))
    assert (await mail.attempt(mail.route())).outcome is Outcome.ON_TIME
    held = await mail.attempt(mail.route())
    assert (held.outcome, held.success) == (Outcome.FAILED, False)
    assert at(held.fault) == (Leg.RETRIEVAL, Stage.DELETE, Reason.HELD_BACK)
    assert mail.smtp.connections == 1
    mail.pop3.faults.off(pop3_faults.DELE_REFUSED)
    await mail.seen.until(lambda: not mail.mailbox.messages)
    assert (await mail.attempt(mail.route())).outcome is Outcome.ON_TIME


@pytest.mark.parametrize(
    "poor",
    [
        (pop3_faults.NO_TOP,),
        (pop3_faults.NO_UIDL,),
        (pop3_faults.NO_CAPA,),
        (pop3_faults.EQUAL_UNIQUE_IDS,),
        (pop3_faults.NO_TOP, pop3_faults.NO_UIDL, pop3_faults.NO_CAPA),
    ],
)
async def test_poor_servers(mail: Probing, poor: tuple[ServerFault, ...]) -> None:
    """What POP3 makes optional is not needed: the probe is found and removed, other mail stays."""
    mail.pop3.faults.on(*poor)
    mail.mailbox.deliver(FOREIGN)
    for _ in range(3):
        assert (await mail.attempt(mail.route())).outcome is Outcome.ON_TIME
    await mail.seen.until(lambda: left(mail) == [FOREIGN])
    assert mail.seen.duplicates == []
    assert mail.seen.cleanup_faults == []


@pytest.mark.parametrize("poor", [pop3_faults.NO_UIDL, pop3_faults.EQUAL_UNIQUE_IDS])
async def test_several_probes_at_once_on_poor_servers(mail: Probing, poor: ServerFault) -> None:
    """Where no unique-id tells messages apart, several of ours are still no duplicates of each other."""
    mail.pop3.faults.on(poor, faults.late("CAPA", 0.1))
    begun = [await mail.begin(mail.route(name)) for name in ("one", "two", "three")]
    results = await asyncio.wait_for(asyncio.gather(*(task for _, task in begun)), 5)
    assert {result.outcome for result in results} == {Outcome.ON_TIME}
    await mail.seen.until(lambda: not mail.mailbox.messages)
    assert mail.seen.duplicates == []


async def test_message_that_vanishes(mail: Probing) -> None:
    """A message that is gone when it is to be read ends nothing: the next one is read."""
    mail.mailbox.deliver(FOREIGN)
    mail.pop3.faults.on(faults.says_first(1, "-ERR Message 1 expunged", "TOP"))
    assert (await mail.attempt(mail.route())).outcome is Outcome.ON_TIME
    assert left(mail) == [FOREIGN]


@pytest.mark.parametrize("has_top", [True, False])
async def test_probe_behind_a_huge_message_is_found(mail: Probing, has_top: bool) -> None:
    """A huge message is cut short, not downloaded, and hides nothing that lies before or behind it."""
    if not has_top:
        mail.pop3.faults.on(pop3_faults.NO_TOP)
    huge = FOREIGN + b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 300_000
    mail.mailbox.deliver(huge)
    begun = await mail.begin(mail.route())
    await asyncio.wait_for(mail.mailbox.arrivals(2), 2)
    mail.mailbox.deliver(huge)
    result = await asyncio.wait_for(begun[1], 5)
    assert result.outcome is Outcome.ON_TIME
    await mail.seen.until(lambda: len(mail.mailbox.messages) == 2)


async def test_message_for_another_maildrop_is_not_taken(mail: Probing) -> None:
    """A message that lands in the wrong maildrop is no success there, and is left for whom it may concern."""
    wrong = mail.world.mailbox("other@acme.example", "x")
    mail.world.mailboxes["other@acme.example"] = mail.mailbox
    result = await mail.attempt(mail.route())
    assert result.outcome is Outcome.ON_TIME
    assert wrong.messages == []


async def test_flood_of_foreign_mail_does_not_hide_the_probe(mail: Probing) -> None:
    """Among thousands of messages that were never read, ours is read first."""
    for number in range(3000):
        mail.mailbox.deliver(FOREIGN + b"%d" % number)
    result = await mail.attempt(mail.route())
    assert result.outcome is Outcome.ON_TIME
    assert len(mail.mailbox.messages) == 3000


async def test_message_that_is_broken_for_good_keeps_no_attempt_open(mail: Probing) -> None:
    """What the server lists, but never gives out, may be ours if it came since: unobserved; if it was there, lost."""
    mail.mailbox.deliver(FOREIGN)
    mail.pop3.faults.on(faults.says("-ERR Message is corrupted", "TOP"))
    mail.mailbox.faults.on(lose)
    route = mail.route(deadline_seconds=0.2, give_up_seconds=0.4)
    first, second = await mail.attempt(route), await mail.attempt(route)
    assert (first.outcome, first.fault) == (Outcome.UNOBSERVED, UNREADABLE)
    assert [one.fault for one in mail.seen.verdicts] == [UNREADABLE, NOT_ARRIVED]
    assert (second.outcome, second.fault) == (Outcome.LOST, NOT_ARRIVED)
    assert len(left(mail)) == 1


async def test_transient_trouble_with_a_message_does_not_make_it_younger(mail: Probing) -> None:
    """What could not be read at first was there all the same: its round trip counts from its first listing."""
    mail.pop3.faults.on(faults.says_first(2, "-ERR Try again", "TOP"))
    result = await mail.attempt(mail.route())
    assert result.outcome is Outcome.ON_TIME
    arrived, _ = mail.mailbox.arrived[0]
    assert result.round_trip_seconds is not None
    assert result.error_seconds is not None
    seen = result.attempt.started + result.round_trip_seconds
    assert seen - result.error_seconds <= arrived <= seen
