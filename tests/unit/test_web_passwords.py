"""Passwords: every doubtful attempt costs one hash, a known one none, and nothing but the password is the password."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import bcrypt
import pytest

from mailsonar.web.passwords import MOST_WAITING, Passwords, TooManyAttempts

PASSWORD = b"correct horse"


def hashed(password: bytes, cost: int = 4) -> str:
    """Return a hash that is quickly made."""
    return bcrypt.hashpw(password, bcrypt.gensalt(cost)).decode()


@pytest.fixture(scope="module")
def hashes() -> dict[str, str]:
    """Two users, whose hashes differ in cost."""
    return {"alice": hashed(PASSWORD), "Jürgen": hashed(b"other", 5)}


@pytest.fixture
def passwords(hashes: dict[str, str]) -> Passwords:
    """Their passwords."""
    return Passwords(hashes)


class Counted:
    """Counts what bcrypt is asked, and how much at once."""

    def __init__(self, checkpw: Callable[[bytes, bytes], bool]) -> None:
        self._checkpw = checkpw
        self._lock = threading.Lock()
        self.hashes: list[bytes] = []
        self.threads: set[int] = set()
        self.running = self.most_running = 0

    def __call__(self, password: bytes, hashed: bytes) -> bool:
        with self._lock:
            self.hashes.append(hashed)
            self.threads.add(threading.get_ident())
            self.running += 1
            self.most_running = max(self.running, self.most_running)
        try:
            return self._checkpw(password, hashed)
        finally:
            with self._lock:
                self.running -= 1


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """What bcrypt is asked."""
    counted = Counted(bcrypt.checkpw)
    monkeypatch.setattr(bcrypt, "checkpw", counted)
    return counted


async def test_a_good_password_costs_one_hash(passwords: Passwords, counted: Counted) -> None:
    """A scrape every few seconds is checked once; the hash is computed off the event loop."""
    assert [await passwords.admit(b"alice", PASSWORD) for _ in range(5)] == [True] * 5
    assert len(counted.hashes) == 1
    assert threading.get_ident() not in counted.threads


@pytest.mark.parametrize("user", [b"alice", "Jürgen".encode(), b"nobody", b"", b"\xff\x00", b"a" * 10_000])
async def test_every_doubtful_attempt_costs_one_hash(passwords: Passwords, counted: Counted, user: bytes) -> None:
    """Neither that a user exists nor that it logged in before shows in the work that a wrong password makes."""
    await passwords.admit(b"alice", PASSWORD)
    counted.hashes.clear()
    assert [await passwords.admit(user, b"wrong") for _ in range(3)] == [False] * 3
    assert len(counted.hashes) == 3
    assert len(set(counted.hashes)) == 1


async def test_unknown_users_cost_what_known_ones_do(hashes: dict[str, str], counted: Counted) -> None:
    """Where the users' hashes differ in cost, unknown users are spread over the same costs."""
    passwords = Passwords(hashes)
    for number in range(30):
        await passwords.admit(b"nobody%d" % number, b"wrong")
    assert set(counted.hashes) == {value.encode() for value in hashes.values()}


async def test_an_unknown_user_with_a_known_password_is_refused(passwords: Passwords) -> None:
    """The hash that stands in for an unknown user's opens nothing."""
    assert [await passwords.admit(b"nobody%d" % number, PASSWORD) for number in range(10)] == [False] * 10


async def test_nothing_else_is_a_password(passwords: Passwords, hashes: dict[str, str]) -> None:
    """A stolen hash opens nothing, nor does another cut of user, hash and password, also after a good login."""
    assert await passwords.admit(b"alice", PASSWORD)
    known = hashes["alice"].encode()
    for user, password in [
        (b"alice", known),
        (b"alice", known + PASSWORD),
        (b"alice" + known, PASSWORD),
        (b"alic", b"e" + PASSWORD),
        (b"alice", b""),
        (b"alice", PASSWORD + b"\x00"),
        ("Jürgen".encode(), PASSWORD),
    ]:
        assert not await passwords.admit(user, password)


async def test_bcrypt_looks_at_72_bytes() -> None:
    """A longer password is its first 72 bytes, as for every program that makes such hashes."""
    passwords = Passwords({"alice": hashed(b"x" * 72)})
    assert await passwords.admit(b"alice", b"x" * 72 + b"more")
    assert not await passwords.admit(b"alice", b"x" * 71)


@pytest.mark.parametrize("kind", ["2a", "2b", "2y"])
async def test_all_kinds_of_hashes(kind: str) -> None:
    """Hashes of htpasswd ($2y$) and of other programs are understood."""
    passwords = Passwords({"alice": f"${kind}${hashed(PASSWORD)[4:]}"})
    assert await passwords.admit(b"alice", PASSWORD)
    assert not await passwords.admit(b"alice", b"wrong")


async def test_a_browsers_first_requests_are_one_check(passwords: Passwords, counted: Counted) -> None:
    """The same good password, shown several times at once, is computed once."""
    assert all(await asyncio.gather(*(passwords.admit(b"alice", PASSWORD) for _ in range(10))))
    assert len(counted.hashes) == 1


async def test_guessing_takes_one_processor_and_no_memory(passwords: Passwords, counted: Counted) -> None:
    """One hash is computed at a time, few attempts wait, the rest is turned away; known passwords never wait."""
    await passwords.admit(b"alice", PASSWORD)
    counted.hashes.clear()
    guesses = [asyncio.ensure_future(passwords.admit(b"alice", b"guess %d" % number)) for number in range(100)]
    await asyncio.sleep(0)
    assert await passwords.admit(b"alice", PASSWORD)
    ends = await asyncio.gather(*guesses, return_exceptions=True)
    assert [end for end in ends if end is False] == [False] * MOST_WAITING
    assert sum(isinstance(end, TooManyAttempts) for end in ends) == 100 - MOST_WAITING
    assert (len(counted.hashes), counted.most_running) == (MOST_WAITING, 1)
    assert not await passwords.admit(b"alice", b"later")
