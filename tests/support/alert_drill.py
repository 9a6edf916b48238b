"""A drill: mail breaks in six ways at once, each at a customer of its own, and is repaired; who is told of what?

Real agents, Prometheus and Alertmanager with the shipped rules, a webhook in the place of every receiver, and mail
servers of the sandbox. No phase ends by the clock: it ends once the agents, Prometheus and Alertmanager agree.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from tests.support.agent_process import AgentProcess
from tests.support.alertmanager import Alertmanager
from tests.support.prometheus import Prometheus, PrometheusSetup
from tests.support.shortened import shortened_notification, shortened_rules
from tests.support.watched_customers import WatchedCustomer, WatchedCustomers
from tests.support.webhook import Notice, Webhook

from mailsonar.sandbox import delivery, faults, pop3_faults

FACTOR = 400
SCRAPE_INTERVAL = "2s"  # of a machine that is busy with other tests, two scrapes in a row never fail
TIMING = {"interval": "5s", "deadline": "10s", "give_up": "13s"}  # a busy machine keeps half of that deadline
WITHOUT = ("AgentLagging",)  # it tells of the machine, which the tests keep busy
PATIENCE_SECONDS = 60.0
FAILURES_SEEN = 3  # in a row: by then every rule has made up its mind

WELL = "well"
SMTP_DOWN = "acme"  # whom the example names
POP3_DOWN = "pop3-down"
LOGIN_REFUSED = "login-refused"
DELIVERY_STOPPED = "delivery-stopped"
CERTIFICATE_EXPIRED = "certificate-expired"
AGENT_KILLED = "agent-killed"
BROKEN = (SMTP_DOWN, POP3_DOWN, LOGIN_REFUSED, DELIVERY_STOPPED, CERTIFICATE_EXPIRED)
LASTING = (WELL, *BROKEN)  # those that the agent watches which is not killed
ROUTES_EACH = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """The files under test."""

    rule_files: Sequence[Path]
    alertmanager: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What fired when all was well, when all was broken, and when all was repaired, by what the webhook was told.

    `inhibited` are the labels of what Alertmanager held back at the worst, `notices` is all that it ever told.
    `customers` are by name; `lasting` and `killed` are the instances of the agents.
    """

    calm: Sequence[Notice]
    broken: Sequence[Notice]
    inhibited: Sequence[dict[str, str]]
    repaired: Sequence[Notice]
    notices: Sequence[Notice]
    customers: dict[str, WatchedCustomer]
    lasting: str
    killed: str


async def drill(folder: Path, shipped: Shipped) -> Record:
    """Hold the drill.

    Raises:
        AssertionError: a phase did not end; the message tells what it waited for.
    """
    async with _scene(folder, shipped) as scene:
        await scene.until_all_succeed()
        calm = await scene.until_told()
        await scene.break_all()
        await scene.until_the_worst()
        broken = await scene.until_told()
        inhibited = [one["labels"] for one in await scene.manager.alerts() if one["status"]["state"] == "suppressed"]
        await scene.repair_all()
        await scene.until_all_succeed()
        await scene.until_only(calm)
        return Record(
            calm=calm,
            broken=broken,
            inhibited=inhibited,
            repaired=await scene.until_told(),
            notices=scene.webhook.notices,
            customers={name: scene.customers[name] for name in (*LASTING, AGENT_KILLED)},
            lasting=scene.lasting.address,
            killed=scene.killed.address,
        )


def shown(labels: dict[str, str]) -> str:
    """Return an alert as people write one: its name, and its other labels in order."""
    rest = ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()) if name != "alertname")
    return f"{labels['alertname']}{{{rest}}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """Where the drill takes place."""

    customers: WatchedCustomers
    lasting: AgentProcess
    killed: AgentProcess
    webhook: Webhook
    manager: Alertmanager
    prometheus: Prometheus

    async def break_all(self) -> None:
        """Let each customer have its trouble."""
        self.customers[SMTP_DOWN].smtp.close()
        self.customers[POP3_DOWN].pop3.close()
        self.customers[LOGIN_REFUSED].pop3.faults.on(pop3_faults.LOGIN_REFUSED)
        for mailbox in self.customers[DELIVERY_STOPPED].mailboxes.values():
            mailbox.faults.on(delivery.lose)
        self.customers[CERTIFICATE_EXPIRED].smtp.faults.on(faults.CERTIFICATE_EXPIRED)
        await self.killed.kill()

    async def repair_all(self) -> None:
        """End all trouble; a refused login ends with a new password, which the agent is given."""
        await self.customers[SMTP_DOWN].smtp.open()
        await self.customers[POP3_DOWN].pop3.open()
        self.customers[LOGIN_REFUSED].pop3.faults.off(pop3_faults.LOGIN_REFUSED)
        self.customers.change_passwords(self.customers[LOGIN_REFUSED])
        for mailbox in self.customers[DELIVERY_STOPPED].mailboxes.values():
            mailbox.faults.off(delivery.lose)
        self.customers[CERTIFICATE_EXPIRED].smtp.faults.off(faults.CERTIFICATE_EXPIRED)
        await self.killed.start()

    async def until_all_succeed(self) -> None:
        """Wait until Prometheus knows that every route succeeds."""
        await self._until_count("mailsonar_probe_success == 1", ROUTES_EACH * (len(LASTING) + 1))

    async def until_the_worst(self) -> None:
        """Wait until each broken route has failed often, and no alert is pending any longer."""
        broken = f'mailsonar_probe_consecutive_failures{{customer=~"{"|".join(BROKEN)}"}}'
        await self._until_count(f"{broken} >= {FAILURES_SEEN}", ROUTES_EACH * len(BROKEN))
        await self._until_count('ALERTS{alertstate="pending"}', 0)

    async def until_only(self, calm: Sequence[Notice]) -> None:
        """Wait until Prometheus finds no more than when all was well."""
        await self._until_count('ALERTS{alertstate="firing"}', len({shown(notice.labels) for notice in calm}))

    async def until_told(self) -> list[Notice]:
        """Wait until Prometheus, Alertmanager and the webhook agree on what fires; return what the webhook knows."""
        found: set[str] = set()
        held: dict[str, str] = {}
        told: set[str] = set()

        async def agree() -> bool:
            nonlocal found, held, told
            found = {shown(one["labels"]) for one in await self.prometheus.alerts() if one["state"] == "firing"}
            held = {shown(one["labels"]): one["status"]["state"] for one in await self.manager.alerts()}
            told = {shown(notice.labels) for notice in self.webhook.firing()}
            suppressed = {alert for alert, state in held.items() if state == "suppressed"}
            return found == held.keys() and told | suppressed == found

        try:
            await self.manager.poll(agree, "for the webhook to be told of all that fires", PATIENCE_SECONDS)
        except AssertionError as error:
            lines = [f"{alert}: {held.get(alert)}, told: {alert in told}" for alert in sorted(found | told)]
            raise AssertionError("\n".join([str(error), *lines])) from None
        return self.webhook.firing()

    async def _until_count(self, expression: str, count: int) -> None:
        await self.prometheus.until(
            f"count({expression}) or vector(0)", lambda answer: answer[0].value == count, PATIENCE_SECONDS
        )


@asynccontextmanager
async def _scene(folder: Path, shipped: Shipped) -> AsyncIterator[_Scene]:
    """Set the scene: everything runs, and nothing is broken."""
    async with AsyncExitStack() as stack:
        customers = await stack.enter_async_context(WatchedCustomers(folder, (*LASTING, AGENT_KILLED)))
        agents = []
        for name, watched in (("lasting", LASTING), ("killed", (AGENT_KILLED,))):
            config_file = customers.write_config(f"{name}.yml", watched, TIMING)
            (folder / name).mkdir()
            agent = AgentProcess(config_file, folder / name, ["--storage.path", folder / name / "state"])
            agents.append(await stack.enter_async_context(agent))
        webhook = await stack.enter_async_context(Webhook())
        notification = shortened_notification(shipped.alertmanager, FACTOR, webhook.url)
        manager = await stack.enter_async_context(Alertmanager(folder, notification))
        setup = PrometheusSetup(
            folder=folder,
            jobs={"mailsonar": [agent.address for agent in agents]},
            interval=SCRAPE_INTERVAL,
            rule_files=[_shortened(rule_file, folder) for rule_file in shipped.rule_files],
            alertmanager=manager.address,
        )
        prometheus = await stack.enter_async_context(Prometheus(setup))
        yield _Scene(
            customers=customers,
            lasting=agents[0],
            killed=agents[1],
            webhook=webhook,
            manager=manager,
            prometheus=prometheus,
        )


def _shortened(rule_file: Path, folder: Path) -> Path:
    """Write a rule file with its times shortened."""
    written = folder / f"shortened-{rule_file.name}"
    written.write_text(yaml.safe_dump(shortened_rules(rule_file, FACTOR, WITHOUT), sort_keys=False))
    return written
