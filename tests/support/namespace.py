"""A network namespace of the test's own, joined to the machine's by links that a test cuts and restores.

Needs root. All names carry a random suffix, the addresses come from the range that is set aside for tests of networks
(RFC 2544 appendix C.2.2), and nothing of it is left at the end. A program inside sees a resolver configuration of its
own, too, laid over the machine's in a mount namespace; the machine's stays as it is.
"""

from __future__ import annotations

import secrets
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.processes import require_program

FIRST_ADDRESS = IPv4Address("198.18.0.0")
NETWORKS = 2**15  # of four addresses each

# The longest patience that the system's resolver knows: what was asked in vain is not soon asked again behind our back.
RESOLV_CONF = """\
search .
options timeout:30
nameserver {}
"""
NSSWITCH_CONF = "hosts: files dns\n"

# `ip netns exec` has made a mount namespace, from which nothing gets back to the machine's.
LAY_OVER = 'mount --bind "$1" /etc/resolv.conf && mount --bind "$2" /etc/nsswitch.conf && shift 2 && exec "$@"'


class Namespace:
    """Stands as long as its `with` block lasts; within it, a program reaches the machine by the links alone.

    Args:
        folder: an existing folder for its files.
        links: how many.
        name_server: the address that programs inside ask for names.

    Raises:
        ProgramMissing: iproute2 is not installed.
        subprocess.CalledProcessError: the kernel refused; its words are in `stderr`.
    """

    def __init__(self, folder: Path, links: int, name_server: str) -> None:
        suffix = secrets.token_hex(3)
        self._name = f"mailsonar-{suffix}"
        self._files = (folder / "resolv.conf", folder / "nsswitch.conf")
        for file, text in zip(self._files, (RESOLV_CONF.format(name_server), NSSWITCH_CONF), strict=True):
            file.write_text(text)
        self._standing = ExitStack()
        self.links = tuple(_link(self._name, f"ms{suffix}{number}") for number in range(links))

    def __enter__(self) -> Self:
        with ExitStack() as building:
            _ip("netns", "add", self._name)
            building.callback(_ip, "netns", "delete", self._name)
            _ip("-netns", self._name, "link", "set", "lo", "up")
            for link in self.links:
                link.lay(building)
            self._standing = building.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._standing.close()

    @property
    def entry(self) -> tuple[str, ...]:
        """Return what to put before a command so that it runs inside, with the same process id."""
        laid_over = ("sh", "-c", LAY_OVER, "sh", *map(str, self._files))
        return (require_program("ip", "iproute2"), "netns", "exec", self._name, *laid_over)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A pair of network devices: `outside` is the machine's address on it, `inside` the namespace's.

    It can be cut in two ways. Taken down inside, the network is unreachable, and the system says so at once. With its
    packets swallowed, nobody says anything, and a connection ends by the patience of whoever asked for it.
    """

    namespace: str
    device: str
    outside: str
    inside: str

    def lay(self, building: ExitStack) -> None:
        """Make the devices, and leave word how to remove them."""
        _ip("link", "add", self.device, "type", "veth", "peer", "name", self._far, "netns", self.namespace)
        building.callback(_ip, "link", "delete", self.device)
        _ip("address", "add", f"{self.outside}/30", "dev", self.device)
        _ip("link", "set", self.device, "up")
        _ip("-netns", self.namespace, "address", "add", f"{self.inside}/30", "dev", self._far)
        self.bring_up()
        building.callback(self.let_through)

    def take_down(self) -> None:
        """Make what is outside unreachable."""
        _ip("-netns", self.namespace, "link", "set", self._far, "down")

    def bring_up(self) -> None:
        """Undo `take_down`."""
        _ip("-netns", self.namespace, "link", "set", self._far, "up")

    def swallow(self) -> None:
        """Let all packets vanish: those from inside are thrown away, since nothing could answer them."""
        _ip("route", "add", "blackhole", f"{self.inside}/32")

    def let_through(self) -> None:
        """Undo `swallow`, if need be."""
        _ip("route", "flush", "type", "blackhole", "exact", f"{self.inside}/32")

    @property
    def _far(self) -> str:
        """Return the name of the device inside."""
        return f"{self.device}in"


def _link(namespace: str, device: str) -> Link:
    """Return a link with addresses that are drawn at random."""
    network = FIRST_ADDRESS + 4 * secrets.randbelow(NETWORKS)
    return Link(namespace=namespace, device=device, outside=str(network + 1), inside=str(network + 2))


def _ip(*arguments: str) -> None:
    """Change something about the network."""
    program = require_program("ip", "iproute2")
    subprocess.run([program, *arguments], check=True, capture_output=True, text=True)
