"""What a shard runs of a config: its routes, its share of what senders may do, and what an operator is warned of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.observed import make_account, make_route

from mailsonar.config.load import Config, load_config
from mailsonar.config.shards import routes_of, shard_warnings, share_of
from mailsonar.model.limits import Counted, Limits, Rate
from mailsonar.model.route import Maildrop, Route, Sender
from mailsonar.model.server import Protocol
from mailsonar.model.shard import Shard, owner_of

EVERY = st.sampled_from([0.5, 10.0, 45.0, 60.0, 300.0, 420.0, 3600.0])
USERS = st.lists(st.lists(EVERY, max_size=5), min_size=1, max_size=6).filter(any)
HOUR = Rate(counted=Counted.SUBMISSION, count=100, seconds=3600.0)


def every(intervals: Sequence[Sequence[float]]) -> list[list[Route]]:
    """Return the routes of each shard that have these intervals, in seconds."""
    return [[make_route(f"{n}-{i}", interval_seconds=i) for i in routes] for n, routes in enumerate(intervals)]


def needed(routes: Sequence[Route]) -> int:
    """Return how many attempts an hour routes have, rounded up."""
    return math.ceil(sum(3600.0 / route.interval_seconds for route in routes))


@given(USERS, st.integers(0, 20_000), st.integers(1, 10))
def test_shards_stay_within_the_limits_of_an_account_together(
    intervals: list[list[float]], spare: int, sessions: int
) -> None:
    """Every shard gets what its routes need, and all of them together no more than there is, where it suffices."""
    users = every(intervals)
    using = [index for index, routes in enumerate(users) if routes]
    count = sum(needed(routes) for routes in users) + spare
    limits = Limits(sessions=sessions, logins_per_hour=count, submissions=(replace(HOUR, count=count),))
    shares = {index: share_of(limits, users, index) for index in using}
    for index, share in shares.items():
        assert needed(users[index]) <= (share.logins_per_hour or 0) == share.submissions[0].count
        assert share.sessions >= 1
    assert count - len(using) < sum(share.submissions[0].count for share in shares.values()) <= count
    assert sum(share.sessions for share in shares.values()) <= max(sessions, len(using))


@given(USERS)
def test_a_limit_too_low_for_a_whole_number_each_starves_nobody(intervals: list[list[float]]) -> None:
    """A plan that one agent may run is run by several: each has what it needs, rounded up."""
    users = every(intervals)
    count = needed([route for routes in users for route in routes])
    limits = Limits(submissions=(replace(HOUR, count=count),))
    shares = [share_of(limits, users, index).submissions[0].count for index, routes in enumerate(users) if routes]
    assert sum(shares) < count + len(shares)
    assert all(share >= needed(routes) for share, routes in zip(shares, filter(None, users), strict=True))


@given(st.lists(EVERY, min_size=1, max_size=6), st.integers(1, 9), st.integers(0, 99))
def test_a_shard_that_uses_an_account_alone_has_all_of_it(intervals: list[float], sessions: int, spare: int) -> None:
    """What others do not use is not kept for them."""
    users = every([[], intervals, []])
    limits = Limits(sessions=sessions, submissions=(replace(HOUR, count=needed(users[1]) + spare),))
    assert share_of(limits, users, 1) == limits


def test_a_rate_that_nothing_of_a_shard_counts_in_is_not_shared_with_it() -> None:
    """Only routes that leave the organisation need a part of what is allowed for these."""
    rate = Rate(counted=Counted.EXTERNAL_SUBMISSION, count=100, seconds=86_400.0)
    limits = Limits(submissions=(rate,))
    inside = make_route("inside", interval_seconds=3600.0)
    sender = replace(inside.sender, account=replace(inside.sender.account, limits=limits))
    inside = replace(inside, sender=sender)
    outside = replace(inside, name="outside", maildrop=replace(inside.maildrop, address="probe@contoso.example"))
    users = [[inside], [outside]]
    assert [share_of(limits, users, index).submissions for index in (0, 1)] == [(), (rate,)]


def maildrop(number: int) -> Maildrop:
    """Return one maildrop of many."""
    account = make_account(Protocol.POP3, "pop.acme.example", f"probe{number}@acme.example")
    return Maildrop(name=f"in{number}", address=f"probe{number}@acme.example", account=account)


def test_shards_run_all_enabled_routes_once() -> None:
    """No route is run twice, none by nobody, and those that are disabled rest everywhere."""
    routes = [make_route(f"r{number}", maildrop=maildrop(number), enabled=number != 7) for number in range(60)]
    parts = [routes_of(Shard(index=index, total=3), routes) for index in range(3)]
    assert all(parts)
    assert sorted(route.name for part in parts for route in part) == sorted(r.name for r in routes if r.enabled)
    assert list(routes_of(Shard(), routes)) == [route for route in routes if route.enabled]


def test_only_the_owner_of_a_maildrop_looks_there_for_bounces() -> None:
    """On other shards the sender has no maildrop of its own, so that two agents never lock each other out of it."""
    home = maildrop(0)
    account = make_account(Protocol.SMTP, "smtp.acme.example")
    sender = Sender(name="out", address="probe0@acme.example", account=account, bounces=home)
    routes = [make_route(f"r{number}", sender=sender, maildrop=maildrop(number)) for number in range(60)]
    for index in range(3):
        bounces = {route.sender.bounces for route in routes_of(Shard(index=index, total=3), routes)}
        assert bounces == ({home} if owner_of(home, 3) == index else {None})


CONFIG = """
senders:
  out:
    address: probe@acme.example
    bounces: in0
    smtp: {host: smtp.acme.example, security: starttls}
maildrops:
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Return a config of one sender to ten maildrops, without a signing key."""
    server = "host: pop.acme.example, security: starttls, password: {env: SECRET}"
    drops = [
        f"  in{n}: {{address: probe{n}@acme.example, pop3: {{{server}, username: probe{n}@acme.example}}}}\n"
        for n in range(10)
    ]
    routes = "routes:\n" + "".join(f"  r{n}: {{from: out, to: in{n}}}\n" for n in range(10))
    (tmp_path / "mailsonar.yml").write_text(CONFIG + "".join(drops) + routes)
    return load_config(tmp_path / "mailsonar.yml", environ={"SECRET": "secret"})


def test_warnings_name_what_shards_do_not_go_well_with(config: Config) -> None:
    """Bounces that come back to another shard, a key that is not shared, and fewer sessions than shards are told."""
    key, bounces, sessions = shard_warnings(config, 3)
    owner = owner_of(config.maildrops["in0"], 3)
    others = [route.name for route in config.routes if owner_of(route.maildrop, 3) != owner]
    assert "3 shards and no signing_key" in key
    assert f"the bounces of out come back to maildrop in0 of shard {owner}" in bounces
    assert sorted(bounces.rpartition(": ")[2].split(", ")) == sorted(others)
    assert sessions.endswith("limits.sessions of: out")


def test_one_agent_is_warned_of_nothing(config: Config) -> None:
    """Who runs no shards hears nothing of them."""
    assert list(shard_warnings(config, 1)) == []
