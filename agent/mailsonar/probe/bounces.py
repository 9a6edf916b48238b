"""Watches the sender's own maildrop for a report that one message could not be delivered."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from mailsonar.probe.maildrop import MaildropOwner
from mailsonar.probe.pending import Awaited, Fate
from mailsonar.probe.remembered import Copies


class BounceWatch:
    """The wait for a report on one message, besides the wait for the message itself.

    Args:
        owner: of the maildrop where reports arrive.
        awaited: the message.
    """

    def __init__(self, owner: MaildropOwner, awaited: Awaited) -> None:
        self.fate: asyncio.Future[Fate] = asyncio.get_running_loop().create_future()
        self._owner = owner
        self._awaited = replace(awaited, fate=self.fate, copies=Copies(), reports_only=True)
        owner.await_(self._awaited)

    def start(self) -> None:
        """Look for a report from now on."""
        self._owner.seek(self._awaited)

    def stop(self) -> None:
        """Look for it no longer; should it come, it is removed all the same."""
        self._owner.give_up(self._awaited, Fate())


async def decisive(arrival: asyncio.Future[Fate], reports: BounceWatch | None) -> Fate:
    """Return what decides an attempt: the message, a report on it, or the last looks without either.

    Args:
        arrival: what the route's maildrop has to say.
        reports: the watch at the sender's own maildrop, if there is one.
    """
    if reports is None:
        return await arrival
    await asyncio.wait({arrival, reports.fate}, return_when=asyncio.FIRST_COMPLETED)
    if reports.fate.done() and reports.fate.result().bounce:
        return reports.fate.result()
    fate = await arrival
    if fate.sighting or fate.bounce:
        return fate
    report = await reports.fate
    return report if report.bounce else fate
