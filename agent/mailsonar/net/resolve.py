"""Names to addresses, in threads of their own.

`getaddrinfo` cannot be cancelled: a dead name server holds its threads. So there are only so many, nothing else shares
them, those who ask for the same name at the same time share one, and none keeps the process from ending.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest

from mailsonar.model.fault import ResolveFailed
from mailsonar.model.server import IpVersion, Server
from mailsonar.model.stage import Stage
from mailsonar.threads import in_thread

THREADS_LIMIT = 128
SHARED_SECONDS = 1.0  # one that hangs for longer may have lost its question: the name servers may be well by now
ADDRESSES_LIMIT = 6

_FAMILIES = {IpVersion.ANY: socket.AF_UNSPEC, IpVersion.V4: socket.AF_INET, IpVersion.V6: socket.AF_INET6}
_DETAILS = {
    socket.EAI_NONAME: "the name does not exist, or has no address (NXDOMAIN or no data)",
    socket.EAI_AGAIN: "the name servers failed or gave no answer (SERVFAIL or timeout)",
    socket.EAI_FAIL: "the name servers failed for good",
}

Query = tuple[str, int, IpVersion]


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect: the address family, and what `connect` takes."""

    family: int
    endpoint: tuple[str, int] | tuple[str, int, int, int]


class Resolver:
    """Resolves names in threads; to be closed."""

    def __init__(self) -> None:
        self._threads = asyncio.Semaphore(THREADS_LIMIT)
        self._under_way: set[asyncio.Task[list[Address]]] = set()
        self._young: dict[Query, asyncio.Task[list[Address]]] = {}

    def close(self) -> None:
        """Give up what is under way; look-ups that hang do not hold the process."""
        for task in self._under_way:
            task.cancel()

    async def resolve(self, server: Server, timeout_seconds: float) -> list[Address]:
        """Return the first few addresses of a server, families alternating, the preferred one first (RFC 8305 4).

        Raises:
            ResolveFailed: the name gave no address, or no answer came in time.
        """
        return await self.look_up((server.host, server.port, server.ip_version), timeout_seconds)

    async def look_up(self, query: Query, timeout_seconds: float) -> list[Address]:
        """Return the same for a host, a port and an IP version.

        Raises:
            ResolveFailed: the name gave no address, or no answer came in time.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                return _interleave(await asyncio.shield(self._shared(query, timeout_seconds)))
        except TimeoutError:
            detail = f"no answer from the name servers within {timeout_seconds:.3g} s"
        except socket.gaierror as error:
            detail = _DETAILS.get(error.errno or 0, error.strerror or "unknown error")
        except UnicodeError:
            detail = "the name breaks the rules of DNS names"
        raise ResolveFailed(f"{query[0]}: {detail}", stage=Stage.RESOLVE)

    def _shared(self, query: Query, patience_seconds: float) -> asyncio.Task[list[Address]]:
        """Return the look-up of a name: one that began just now, or a new one."""
        if query not in self._young:
            task = self._young[query] = asyncio.create_task(self._look_up(query, patience_seconds))
            self._under_way.add(task)
            task.add_done_callback(partial(self._ended, query))
            asyncio.get_running_loop().call_later(SHARED_SECONDS, self._grow_old, query, task)
        return self._young[query]

    def _grow_old(self, query: Query, task: asyncio.Task[list[Address]]) -> None:
        if self._young.get(query) is task:
            del self._young[query]

    def _ended(self, query: Query, task: asyncio.Task[list[Address]]) -> None:
        self._under_way.discard(task)
        self._grow_old(query, task)
        if not task.cancelled():
            task.exception()  # whoever asked may have given up since

    async def _look_up(self, query: Query, patience_seconds: float) -> list[Address]:
        async with asyncio.timeout(patience_seconds):  # whoever asked has given up by then
            await self._threads.acquire()
        try:
            return await in_thread(partial(_ask_system, query), "resolve")
        finally:
            self._threads.release()


def literal(server: Server) -> Address | None:
    """Return the address that the host itself spells out, None where it is a name.

    Raises:
        ResolveFailed: the server is pinned to the other IP version.
    """
    try:
        address = ipaddress.ip_address(server.host)
    except ValueError:
        return None
    if server.ip_version not in (IpVersion.ANY, str(address.version)):
        raise ResolveFailed(f"{server.host}: no IPv{server.ip_version} address", stage=Stage.RESOLVE)
    if address.version == 6:
        return Address(socket.AF_INET6, (server.host, server.port, 0, 0))
    return Address(socket.AF_INET, (server.host, server.port))


def _ask_system(query: Query) -> list[Address]:
    host, port, ip_version = query
    rows = socket.getaddrinfo(host, port, _FAMILIES[ip_version], socket.SOCK_STREAM)
    return [Address(family, endpoint) for family, _, _, _, endpoint in rows]  # type: ignore[arg-type] # only IP here


def _interleave(addresses: list[Address]) -> list[Address]:
    preferred = [address for address in addresses if address.family == addresses[0].family]
    others = [address for address in addresses if address.family != addresses[0].family]
    mixed = [address for pair in zip_longest(preferred, others) for address in pair if address]
    return mixed[:ADDRESSES_LIMIT]
