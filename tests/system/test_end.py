"""The end of an agent: clean and in time though servers hang, and at once for whoever is in a hurry."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import deque
from pathlib import Path

import pytest
from tests.support.agent_process import POLL_SECONDS, AgentProcess
from tests.support.probing import ADDRESS, PASSWORD, Probing, probing

from mailsonar.sandbox import faults

pytestmark = pytest.mark.takes_seconds(20)

END_SECONDS = 15.0


def write_config(mail: Probing, folder: Path) -> Path:
    """Write the config of one route between the accounts of a small world."""
    account = f"username: {ADDRESS}, password: {{file: password}}, security: plaintext, allow_plaintext_auth: true"
    (folder / "password").write_text(PASSWORD)
    config_file = folder / "mailsonar.yml"
    config_file.write_text(
        "defaults: {interval: 1s, deadline: 60s, give_up: 120s}\n"
        f"senders: {{out: {{address: {ADDRESS}, smtp: {{host: 127.0.0.1, port: {mail.smtp.port}, {account}}}}}}}\n"
        f"maildrops: {{in: {{address: {ADDRESS}, pop3: {{host: 127.0.0.1, port: {mail.pop3.port}, {account}}}}}}}\n"
        "routes: {r: {from: out, to: in}}\n"
    )
    return config_file


async def until_said(command: str, commands: deque[str]) -> None:
    """Wait until a server has heard a command; it hears of an agent that is another process."""
    async with asyncio.timeout(20):
        while command not in commands:  # noqa: ASYNC110 - another process tells nobody here
            await asyncio.sleep(POLL_SECONDS)


async def test_servers_that_hang_do_not_keep_the_agent(tmp_path: Path) -> None:
    """With a submission and a look that hang, SIGTERM still ends the agent within 15 s, cleanly, all on record."""
    async with probing() as mail:
        mail.pop3.faults.on(faults.stalls("UIDL"))
        arguments = ["--storage.path", tmp_path / "state"]
        async with AgentProcess(write_config(mail, tmp_path), tmp_path, arguments) as agent:
            await until_said("UIDL", mail.pop3.commands)
            mail.smtp.commands.clear()
            mail.smtp.faults.on(faults.stalls("DATA"))
            await until_said("DATA", mail.smtp.commands)
            began = time.monotonic()
            agent.process.terminate()
            assert await asyncio.wait_for(agent.process.wait(), 30) == 0
            assert time.monotonic() - began < END_SECONDS
            assert "drained" in agent.stderr
            assert "Traceback" not in agent.stderr


async def test_second_sigterm_ends_the_process_at_once(tmp_path: Path) -> None:
    """While a server that hangs holds up the drain, one more SIGTERM ends the agent, as it ends any program."""
    async with probing() as mail:
        mail.smtp.faults.on(faults.stalls("DATA"))
        async with AgentProcess(write_config(mail, tmp_path), tmp_path) as agent:
            await until_said("DATA", mail.smtp.commands)
            agent.process.terminate()
            async with asyncio.timeout(5):
                while "draining" not in agent.stderr:  # noqa: ASYNC110 - the peer is another process
                    await asyncio.sleep(POLL_SECONDS)
            assert agent.process.returncode is None
            agent.process.terminate()
            assert await asyncio.wait_for(agent.process.wait(), 3) == -signal.SIGTERM
            assert "drained" not in agent.stderr
