"""Whether a password is a user's, without telling by the time it takes which users there are.

Every attempt that is not known to be good costs one bcrypt hash, whoever it names: an unknown user is compared with one
of the hashes that there are, so that the cost tells nothing either. Hashing is off the event loop, one at a time. What
succeeded is remembered by a hash that is keyed anew in every process, over user, bcrypt hash and password each with its
length: neither a stored hash nor a cunning user name stands for a password (CVE-2022-46146).
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Mapping
from functools import partial

import bcrypt

from mailsonar.threads import in_thread

MOST_WAITING = 20
_SIGNIFICANT_BYTES = 72  # bcrypt looks at no more


class TooManyAttempts(Exception):
    """More passwords wait to be checked than can be in sensible time."""


class Passwords:
    """The passwords of one web config.

    Args:
        hashes: the bcrypt hash of each user's password.
    """

    def __init__(self, hashes: Mapping[str, str]) -> None:
        self._hashes = {user.encode(): hashed.encode() for user, hashed in hashes.items()}
        self._key = secrets.token_bytes(32)
        self._good: dict[bytes, bytes] = {}
        self._waiting = 0
        self._turn = asyncio.Lock()

    @property
    def are_wanted(self) -> bool:
        """Tell whether there are any: without users, nobody is asked."""
        return bool(self._hashes)

    async def admit(self, user: bytes, password: bytes) -> bool:
        """Tell whether a password is the user's.

        Raises:
            TooManyAttempts: too many wait already; those that are known to be good are never among them.
        """
        hashed = self._hashes.get(user, self._decoy(user))
        digest = self._digest(user, hashed, password)
        if self._is_known(user, digest):
            return True
        if self._waiting >= MOST_WAITING:
            raise TooManyAttempts
        self._waiting += 1
        try:
            async with self._turn:
                # Browsers ask for several things at once: the first check is good for all of them.
                if self._is_known(user, digest):
                    return True
                matches = await in_thread(
                    partial(bcrypt.checkpw, password[:_SIGNIFICANT_BYTES], hashed), "password check"
                )
        finally:
            self._waiting -= 1
        if not (matches and user in self._hashes):
            return False
        self._good[user] = digest
        return True

    def _is_known(self, user: bytes, digest: bytes) -> bool:
        """Tell whether this very attempt succeeded before; each user's last one is remembered."""
        return hmac.compare_digest(self._good.get(user, b""), digest)

    def _decoy(self, user: bytes) -> bytes:
        """Return the hash that stands in for one, for an unknown user always the same."""
        hashes = list(self._hashes.values())
        return hashes[int.from_bytes(self._digest(user)) % len(hashes)]

    def _digest(self, *parts: bytes) -> bytes:
        told = b"".join(len(part).to_bytes(8) + part for part in parts)
        return hmac.digest(self._key, told, "sha256")
