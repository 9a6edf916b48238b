"""A message that Postfix cannot deliver comes back as a DSN: the attempt has bounced, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.support.command_line import mailsonar
from tests.support.config_text import RouteText, maildrop_name, write_config
from tests.support.mailhost import BOUNCING_ADDRESS, MailHost

SETTINGS = {"deadline": "20s", "give_up": "30s"}


async def _bounced(host: MailHost, route: RouteText, folder: Path, *others: RouteText) -> None:
    """Check a route whose recipient is gone, and find its outcome and an empty maildrop of the sender."""
    config_file = write_config(host, [route, *others], folder)
    checked = await mailsonar("check", route.name, "--output", "json", "--config.file", config_file)
    [result] = checked.json
    assert checked.status == 2, checked.stderr
    assert (result["outcome"], result["success"]) == ("bounced", False)
    fault = result["fault"]
    assert (fault["leg"], fault["stage"], fault["reason"]) == ("transit", "arrival", "bounced")
    assert result["reply"]["enhanced"].startswith("5.")
    assert "mail.example" in result["reply"]["text"]
    sender = host.maildir(host.users[route.sender].address)
    assert not [*(sender / "new").iterdir(), *(sender / "cur").iterdir()]


async def test_bounce_to_the_maildrop_that_the_sender_names(
    mail_host: MailHost, positions: Iterator[int], tmp_path: Path
) -> None:
    """`bounces:` names the sender's own maildrop, which is looked into besides the route's."""
    sender = next(positions)
    own = RouteText(name="own", sender=sender, maildrop=sender, settings=SETTINGS)
    route = RouteText(
        name="gone",
        sender=sender,
        maildrop=next(positions),
        settings=SETTINGS,
        sender_keys={"bounces": maildrop_name(mail_host, own)},
        maildrop_keys={"address": BOUNCING_ADDRESS},
    )
    own = RouteText(name="own", sender=sender, maildrop=sender, settings=SETTINGS, sender_keys=route.sender_keys)
    await _bounced(mail_host, route, tmp_path, own)


async def test_bounce_to_the_maildrop_of_the_route(
    mail_host: MailHost, positions: Iterator[int], tmp_path: Path
) -> None:
    """A report that comes back into the very maildrop of the route needs no further word."""
    sender = next(positions)
    route = RouteText(
        name="gone",
        sender=sender,
        maildrop=sender,
        settings=SETTINGS,
        maildrop_keys={"address": BOUNCING_ADDRESS},
    )
    await _bounced(mail_host, route, tmp_path)
