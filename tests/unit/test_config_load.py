"""Good config files, and what becomes of them."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
import trustme

from mailsonar.config.load import Config, load_config
from mailsonar.config.redacted import redacted
from mailsonar.model.server import IpVersion, Limits, Mechanism, Security, Timeouts

CANARY = "canary-7f3a"
ENVIRON = {"ACME_POP3": f"{CANARY}-pop3", "KEY": f"{CANARY}-{'k' * 32}"}
EXAMPLE = textwrap.dedent("""\
    signing_key: {file: signing-key}
    labels: [customer, site]
    defaults: {interval: 10m, deadline: 90s, size: 1000}
    senders:
      acme-out:
        address: probe@acme.example
        smtp: {host: smtp.acme.example, security: starttls, username: probe@acme.example, password: {file: acme}}
    maildrops:
      acme-in:
        address: probe@acme.example
        pop3: {host: pop.acme.example, security: implicit_tls, username: probe, password: {env: ACME_POP3}}
      contoso-in:
        address: probe@contoso.example
        cleanup: keep
        poll: 30s
        authserv_id: mx.contoso.example
        pop3:
          host: pop.contoso.example
          port: 1110
          security: starttls
          username: probe
          password: {env: ACME_POP3}
          mechanism: plain
          ip_version: 4
          tls: {ca_file: ca.pem, server_name: MAIL.contoso.example, min_version: 1.3}
          timeouts: {connect: 1500ms, session: 2m}
          limits: {sessions: 1, logins_per_hour: 120}
    routes:
      acme-internal: {from: acme-out, to: acme-in, interval: 1m, labels: {site: berlin}}
      paused: {from: acme-out, to: acme-in, enabled: false, give_up: 2h, content: eicar, expect: blocked}
    matrix:
      - {from: [acme-out], to: [acme-in, contoso-in], labels: {customer: acme}, hops: true}
    include: ["conf.d/*.yml", "none/*.yml"]
    """)
LATER = "routes: {later: {from: acme-out, to: contoso-in}}\n"
SOONER = "senders: {unused: {address: 'x@b.example', smtp: {host: relay, security: plaintext}}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the example and the files that it names."""
    for name, content in {"signing-key": f"{CANARY}-{'k' * 40}\n", "acme": f"{CANARY}-smtp\n"}.items():
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(content)
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "20.yml").write_text(LATER)
    (tmp_path / "conf.d" / "10.yml").write_text(SOONER)
    (tmp_path / "main.yml").write_text(EXAMPLE)
    return tmp_path


@pytest.fixture
def config(folder: Path) -> Config:
    """The example, loaded."""
    return load_config(folder / "main.yml", environ=ENVIRON)


def load_text(folder: Path, text: str, *, inline: bool = False) -> Config:
    """Load a config of this text."""
    (folder / "text.yml").write_text(text, encoding="utf-8")
    return load_config(folder / "text.yml", environ=ENVIRON, allow_inline_secrets=inline)


def test_routes_stand_in_file_order_with_matrices_expanded(config: Config) -> None:
    """Routes come in file order, a file's matrices last, includes by name, disabled ones included."""
    assert [(route.name, route.enabled) for route in config.routes] == [
        ("acme-internal", True),
        ("paused", False),
        ("acme-out--acme-in", True),
        ("acme-out--contoso-in", True),
        ("later", True),
    ]


def test_a_route_takes_its_timing_from_itself_then_the_defaults_then_ours(config: Config) -> None:
    """Interval, deadline, give_up and size fall back one by one."""
    timings = {
        route.name: (route.interval_seconds, route.deadline_seconds, route.give_up_seconds, route.size_bytes)
        for route in config.routes
    }
    assert timings["acme-internal"] == (60, 90, 3600, 1000)
    assert timings["paused"] == (600, 90, 7200, 1000)


def test_without_defaults_ours_hold(folder: Path) -> None:
    """An attempt every 5 minutes, on time within 2, given up after an hour."""
    bare = "\n".join(line for line in EXAMPLE.splitlines() if not line.startswith("defaults"))
    route = next(route for route in load_text(folder, bare).routes if route.name == "later")
    assert (route.interval_seconds, route.deadline_seconds, route.give_up_seconds) == (300, 120, 3600)
    assert route.size_bytes == 0


def test_a_route_has_every_declared_label(config: Config) -> None:
    """Every declared label is there, in the order of declaration, empty where the route does not set it."""
    labels = {route.name: route.labels for route in config.routes}
    assert config.label_names == ("customer", "site")
    assert labels["acme-internal"] == (("customer", ""), ("site", "berlin"))
    assert labels["acme-out--contoso-in"] == (("customer", "acme"), ("site", ""))
    assert labels["later"] == (("customer", ""), ("site", ""))


def test_hops_are_for_routes_that_ask_for_them(config: Config) -> None:
    """Routes of a matrix share its wish; nobody gets more series unasked."""
    asking = [route.name for route in config.routes if route.hops]
    assert asking == ["acme-out--acme-in", "acme-out--contoso-in"]
    assert redacted(config).count("    hops: true\n") == 2


def test_a_server_is_resolved_to_the_model(config: Config, folder: Path) -> None:
    """Every key of a server reaches the model, in the model's units."""
    maildrop = config.maildrops["contoso-in"]
    account = maildrop.account
    assert (maildrop.cleanup, maildrop.poll_seconds, maildrop.authserv_id) == ("keep", 30, "mx.contoso.example")
    assert account.server.name == "pop.contoso.example:1110"
    assert account.server.security is Security.STARTTLS
    assert account.server.ip_version is IpVersion.V4
    assert account.mechanism is Mechanism.PLAIN
    assert account.limits == Limits(sessions=1, logins_per_hour=120)
    assert account.server.timeouts == Timeouts(connect=1.5, session=120)
    assert account.server.tls.ca_file == str(folder / "ca.pem")
    assert (account.server.tls.min_version, account.server.tls_name) == ("1.3", "mail.contoso.example")


def test_ports_and_session_deadlines_default_by_protocol(config: Config) -> None:
    """Submission goes to 587 within 180 s, implicit TLS POP3 to 995 within 60 s, a plaintext relay to 25."""
    sender, maildrop = config.senders["acme-out"].account.server, config.maildrops["acme-in"].account.server
    assert (sender.port, sender.timeouts.session) == (587, 180)
    assert (maildrop.port, maildrop.timeouts.session) == (995, 60)
    relay = config.senders["unused"].account
    assert (relay.server.port, relay.credentials) == (25, None)


def test_every_file_that_was_read_is_named(config: Config, folder: Path) -> None:
    """A reload watches the config, its includes, the secrets and the CA files."""
    names = {str(path.relative_to(folder)) for path in config.sources.files}
    assert names == {"main.yml", "conf.d/10.yml", "conf.d/20.yml", "signing-key", "acme", "ca.pem"}


def test_an_unchanged_config_loads_to_an_equal_one(config: Config, folder: Path) -> None:
    """A reload can tell unchanged routes by comparing them."""
    assert load_config(folder / "main.yml", environ=ENVIRON) == config


def test_a_config_that_includes_itself_is_read_once(folder: Path) -> None:
    """A pattern may match the main file and match a file twice; both count once."""
    text = EXAMPLE.replace('"conf.d/*.yml"', '"text.y*", "conf.d/*.yml", "conf.d/20.yml"')
    assert len(load_text(folder, text).routes) == 5


def test_a_file_may_start_with_a_byte_order_mark(folder: Path) -> None:
    """Some editors write one."""
    assert load_text(folder, "\ufeff" + EXAMPLE).routes


def test_secrets_are_revealed_where_they_come_from(config: Config) -> None:
    """A file's trailing newline is no part of the secret."""
    smtp, pop3 = config.senders["acme-out"].account.credentials, config.maildrops["acme-in"].account.credentials
    assert smtp is not None
    assert pop3 is not None
    assert (smtp.password.reveal(), pop3.password.reveal()) == (f"{CANARY}-smtp", f"{CANARY}-pop3")
    assert config.signing_key is not None
    assert config.signing_key.reveal() == f"{CANARY}-{'k' * 40}"


def test_no_secret_shows_in_a_representation_or_the_redacted_text(folder: Path) -> None:
    """The page and any log of the config show *** for each secret, inline ones included."""
    config = load_text(folder, EXAMPLE.replace("{file: acme}", f"{CANARY}-inline"), inline=True)
    text = redacted(config)
    assert CANARY not in text + repr(config)
    assert text.count("'***'") == 4


def test_the_redacted_text_shows_the_effective_config(config: Config) -> None:
    """Defaults are filled in, matrices expanded, includes joined, ports named."""
    text = redacted(config)
    route = "  acme-out--contoso-in:\n    from: acme-out\n    to: contoso-in\n    interval: 10m\n    deadline: 90s\n"
    assert route in text
    assert "port: 587" in text
    assert "connect: 1500ms" in text
    assert "  later:\n" in text


def test_a_config_without_routes_is_a_warning(folder: Path) -> None:
    """Nothing to probe is odd, but no error: an operator may start that way."""
    config = load_text(folder, "labels: []\nsenders:\n")
    assert config.warnings == (f"{folder}/text.yml:1: (file): there are no routes: nothing is probed",)


def test_a_secret_file_open_to_all_is_one_warning(folder: Path) -> None:
    """Orchestrators mount secrets that way, so that it is told and not refused."""
    (folder / "acme").chmod(0o644)
    warnings = load_config(folder / "main.yml", environ=ENVIRON).warnings
    assert warnings == (
        (
            f"{folder}/main.yml:7: senders.acme-out.smtp.password: "
            f"{folder}/acme can be read or written by every user of this machine"
        ),
    )


@pytest.mark.parametrize("name", ["severity", "alertname"])
def test_a_label_that_alerts_would_replace_is_a_warning(folder: Path, name: str) -> None:
    """Metrics can have it, so that it is told and not refused; whoever is alerted would miss it."""
    config = load_text(folder, EXAMPLE.replace("labels: [customer, site]", f"labels: [customer, site, {name}]"))
    warning = f"alerts put a {name} of their own in place of this label: choose another"
    assert config.warnings == (f"{folder}/text.yml:2: labels[2]: {warning}",)


def test_looks_further_apart_than_a_deadline_are_a_warning(folder: Path) -> None:
    """A fixed poll that cannot see a probe on time is told."""
    config = load_text(folder, EXAMPLE.replace("poll: 30s", "poll: 2m"))
    assert config.warnings == (
        (
            f"{folder}/text.yml:15: maildrops.contoso-in.poll: "
            "looks are 2m apart, longer than the deadline of: acme-out--contoso-in, later"
        ),
    )


def test_yaml_aliases_may_be_used_in_reason(folder: Path) -> None:
    """An alias stands for what its anchor holds."""
    text = EXAMPLE.replace("labels: {site: berlin}", "labels: &b {site: berlin}").replace("{customer: acme}", "*b")
    assert load_text(folder, text).routes[-2].labels == (("customer", ""), ("site", "berlin"))
