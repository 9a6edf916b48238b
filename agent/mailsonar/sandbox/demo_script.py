"""What goes wrong in the demo, when, and what the agent is expected to make of it: data, and the loop that plays it.

At any time most routes are healthy, and the first seconds of a cycle are healthy throughout.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mailsonar.model.fault import Fault, Reason
from mailsonar.model.stage import Leg, Stage
from mailsonar.sandbox import delivery, faults, pop3_faults
from mailsonar.sandbox.mailbox import Mailbox
from mailsonar.sandbox.mta import SmtpServer
from mailsonar.sandbox.pop3 import Pop3Server
from mailsonar.sandbox.switches import Switches


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """An invented customer: one account, and its own two servers."""

    name: str
    mailbox: Mailbox
    smtp: SmtpServer
    pop3: Pop3Server
    password_file: Path

    def change_password(self) -> None:
        """Take a new password, and let the agent have it: after a refusal it tries an old one but rarely."""
        self.mailbox.password = secrets.token_urlsafe(12)
        fresh = self.password_file.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(self.mailbox.password, encoding="ascii")
        fresh.rename(self.password_file)


Customers = Mapping[str, Customer]
Change = Callable[[Customers], Awaitable[None]]
Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """Something that can be broken and healed."""

    begin: Change
    end: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A fault that comes and goes; times in seconds, `starts` counted from the beginning of the cycle.

    `routes` are those that it breaks, `expected` the fault that the agent shows for them, and `describe` says in plain
    words what is broken.
    """

    name: str
    customer: str
    routes: tuple[str, ...]
    describe: str
    expected: Fault
    starts: float
    lasts: float
    broken: Break

    def announcement(self) -> str:
        """Return what is broken now, and what to look for."""
        fault, routes = self.expected, " and ".join(self.routes)
        return (
            f"Broken: {self.describe} "
            f"Expect {routes} to fail: leg {fault.leg}, stage {fault.stage}, reason {fault.reason}."
        )


def _switched(where: Callable[[Customers], Switches[Kind]], fault: Kind) -> Break:
    """Break by switching a fault on."""

    async def begin(customers: Customers) -> None:
        where(customers).on(fault)

    async def end(customers: Customers) -> None:
        where(customers).off(fault)

    return Break(begin=begin, end=end)


def _refused_login(name: str) -> Break:
    """Break by refusing a customer's password over POP3, until it is changed."""

    async def begin(customers: Customers) -> None:
        customers[name].pop3.faults.on(pop3_faults.LOGIN_REFUSED)

    async def end(customers: Customers) -> None:
        customers[name].pop3.faults.off(pop3_faults.LOGIN_REFUSED)
        customers[name].change_password()

    return Break(begin=begin, end=end)


def _dead_port(server: Callable[[Customers], SmtpServer | Pop3Server]) -> Break:
    """Break by listening no longer."""

    async def begin(customers: Customers) -> None:
        server(customers).close()

    async def end(customers: Customers) -> None:
        await server(customers).open()

    return Break(begin=begin, end=end)


_NOT_ARRIVED = Fault(leg=Leg.TRANSIT, stage=Stage.ARRIVAL, reason=Reason.NOT_ARRIVED)

SCRIPT = (
    Episode(
        name="slow delivery",
        customer="globex",
        routes=("acme-to-globex",),
        describe="mail from Acme to Globex takes 9 s, longer than the route's deadline; it comes late, but it comes.",
        expected=_NOT_ARRIVED,
        starts=15,
        lasts=25,
        broken=_switched(
            lambda them: them["globex"].mailbox.faults, delivery.from_sender("probe@acme.example", delivery.delay(9))
        ),
    ),
    Episode(
        name="loss",
        customer="initech",
        routes=("globex-to-initech",),
        describe="mail from Globex to Initech is accepted and then disappears.",
        expected=_NOT_ARRIVED,
        starts=30,
        lasts=25,
        broken=_switched(
            lambda them: them["initech"].mailbox.faults, delivery.from_sender("probe@globex.example", delivery.lose)
        ),
    ),
    Episode(
        name="refused login",
        customer="acme",
        routes=("acme-internal", "initech-to-acme"),
        describe="Acme's POP3 server refuses the password, until somebody changes it.",
        expected=Fault(leg=Leg.RETRIEVAL, stage=Stage.AUTHENTICATE, reason=Reason.AUTHENTICATION_REJECTED),
        starts=70,
        lasts=22,
        broken=_refused_login("acme"),
    ),
    Episode(
        name="expired certificate",
        customer="initech",
        routes=("initech-internal", "initech-to-acme"),
        describe="the certificate of Initech's SMTP server expired yesterday.",
        expected=Fault(leg=Leg.SUBMISSION, stage=Stage.TLS_HANDSHAKE, reason=Reason.CERTIFICATE_EXPIRED),
        starts=115,
        lasts=25,
        broken=_switched(lambda them: them["initech"].smtp.faults, faults.CERTIFICATE_EXPIRED),
    ),
    Episode(
        name="dead port",
        customer="globex",
        routes=("acme-to-globex", "globex-internal"),
        describe="Globex's POP3 server is down: its port refuses connections.",
        expected=Fault(leg=Leg.RETRIEVAL, stage=Stage.CONNECT, reason=Reason.CONNECTION_REFUSED),
        starts=160,
        lasts=25,
        broken=_dead_port(lambda them: them["globex"].pop3),
    ),
)
CYCLE_SECONDS = 200.0


async def play(
    customers: Customers, announce: Callable[[str], None], sleep: Callable[[float], Awaitable[None]]
) -> None:
    """Break and heal by the script, cycle after cycle, until cancelled; each change is announced once it is made."""
    changes = [(one.starts, one.broken.begin, one.announcement()) for one in SCRIPT]
    changes += [(one.starts + one.lasts, one.broken.end, f"Healed: {one.name} at {one.customer}.") for one in SCRIPT]
    changes.sort(key=lambda change: change[0])
    while True:
        now = 0.0
        for when, change, sentence in changes:
            await sleep(when - now)
            now = when
            await change(customers)
            announce(sentence)
        await sleep(CYCLE_SECONDS - now)
