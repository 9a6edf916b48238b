"""Values that are wrong are refused by Helm itself, before anything reaches a cluster, in words that lead on."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from tests.support.chart import CASES, CHART, case, helm, template

from mailsonar.config.schema import json_schema

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
INLINE = "an inline secret would stand in a ConfigMap for all to read; put it into a Secret"
SERVER = {"host": "smtp.acme.example", "security": "starttls", "username": "probe@acme.example"}


def sender(**keys: Any) -> dict[str, Any]:
    """Return a config whose sender's server has these keys, too."""
    return {"config": {"senders": {"acme-out": {"smtp": {**SERVER, **keys}}}}}


# What is given beside minimal-values.yaml, and the words of the answer that matter.
BY_THE_SCHEMA = {
    "no shards": ({"shards": 0}, ["shards", "greater than or equal to 1"]),
    "negative shards": ({"shards": -1}, ["shards", "greater than or equal to 1"]),
    "shards as text": ({"shards": "three"}, ["shards", "Expected: integer, given: string"]),
    "half a shard": ({"shards": 1.5}, ["shards", "Expected: integer, given: number"]),
    "a misspelt value": ({"shard": 3}, ["Additional property shard is not allowed"]),
    "a misspelt value below": ({"persistence": {"enable": True}}, ["persistence", "property enable is not allowed"]),
    "a word for a switch": ({"persistence": {"enabled": "yes"}}, ["persistence.enabled", "Expected: boolean"]),
    "a size without sense": ({"persistence": {"size": "2 gigabytes"}}, ["persistence.size", "Does not match pattern"]),
    "shared volumes": ({"persistence": {"accessModes": ["ReadWriteMany"]}}, ["accessModes.0", "ReadWriteOnce"]),
    "a secret without its key": ({"secrets": {"more": {"secret": "s"}}}, ["secrets.more", "key is required"]),
    "a secret without its Secret": ({"secrets": {"more": {"key": "k"}}}, ["secrets.more", "secret is required"]),
    "a secret's value": ({"secrets": {"more": "hunter2"}}, ["secrets.more", "Expected: object, given: string"]),
    "a name with a slash": ({"secrets": {"a/b": {"secret": "s", "key": "k"}}}, ["secrets", "pattern"]),
    "a fetched secret without its key": (
        {"externalSecret": {"data": {"acme": {"property": "p"}}}}, ["externalSecret.data.acme", "key is required"],
    ),
    "an unknown kind of store": (
        {"externalSecret": {"secretStoreRef": {"kind": "Vault"}}}, ["secretStoreRef.kind", "ClusterSecretStore"],
    ),
    "an unknown log level": ({"log": {"level": "verbose"}}, ["log.level", '"debug", "info", "warning", "error"']),
    "a port beyond ports": ({"networkPolicy": {"mailPorts": [70000]}}, ["mailPorts.0", "less than or equal to 65535"]),
    "no mail port": ({"networkPolicy": {"mailPorts": []}}, ["mailPorts", "at least 1 items"]),
    "a digest that is none": ({"image": {"digest": "latest"}}, ["image.digest", "sha256"]),
    "an unknown pull policy": ({"image": {"pullPolicy": "Sometimes"}}, ["image.pullPolicy", "IfNotPresent"]),
    "no time to end": ({"terminationGracePeriodSeconds": 5}, ["terminationGracePeriodSeconds", "equal to 15"]),
    "a duration without unit": ({"monitoring": {"interval": "30"}}, ["monitoring.interval", "Does not match pattern"]),
    "half a login": (
        {"monitoring": {"basicAuth": {"username": {"name": "s", "key": "k"}}}}, ["basicAuth", "password is required"],
    ),
    "rules as something else": (
        {"monitoring": {"rules": {"as": "File"}}}, ["rules.as", '"PrometheusRule", "ConfigMap"'],
    ),
    "a link that is none": ({"monitoring": {"rules": {"grafanaUrl": "grafana"}}}, ["grafanaUrl", "https?"]),
    "a file of another kind": ({"configFiles": {"acme.txt": {}}}, ["configFiles", "ya?ml"]),
    "a config as text": ({"config": "senders: {}"}, ["config", "Expected: object, given: string"]),
    "a label that is no text": ({"commonLabels": {"team": 5}}, ["commonLabels.team", "Expected: string"]),
    "a name too long": ({"fullnameOverride": "m" * 53}, ["fullnameOverride", "Does not match pattern"]),
    "an address as a host": ({"ingress": {"hosts": ["https://mail.acme.example"]}}, ["ingress.hosts.0", "pattern"]),
}  # fmt: skip

BY_THE_TEMPLATES = {
    "an inline password": (sender(password="hunter2"), ["config.senders.acme-out.smtp.password", INLINE]),
    "a number as a password": (sender(password=12345), ["config.senders.acme-out.smtp.password", INLINE]),
    "a list as a password": (sender(password=["hunter2"]), ["config.senders.acme-out.smtp.password", INLINE]),
    "an inline client secret": (
        sender(oauth2={"client_secret": "hunter2"}), ["config.senders.acme-out.smtp.oauth2.client_secret", INLINE],
    ),
    "an inline refresh token": (
        sender(oauth2={"refresh_token": "hunter2"}), ["config.senders.acme-out.smtp.oauth2.refresh_token", INLINE],
    ),
    "an inline signing key": ({"config": {"signing_key": "hunter2" * 5}}, ["config.signing_key", INLINE]),
    "a password in another file": (
        {"configFiles": {"acme.yml": {"maildrops": {"in": {"pop3": {"password": "hunter2"}}}}}},
        ["configFiles.acme.yml.maildrops.in.pop3.password", INLINE],
    ),
    "a password where it does not belong": (
        {"config": {"matrix": [{"password": "hunter2"}]}}, ["config.matrix.0.password", INLINE],
    ),
    "a private key": (
        sender(oauth2={"key": "-----BEGIN PRIVATE KEY-----\nhunter2"}),
        ["config.senders.acme-out.smtp.oauth2.key", "a private key would stand in a ConfigMap"],
    ),
    "a secret from the environment": (
        {"config": {"maildrops": {"more": {"pop3": {**SERVER, "password": {"env": "MORE"}}}}}},
        ["config.maildrops.more.pop3.password", "the agent's environment holds no secrets here"],
    ),
    "a file that nothing brings": (
        sender(password={"file": "/run/secrets/mailsonar/contoso"}),
        ["config.senders.acme-out.smtp.password.file", "nothing brings", "its Secret and key as secrets.contoso"],
    ),
    "an authority that nothing brings": (
        sender(tls={"ca_file": "/run/secrets/mailsonar/ca.pem"}),
        ["config.senders.acme-out.smtp.tls.ca_file", "secrets.ca.pem"],
    ),
    "a port that is cut off": (
        {**sender(port=2525), "networkPolicy": {"enabled": True}},
        ["config.senders.acme-out.smtp.port: networkPolicy lets nothing out to port 2525", "networkPolicy.mailPorts"],
    ),
    "no config": ({"config": None}, ["config: there is none; set config, existingConfig.configMap or"]),
    "two configs": ({"existingConfig": {"configMap": "ours"}}, ["config and configFiles: existingConfig is used"]),
    "two existing configs": (
        {"existingConfig": {"configMap": "ours", "secret": "ours"}}, ["name a configMap or a secret, not both"],
    ),
    "a second main file": ({"configFiles": {"mailsonar.yml": {}}}, ["configFiles.mailsonar.yml", "under config"]),
    "shards without a key": (
        {"shards": 3, "config": {"signing_key": None}}, ["config.signing_key: 3 shards must recognise each other's"],
    ),
    "two monitors": (
        {"monitoring": {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}},
        ["serviceMonitor and podMonitor would scrape every agent twice"],
    ),
    "a store without a name": (
        {"externalSecret": {"enabled": True}}, ["secretStoreRef.name: name the store", "externalSecret.data: say what"],
    ),
    "two sources of one file": (
        {"externalSecret": {"enabled": True, "secretStoreRef": {"name": "vault"}, "data": {"acme": {"key": "k"}}}},
        ["secrets.acme: externalSecret.data has the same name"],
    ),
    "an ingress without hosts": ({"ingress": {"enabled": True}}, ["ingress.hosts: name at least one host"]),
    "TLS without a web config": ({"webConfig": {"tls": True}}, ["webConfig.existingSecret", "name the Secret"]),
}  # fmt: skip


def table(rows: dict[str, tuple[dict[str, Any], list[str]]]) -> pytest.MarkDecorator:
    """Return a test's parameters, called by what is wrong."""
    return pytest.mark.parametrize(("given", "words"), rows.values(), ids=list(rows))


def refusal(given: dict[str, Any]) -> str:
    """Return how Helm refuses these values beside minimal-values.yaml.

    Raises:
        AssertionError: it does not, or tells a secret that it was given.
    """
    with pytest.raises(AssertionError) as raised:
        template(case("minimal"), given=given)
    told = str(raised.value)
    assert told.startswith("Error: ")
    assert "hunter2" not in told, "a secret reached the terminal"
    return told


@table(BY_THE_SCHEMA)
def test_the_schema_refuses(given: dict[str, Any], words: list[str]) -> None:
    """What is misspelt, of the wrong type or out of bounds is named by its path, with what is allowed."""
    told = refusal(given)
    assert "values don't meet the specifications of the schema" in told
    assert [word for word in words if word not in told] == [], told


@table(BY_THE_SCHEMA)
def test_another_validator_refuses_the_same(given: dict[str, Any], words: list[str]) -> None:
    """Helm 4 reads the schema by other means than Helm 3: what it says must not depend on who reads it."""
    assert not Draft7Validator(SCHEMA).is_valid(given)


def test_another_validator_takes_what_is_right() -> None:
    """The schema is one of draft-07, and lets all the files of values pass, and the values as they come."""
    Draft7Validator.check_schema(SCHEMA)
    for path in (*CASES, CHART / "values.yaml"):
        Draft7Validator(SCHEMA).validate(yaml.safe_load(path.read_text()))


@table(BY_THE_TEMPLATES)
def test_the_templates_refuse(given: dict[str, Any], words: list[str]) -> None:
    """What the schema cannot know is named by its path, with the reason and what to write instead."""
    told = refusal(given)
    assert "The values cannot be used:" in told
    assert [word for word in words if word not in told] == [], told


def secrets_in(schema: Any, name: str = "") -> set[str]:
    """Return the names of all keys of the agent's config that take a secret."""
    if isinstance(schema, dict):
        if schema.get("properties", {}).keys() == {"file", "env"}:
            return {name}
        return {found for key, part in schema.items() for found in secrets_in(part, key)}
    return {found for part in schema for found in secrets_in(part, name)} if isinstance(schema, list) else set()


def test_the_templates_know_every_key_that_takes_a_secret() -> None:
    """A new kind of secret in the agent's config is refused inline from its first day on."""
    [listed] = re.findall(r"has \$key \(list ([^)]*)\)", (CHART / "templates" / "_checks.tpl").read_text())
    assert set(re.findall(r'"(\w+)"', listed)) == secrets_in(json_schema())


def test_all_that_is_wrong_is_told_at_once() -> None:
    """Whoever mends three mistakes runs Helm twice, not four times."""
    told = refusal({**sender(password="hunter2"), "ingress": {"enabled": True}, "webConfig": {"tls": True}})
    assert told.count("\n- ") == 3


def test_the_values_as_they_come_ask_for_a_config() -> None:
    """The first thing that a newcomer tries without values says what is missing."""
    done = helm("template", "ours", CHART)
    assert "config: there is none; set config, existingConfig.configMap or existingConfig.secret" in done.stderr
    assert helm("lint", "--strict", CHART).returncode == 0


def test_an_older_cluster_is_refused_by_its_version() -> None:
    """What the chart relies on is not there before Kubernetes 1.27."""
    done = helm("template", "ours", CHART, "-f", case("minimal"), "--kube-version", "1.26.0")
    assert "requires kubeVersion: >=1.27.0-0" in done.stderr


def test_names_may_be_words_that_are_keys_elsewhere() -> None:
    """A sender called "password" is a sender, and files of a Secret given as a whole are not known by name."""
    account = {"address": "probe@acme.example", "smtp": {**SERVER, "password": {"file": "/run/secrets/mailsonar/x"}}}
    given = {"config": {"senders": {"password": account, "port": account}}, "secretsFrom": ["passwords"]}
    assert template(case("minimal"), given={**given, "networkPolicy": {"enabled": True}})


def test_a_port_that_is_let_out_is_taken() -> None:
    """Whether it is one of the usual ones, or was added."""
    for port in (587, 2525):
        given = {**sender(port=port), "networkPolicy": {"enabled": True, "mailPorts": [587, 995, 2525]}}
        assert template(case("minimal"), given=given)
