"""What every probe works with: made by the app from a config, handed down, never a global."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mailsonar.model.observer import Observer
from mailsonar.net.converse import Network
from mailsonar.probe.admission import NoTokens, Tokens
from mailsonar.probe.examination import Identity
from mailsonar.probe.glimpses import Glimpses
from mailsonar.probe.ledger import Ledger, NoLedger
from mailsonar.probe.retreat import Retreats
from mailsonar.probe.turns import Turns


@dataclass(frozen=True, slots=True)
class Workshop:
    """The network, who we are, whose turn it is, who watches, which accounts rest, and where attempts go on record.

    `glimpses` are those of servers whose certificates do not verify; `tokens` lets accounts in that have no password.
    """

    network: Network
    identity: Identity
    turns: Turns
    observers: Sequence[Observer]
    retreats: Retreats
    ledger: Ledger = field(default_factory=NoLedger)
    glimpses: Glimpses = field(default_factory=Glimpses)
    tokens: Tokens = field(default_factory=NoTokens)
