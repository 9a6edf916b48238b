"""An agent's view of the world, to be broken piece by piece: two mail hosts, a name server, and links to them.

The agent lives in a network namespace. The host `ailing` is reached by two links and by names, the host `well` by one
link only; what a test breaks leaves the other host, the other link and plain addresses as they were.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
from tests.support.agent_process import Place
from tests.support.config_text import RouteText, config_text
from tests.support.mailhost import DOMAIN, MailHost, probe_users
from tests.support.name_server import ADDRESS, NameServer
from tests.support.namespace import Namespace

NAMED_SUBMISSION, NAMED_RETRIEVAL = "submission-by-name", "retrieval-by-name"
FAR_SUBMISSION, FAR_RETRIEVAL = "submission-from-afar", "retrieval-from-afar"
AILING_ROUTES = ("direct", NAMED_SUBMISSION, NAMED_RETRIEVAL, FAR_SUBMISSION, FAR_RETRIEVAL)
WELL_ROUTE = "untouched"
ROUTES = (*AILING_ROUTES, WELL_ROUTE)
AILING_NAME = f"ailing.{DOMAIN}"


class Landscape:
    """Stands as long as its `with` block lasts; needs root.

    The route `direct` reaches the ailing host by an address on the link that stays. The others differ from it in one
    leg each, which goes by a name, or over the link that a test cuts. `untouched` goes by the other host.
    """

    def __init__(self) -> None:
        self._standing = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as building:
            self._folder = Path(building.enter_context(tempfile.TemporaryDirectory(prefix="ms-"))).resolve()
            self._folder.chmod(0o755)
            self.namespace = building.enter_context(Namespace(self._folder, links=2, name_server=ADDRESS))
            self.lasting_link, self.cut_link = self.namespace.links
            self.ailing = building.enter_context(self._host("ailing", 0, 2 * len(AILING_ROUTES)))
            self.well = building.enter_context(self._host("well", 2 * len(AILING_ROUTES), 2))
            names = {AILING_NAME: self.lasting_link.outside}
            self.name_server = building.enter_context(NameServer(self.namespace, self._folder, names))
            self._standing = building.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._standing.close()

    @property
    def place(self) -> Place:
        """Return where the agent runs."""
        return Place(address=self.lasting_link.inside, entry=self.namespace.entry)

    def write_config(self, folder: Path, settings: dict[str, Any], server_keys: dict[str, Any]) -> Path:
        """Write the agent's config.

        Args:
            folder: where to.
            settings: keys of every route.
            server_keys: keys of every server.
        """
        config = self._config(folder, settings, server_keys)
        config_file = folder / "mailsonar.yml"
        config_file.write_text(yaml.safe_dump(config, sort_keys=False))
        return config_file

    def _config(self, folder: Path, settings: dict[str, Any], server_keys: dict[str, Any]) -> dict[str, Any]:
        near, far = self.lasting_link.outside, self.cut_link.outside
        at = {
            "direct": (near, near),
            NAMED_SUBMISSION: (AILING_NAME, near),
            NAMED_RETRIEVAL: (near, AILING_NAME),
            FAR_SUBMISSION: (far, near),
            FAR_RETRIEVAL: (near, far),
            WELL_ROUTE: (near, near),
        }
        configs = []
        for host, names in ((self.ailing, AILING_ROUTES), (self.well, (WELL_ROUTE,))):
            tls = {"ca_file": str(host.ca_file), "server_name": DOMAIN}
            routes = [
                RouteText(
                    name=name,
                    sender=2 * number,
                    maildrop=2 * number + 1,
                    settings=settings,
                    smtp_keys={"host": at[name][0], "tls": tls, **server_keys},
                    pop3_keys={"host": at[name][1], "tls": tls, **server_keys},
                )
                for number, name in enumerate(names)
            ]
            configs.append(yaml.safe_load(config_text(host, routes, folder / "secrets")))
        return {section: configs[0][section] | configs[1][section] for section in configs[0]}

    def _host(self, name: str, first: int, count: int) -> MailHost:
        """Return a host with so many of the users, which are told apart over both hosts."""
        folder = self._folder / name
        folder.mkdir()
        addresses = [link.outside for link in self.namespace.links]
        return MailHost(folder, probe_users(first + count)[first:], addresses)
