"""What one of several agents runs of a config: its routes, and for them its share of what each sender may do.

Shares are computed from the config alone. Of every rate a shard gets what its own routes need, rounded up, and of what
is left as large a part as its routes have in all; of sessions likewise, one at least. So shards stay within a limit
together, unless the plan leaves less of it than there are shards: then retries may exceed it by one for each of them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from mailsonar.config.budget import needed_by
from mailsonar.config.load import Config
from mailsonar.config.wording import listing
from mailsonar.model.limits import Counted, Limits, Rate
from mailsonar.model.route import Route, Sender
from mailsonar.model.shard import Shard, by_shard, owner_of


def routes_of(shard: Shard, routes: Iterable[Route]) -> tuple[Route, ...]:
    """Return the enabled routes to the maildrops of a shard, their senders with its share of their limits.

    A maildrop has one owner: the bounces of a sender are looked for where they come back to a maildrop of the shard.
    """
    enabled = [route for route in routes if route.enabled]
    if shard.total == 1:
        return tuple(enabled)
    parts = by_shard(enabled, shard.total)
    users = _by_account(parts)
    senders = {route.sender.name: route.sender for route in parts[shard.index]}
    own = {name: _as_seen_by(shard, sender, users[sender.account.key]) for name, sender in senders.items()}
    return tuple(replace(route, sender=own[route.sender.name]) for route in parts[shard.index])


def _by_account(parts: Sequence[Sequence[Route]]) -> dict[str, list[list[Route]]]:
    """Return the routes that submit by each account, shard by shard."""
    users: defaultdict[str, list[list[Route]]] = defaultdict(lambda: [[] for _ in parts])
    for index, routes in enumerate(parts):
        for route in routes:
            users[route.sender.account.key][index].append(route)
    return users


def _as_seen_by(shard: Shard, sender: Sender, users: Sequence[Sequence[Route]]) -> Sender:
    """Return a sender as a shard may use it that shares it with others.

    Args:
        shard: whose routes use it.
        sender: as it is configured.
        users: the routes of each shard that use the sender's account.
    """
    account = replace(sender.account, limits=share_of(sender.account.limits, users, shard.index))
    bounces = sender.bounces if sender.bounces and shard.owns(sender.bounces) else None
    return replace(sender, account=account, bounces=bounces)


def share_of(limits: Limits, users: Sequence[Sequence[Route]], index: int) -> Limits:
    """Return a shard's share of an account's limits.

    Args:
        limits: what the account may do in all.
        users: the routes of each shard that use the account.
        index: whose share; this shard has such a route.
    """
    logins, submissions = None, []
    for rate in limits.rates:
        needs = [needed_by(routes, rate) for routes in users]
        if not needs[index]:
            continue  # nothing that this shard does is counted in it
        count = _part(rate.count, [math.ceil(need) for need in needs], needs, index)
        if rate.counted is Counted.LOGIN:
            logins = count
        else:
            submissions.append(replace(rate, count=count))
    attempts = [needed_by(routes, Rate(counted=Counted.SUBMISSION, count=1, seconds=1.0)) for routes in users]
    sessions = _part(limits.sessions, [int(need > 0) for need in attempts], attempts, index)
    return Limits(sessions=sessions, logins_per_hour=logins, submissions=tuple(submissions))


def _part(whole: int, least: Sequence[int], needs: Sequence[Fraction], index: int) -> int:
    """Return one shard's part of a whole: the least that it needs, and of the rest what its need is of all needs."""
    left = max(0, whole - sum(least))
    return least[index] + math.floor(left * needs[index] / sum(needs))


def shard_warnings(config: Config, total: int) -> Iterator[str]:
    """Yield what does not go well together with so many shards, for an operator to mend."""
    if total == 1:
        return
    if config.signing_key is None:
        yield (
            f"{total} shards and no signing_key in the config: each signs with a key of its own, and what one leaves "
            "in a maildrop that moves to another shard is never recognised: give the config a signing_key"
        )
    parts = by_shard((route for route in config.routes if route.enabled), total)
    for sender in config.senders.values():
        if sender.bounces:
            yield from _about_bounces(sender, parts)
    users = _by_account(parts)
    crowded = [
        sender.name
        for sender in config.senders.values()
        if sender.account.limits.sessions < sum(map(bool, users.get(sender.account.key, ())))
    ]
    if crowded:
        yield f"each shard has one session at least, which is more than limits.sessions of: {listing(crowded)}"


def _about_bounces(sender: Sender, parts: Sequence[Sequence[Route]]) -> Iterator[str]:
    """Yield a warning where routes of a sender run on other shards than the one that its bounces come back to."""
    assert sender.bounces is not None  # noqa: S101 - the caller asked
    owner = owner_of(sender.bounces, len(parts))
    blind = [
        route.name
        for index, routes in enumerate(parts)
        for route in routes
        if index != owner and route.sender.name == sender.name
    ]
    if blind:
        yield (
            f"the bounces of {sender.name} come back to maildrop {sender.bounces.name} of shard {owner}; other shards "
            f"do not look there, so that a bounce is only not_arrived on: {listing(blind)}"
        )
