"""From a config file to a `Config` of frozen values, or to all that is wrong with it in one go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mailsonar.config.budget import check_plan
from mailsonar.config.directory import maildrops_of, senders_of
from mailsonar.config.document import Document, read_document
from mailsonar.config.explain import keys_of
from mailsonar.config.includes import read_included
from mailsonar.config.labels import check_label_names
from mailsonar.config.loading import Loading
from mailsonar.config.presets import check_routes
from mailsonar.config.problem import ConfigInvalid, Place, Problem, Report
from mailsonar.config.routes import Routing
from mailsonar.config.schema import Settings
from mailsonar.config.secrets import check_signing_key
from mailsonar.config.sections import check_sections
from mailsonar.config.sources import Sources
from mailsonar.config.timing import Timing, check_timing
from mailsonar.config.web import WebConfig, read_web_config
from mailsonar.model.route import Maildrop, Route, Sender
from mailsonar.model.server import Secret

__all__ = ["Config", "ConfigInvalid", "Problem", "load_config"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The effective config.

    `routes` are in file order, the disabled ones included; `sources` is what was read, for a reload to watch;
    `warnings` are lines for the log.
    """

    signing_key: Secret | None
    label_names: tuple[str, ...]
    routes: tuple[Route, ...]
    senders: Mapping[str, Sender]
    maildrops: Mapping[str, Maildrop]
    web: WebConfig
    sources: Sources
    warnings: tuple[str, ...] = ()


def load_config(
    file: Path, *, environ: Mapping[str, str], allow_inline_secrets: bool = False, web_file: Path | None = None
) -> Config:
    """Read, check and resolve a config file and all that it names, and the web config beside it.

    Args:
        file: the main config file.
        environ: where secrets that are environment variables come from.
        allow_inline_secrets: whether the config itself may hold secrets.
        web_file: the web config file; without one, the page is open to all.

    Raises:
        ConfigInvalid: the config cannot be used; it carries every problem.
    """
    loading = Loading(report=Report(), environ=environ, allow_inline_secrets=allow_inline_secrets)
    main = read_document(file, loading.report)
    web = read_web_config(web_file, loading) if web_file else WebConfig()
    config = _resolve(main, web, loading) if main else None
    if config is None or loading.report.problems:
        raise ConfigInvalid(loading.report.in_order(), loading.report.sources)
    return config


def _resolve(main: Document, web: WebConfig, loading: Loading) -> Config:
    """Return the config of a main file; it means nothing where problems were reported."""
    report = loading.report
    settings = _settings(main, loading)
    included = read_included(main, settings.include, report)
    for document in included:
        check_sections(document, report, included=True)
    documents = [main, *included]
    maildrops = maildrops_of(documents, loading)
    senders = senders_of(documents, maildrops, loading)
    routing = Routing(
        senders=senders,
        maildrops=maildrops,
        label_names=settings.labels,
        defaults=Timing().with_keys(settings.defaults),
        loading=loading,
    )
    routes = routing.read(documents)
    if not routes.places:
        report.odd(Place(main), "there are no routes: nothing is probed")
    check_plan(senders, maildrops, list(routes.values.values()), report)
    check_routes(routes, report)
    return Config(
        signing_key=_signing_key(settings, main, loading),
        label_names=tuple(settings.labels),
        routes=tuple(routes.values.values()),
        senders=MappingProxyType(senders.values),
        maildrops=MappingProxyType(maildrops.values),
        web=web,
        sources=report.sources,
        warnings=tuple(report.warnings),
    )


def _settings(main: Document, loading: Loading) -> Settings:
    """Return what the main file alone may say; a key that is wrong counts as left out, an item of a list as empty."""
    check_sections(main, loading.report, included=False)
    good: dict[str, Any] = {}
    for key in keys_of(Settings):
        value = main.value.get(key)
        part = loading.part(Settings, {key: value}, Place(main)) if value is not None else None
        if part:
            good[key] = getattr(part, key)
        elif isinstance(value, list):
            good[key] = [item if isinstance(item, str) else "" for item in value]
    settings = Settings.model_construct(**good)
    check_label_names(settings.labels, Place(main) / "labels", loading.report)
    defaults = main.value.get("defaults")
    if isinstance(defaults, dict):
        check_timing(defaults, Timing(), Place(main) / "defaults", loading.report)
    return settings


def _signing_key(settings: Settings, main: Document, loading: Loading) -> Secret | None:
    """Return the key that probes are signed with, if the config names one."""
    if settings.signing_key is None:
        return None
    return loading.secret(settings.signing_key, Place(main) / "signing_key", check_signing_key)
