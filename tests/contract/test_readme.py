"""The README tells the truth about names: commands, flags, metrics and the config by example."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import trustme

from mailsonar.cli.flags import build_parser
from mailsonar.config.load import load_config
from mailsonar.observe.families import FAMILIES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_metric_stands_in_the_readme_with_its_type_and_help() -> None:
    """A metric that is not documented does not exist for its users."""
    for family in FAMILIES:
        assert f"| `{family.name}` | {family.kind} |" in README
        assert family.help in README


def test_no_metric_stands_in_the_readme_that_is_not_exposed() -> None:
    """A documented metric can be scraped."""
    named = set(re.findall(r"`(mailsonar_[a-z_]+)`", README))
    assert named <= {family.name for family in FAMILIES}


def test_every_flag_of_run_stands_in_the_readme() -> None:
    """A flag that is not documented does not exist for its users."""
    [commands] = (action for action in build_parser({})._actions if isinstance(action, argparse._SubParsersAction))
    flags = [name for action in commands.choices["run"]._actions for name in action.option_strings if "." in name]
    assert "--config.file" in flags
    for flag in flags:
        variable = "MAILSONAR_" + flag.strip("-").replace(".", "_").replace("-", "_").upper()
        assert f"`{flag}`" in README
        assert f"`{variable}`" in README


def test_the_config_by_example_is_valid(tmp_path: Path) -> None:
    """What is copied from the README works once its secrets exist."""
    example = re.search(r"## Configuration\n\n```yaml\n(.*?)```", README, re.DOTALL)
    assert example
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "key").write_text("k" * 32)
    (tmp_path / "acme").write_text("secret")
    text = example[1].replace("/run/secrets/mailsonar/signing-key", str(tmp_path / "key"))
    config_file = tmp_path / "mailsonar.yml"
    config_file.write_text(text.replace("/run/secrets/acme", str(tmp_path / "acme")))
    config = load_config(config_file, environ={"ACME_POP3": "secret"})
    assert [route.name for route in config.routes] == ["acme-internal", "acme-out--acme-in"]


def test_the_web_config_by_example_is_valid(tmp_path: Path) -> None:
    """What is copied from the README works once its certificate exists, and with the hash of another password."""
    example = re.search(r"## Web config\n.*?```yaml\n(.*?)```", README, re.DOTALL)
    assert example
    pair = trustme.CA().issue_cert("agent.acme.example")
    pair.cert_chain_pems[0].write_to_path(tmp_path / "agent.pem")
    pair.private_key_pem.write_to_path(tmp_path / "agent.key")
    (tmp_path / "main.yml").write_text("labels: []\n")
    (tmp_path / "web.yml").write_text(example[1])
    config = load_config(tmp_path / "main.yml", environ={}, web_file=tmp_path / "web.yml")
    assert config.web.tls
    assert set(config.web.users) == {"prometheus"}


def test_the_two_commands_stand_on_the_first_screen() -> None:
    """A newcomer finds what to type without scrolling."""
    first_screen = "\n".join(README.splitlines()[:30])
    assert "make demo" in first_screen
    assert "make test" in first_screen
