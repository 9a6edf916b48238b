"""Which shard a maildrop belongs to: the same on all agents, evenly spread, and seldom another one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.observed import make_account, make_route

from mailsonar.model.route import Maildrop
from mailsonar.model.server import Protocol
from mailsonar.model.shard import Shard, by_shard, owner_of

USERS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=40)
TOTALS = st.integers(1, 20)


def maildrop(user: str, host: str = "pop.acme.example", name: str = "in") -> Maildrop:
    """Return a maildrop of a user."""
    return Maildrop(name=name, address="probe@acme.example", account=make_account(Protocol.POP3, host, user))


@pytest.mark.parametrize(
    ("user", "owners"),
    [
        ("probe1@acme.example", "0123355588"),
        ("probe2@acme.example", "0003333333"),
        ("probe3@acme.example", "0023333333"),
        ("pröbe@acme.example", "0122255555"),
    ],
)
def test_the_hash_is_for_ever(user: str, owners: str) -> None:
    """A version that hashes otherwise would move nearly every maildrop, and end what is under way in it."""
    assert "".join(str(owner_of(maildrop(user), total)) for total in range(1, 11)) == owners


@given(USERS, TOTALS)
def test_every_maildrop_has_one_owner(user: str, total: int) -> None:
    """However many shards there are, exactly one of them looks into a maildrop."""
    assert [Shard(index=i, total=total).owns(maildrop(user)) for i in range(total)].count(True) == 1


@given(USERS, TOTALS)
def test_one_shard_more_takes_maildrops_for_itself_only(user: str, total: int) -> None:
    """A maildrop stays where it is, or moves to the new shard: none moves between old ones."""
    before, after = owner_of(maildrop(user), total), owner_of(maildrop(user), total + 1)
    assert after in (before, total)


@given(USERS, TOTALS)
def test_what_two_ways_to_one_mailbox_have_in_common_decides(user: str, total: int) -> None:
    """Another name, port or way of writing the host leads to the same mailbox, and so to the same shard."""
    one = maildrop(user)
    server = replace(one.account.server, host="POP.acme.example.", port=995)
    other = replace(one, name="other", account=replace(one.account, server=server))
    assert owner_of(other, total) == owner_of(one, total)


def test_letter_case_of_the_user_does_not_matter() -> None:
    """Servers that know no letter case have one mailbox for both."""
    assert maildrop("Probe@Acme.example").mailbox == maildrop("probe@acme.example").mailbox


@given(st.integers(2, 12), st.integers(0, 1_000_000))
def test_shards_have_about_the_same_number_of_maildrops(total: int, seed: int) -> None:
    """Of 1,200 mailboxes whose names differ by a number only, no shard has far more or fewer than its part.

    The bounds are six standard deviations wide on either side.
    """
    count = 1200
    owners = Counter(owner_of(maildrop(f"probe{seed + number}@acme.example"), total) for number in range(count))
    spread = 6 * (count / total * (1 - 1 / total)) ** 0.5
    assert all(abs(owners[index] - count / total) <= spread for index in range(total))


def test_three_shards_become_four() -> None:
    """Of 300 maildrops about a quarter moves, and every old shard gives about as much."""
    routes = [make_route(f"r{n}", maildrop=maildrop(f"probe{n}@acme.example", name=f"in{n}")) for n in range(300)]
    before, after = by_shard(routes, 3), by_shard(routes, 4)
    taken = [len(set(old) - set(new)) for old, new in zip(before, after, strict=False)]
    assert sum(taken) == len(after[3])
    assert 50 <= sum(taken) <= 100
    assert all(10 <= count <= 40 for count in taken)
