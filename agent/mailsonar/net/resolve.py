"""Names to addresses, in threads of their own.

`getaddrinfo` cannot be cancelled: a dead resolver holds its threads, so it gets a small pool that nothing else shares.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import zip_longest

from mailsonar.model.fault import ResolveFailed
from mailsonar.model.server import IpVersion, Server
from mailsonar.model.stage import Stage

POOL_SIZE = 16
ADDRESSES_LIMIT = 6

_FAMILIES = {IpVersion.ANY: socket.AF_UNSPEC, IpVersion.V4: socket.AF_INET, IpVersion.V6: socket.AF_INET6}
_DETAILS = {
    socket.EAI_NONAME: "the name does not exist, or has no address (NXDOMAIN or no data)",
    socket.EAI_AGAIN: "the name servers failed or gave no answer (SERVFAIL or timeout)",
    socket.EAI_FAIL: "the name servers failed for good",
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect: the address family, and what `connect` takes."""

    family: int
    endpoint: tuple[str, int] | tuple[str, int, int, int]


class Resolver:
    """Resolves names in a bounded pool of threads; to be closed."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(POOL_SIZE, thread_name_prefix="resolve")

    def close(self) -> None:
        """Give up what is under way; hung look-ups do not hold the process."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def resolve(self, server: Server, timeout_seconds: float) -> list[Address]:
        """Return the first few addresses of a server, families alternating, the preferred one first (RFC 8305 4).

        Raises:
            ResolveFailed: the name gave no address, or no answer came in time.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout_seconds):
                return _interleave(await loop.run_in_executor(self._pool, _look_up, server))
        except TimeoutError:
            detail = f"no answer from the name servers within {timeout_seconds:.3g} s"
        except socket.gaierror as error:
            detail = _DETAILS.get(error.errno or 0, error.strerror or "unknown error")
        except UnicodeError:
            detail = "the name breaks the rules of DNS names"
        raise ResolveFailed(f"{server.host}: {detail}", stage=Stage.RESOLVE)


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


def _look_up(server: Server) -> list[Address]:
    found = socket.getaddrinfo(server.host, server.port, _FAMILIES[server.ip_version], socket.SOCK_STREAM)
    return [Address(family, endpoint) for family, _, _, _, endpoint in found]  # type: ignore[arg-type] # only IP here


def _interleave(addresses: list[Address]) -> list[Address]:
    preferred = [address for address in addresses if address.family == addresses[0].family]
    others = [address for address in addresses if address.family != addresses[0].family]
    mixed = [address for pair in zip_longest(preferred, others) for address in pair if address]
    return mixed[:ADDRESSES_LIMIT]
