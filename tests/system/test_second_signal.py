"""The end of an agent that somebody is in a hurry with."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from tests.support.agent_process import POLL_SECONDS, AgentProcess
from tests.support.probing import ADDRESS, PASSWORD, probing

from mailsonar.sandbox import faults


async def test_second_sigterm_ends_the_process_at_once(tmp_path: Path) -> None:
    """While a server that hangs holds up the drain, one more SIGTERM ends the agent, as it ends any program."""
    async with probing() as mail:
        mail.smtp.faults.on(faults.stalls("DATA"))
        account = f"username: {ADDRESS}, password: {{file: password}}, security: plaintext, allow_plaintext_auth: true"
        (tmp_path / "password").write_text(PASSWORD)
        config_file = tmp_path / "mailsonar.yml"
        config_file.write_text(
            "defaults: {interval: 1s, deadline: 60s, give_up: 120s}\n"
            f"senders: {{out: {{address: {ADDRESS}, smtp: {{host: 127.0.0.1, port: {mail.smtp.port}, {account}}}}}}}\n"
            f"maildrops: {{in: {{address: {ADDRESS}, pop3: {{host: 127.0.0.1, port: {mail.pop3.port}, {account}}}}}}}\n"
            "routes: {r: {from: out, to: in}}\n"
        )
        async with AgentProcess(config_file, tmp_path) as agent:
            async with asyncio.timeout(20):
                while "DATA" not in mail.smtp.commands:  # noqa: ASYNC110 - the peer is another process
                    await asyncio.sleep(POLL_SECONDS)
            agent.process.terminate()
            async with asyncio.timeout(5):
                while "draining" not in agent.stderr:  # noqa: ASYNC110 - the peer is another process
                    await asyncio.sleep(POLL_SECONDS)
            assert agent.process.returncode is None
            agent.process.terminate()
            assert await asyncio.wait_for(agent.process.wait(), 3) == -signal.SIGTERM
            assert "drained" not in agent.stderr
