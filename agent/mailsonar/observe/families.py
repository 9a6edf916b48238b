"""Every metric family that MailSonar exposes, in this one place: name, type, help, unit, labels, and how it is written.

Names and labels are public: dashboards, alerts and users' rules refer to them. Label values come from the config and
from closed enums only, never from the wire. `fed=False` marks a family that is declared, but that nothing feeds yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial


class Kind(StrEnum):
    """The types that we use; an `_info` family is a gauge of 1, so that its name is the same in both text formats."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


class Subject(StrEnum):
    """What a family tells of; all families of a subject are told together."""

    ROUTE = "route"
    SERVER = "server"
    ACCOUNT = "account"
    TOKEN = "token"  # noqa: S105 - no password
    MAILDROP = "maildrop"
    AGENT = "agent"


_COMMON = {
    Subject.SERVER: ("server", "protocol"),
    Subject.ACCOUNT: ("server", "protocol", "account"),
    Subject.TOKEN: ("account",),
    Subject.MAILDROP: ("maildrop",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One declared family; one of routes has `route` and the declared label names before `labels`."""

    name: str
    kind: Kind
    help: str
    subject: Subject
    labels: tuple[str, ...] = ()
    fed: bool = True

    @property
    def of_route(self) -> bool:
        """Tell whether it has a series for each route."""
        return self.subject is Subject.ROUTE

    @property
    def unit(self) -> str:
        """Return the unit that the name ends in, "" where it has none."""
        return next((unit for unit in ("seconds", "bytes") if self.name.endswith(f"_{unit}")), "")

    @property
    def sample_names(self) -> tuple[str, ...]:
        """Return the names that its lines begin with."""
        is_histogram = self.kind is Kind.HISTOGRAM
        return tuple(f"{self.name}{end}" for end in ("_bucket", "_count", "_sum")) if is_histogram else (self.name,)

    def label_names(self, declared: Sequence[str]) -> tuple[str, ...]:
        """Return the names of all labels in order, those that the config declares for routes included."""
        return ("route", *declared, *self.labels) if self.of_route else self.labels

    def head(self, *, openmetrics: bool) -> str:
        """Return the lines that precede its samples; OpenMetrics calls a counter by its name without the suffix."""
        name = self.name.removesuffix("_total") if openmetrics else self.name
        unit = f"# UNIT {name} {self.unit}\n" if openmetrics and self.unit else ""
        return f"# HELP {name} {self.help}\n# TYPE {name} {self.kind}\n{unit}"

    def templates(self, declared: Sequence[str]) -> dict[str, str]:
        """Return how a line is written, by its name: a format of the labels' values in order, then of the figure."""
        names = self.label_names(declared)
        return {
            sample: _template(sample, (*names, "le") if sample.endswith("_bucket") else names)
            for sample in self.sample_names
        }


def _template(sample: str, label_names: Sequence[str]) -> str:
    """Return the format of a line; its labels are sorted by their names."""
    numbered = sorted((name, number) for number, name in enumerate(label_names))
    labels = ",".join(f'{name}="{{{number}}}"' for name, number in numbered)
    return f"{sample}{f'{{{{{labels}}}}}' if labels else ''} {{{len(numbered)}}}\n"


def _family(subject: Subject, kind: Kind, name: str, text: str, *labels: str, fed: bool = True) -> Family:
    every = (*_COMMON.get(subject, ()), *labels)
    return Family(name=f"mailsonar_{name}", kind=kind, help=text, subject=subject, labels=every, fed=fed)


_route, _server, _account, _token, _maildrop, _agent = (partial(_family, subject) for subject in Subject)
_G, _C, _H = Kind.GAUGE, Kind.COUNTER, Kind.HISTOGRAM

SUCCESS = _route(_G, "probe_success", "Verdict of the latest attempt that has one: 1 if its message arrived in time.")
CONSECUTIVE_FAILURES = _route(_G, "probe_consecutive_failures", "Failed attempts since the last successful one.")
STARTED = _route(_C, "probes_started_total", "Attempts started.")
OUTCOMES = _route(_C, "probes_total", "Attempts ended, by outcome.", "outcome")
PENDING = _route(_G, "probes_pending", "Attempts under way.")
FAULT = _route(_G, "probe_fault", "1 while this fault stands.", "leg", "stage", "reason")
FAULTS = _route(_C, "probe_faults_total", "Attempts ended with this fault.", "leg", "stage", "reason")
ROUND_TRIP = _route(_H, "probe_round_trip_seconds", "Time from the start of the submission until the message was seen.")
LAST_ROUND_TRIP = _route(
    _G, "probe_last_round_trip_seconds", "Round trip of the most recently started attempt whose message was seen."
)
LAST_ERROR = _route(
    _G, "probe_last_round_trip_error_seconds", "Largest amount by which the last round trip may be too long."
)
LAST_STAGE = _route(
    _G,
    "probe_last_stage_seconds",
    "Time that a stage of the last attempt took; absent if it did not run.",
    "leg",
    "stage",
)
LAST_START = _route(_G, "probe_last_start_timestamp_seconds", "When the last attempt was started.")
LAST_SUCCESS = _route(_G, "probe_last_success_timestamp_seconds", "When an attempt last succeeded.")
DEADLINE = _route(_G, "probe_deadline_seconds", "Configured time within which a message must arrive.")
INTERVAL = _route(_G, "probe_interval_seconds", "Configured time between two attempts.")
DUPLICATES = _route(_C, "probe_duplicates_total", "Further copies of messages that were seen before.")
SENDER_VERDICT = _route(
    _G,
    "probe_sender_verdict",
    "What the receiving server found on the sender of the last message.",
    "method",
    "result",
)
HOP = _route(_G, "probe_hop_seconds", "Time that the last message spent on a hop, by its trace fields.", "hop")
PLACEMENT = _route(_G, "probe_placement", "Where the last message was found.", "placement", fed=False)

ROUTE_INFO = _route(
    _G,
    "route_info",
    "What a route is made of.",
    "sender",
    "maildrop",
    "submission_server",
    "retrieval_server",
    "provider",
)
ROUTE_SERVER_INFO = _route(
    _G, "route_server_info", "Server and account of each leg of a route.", "leg", "server", "protocol", "account"
)

CERTIFICATE_EXPIRY = _server(
    _G,
    "server_tls_certificate_expiry_timestamp_seconds",
    "When the server's certificate ends, and the first of its chain.",
    "certificate",
)
TLS_VERIFIED = _server(_G, "server_tls_verified", "1 if the last handshake proved the server's identity.")
TLS_INFO = _server(_G, "server_tls_info", "What the last handshake agreed on.", "version", "cipher")
PLAINTEXT_AUTH = _server(
    _G, "server_plaintext_auth_offered", "1 if the server offers logins before TLS that give the secret away."
)

AUTHENTICATED = _account(_G, "account_authenticated", "1 if the last login that was answered succeeded.")
AUTHENTICATION_FAILURES = _account(_C, "account_authentication_failures_total", "Failed logins.", "reason")
HELD_BACK = _account(
    _G,
    "account_held_back",
    "1 while logins are held back after the server rejected the credentials.",
)
OAUTH_EXPIRY = _token(_G, "oauth_token_expiry_timestamp_seconds", "When the access token ends.")
OAUTH_REFRESHES = _token(_C, "oauth_refreshes_total", "Access tokens asked for.", "result")

POLLS = _maildrop(
    _C,
    "maildrop_polls_total",
    "Looks at the maildrop, by result: ok, or the reason of the fault.",
    "result",
)
MESSAGES = _maildrop(_G, "maildrop_messages", "Messages in the maildrop when it was last listed.")
BYTES = _maildrop(_G, "maildrop_bytes", "Size of the maildrop when it was last listed.")
CLEANUP_FAILURES = _maildrop(
    _C, "maildrop_cleanup_failures_total", "Looks that could not remove one of our own messages.", "reason"
)
LAST_LISTED = _maildrop(_G, "maildrop_last_listed_timestamp_seconds", "When the maildrop was last listed.")

SCHEDULE_LAG = _agent(_H, "schedule_lag_seconds", "How late attempts were started.")
LOOP_LAG = _agent(_H, "event_loop_lag_seconds", "How late the event loop ran a timer.")
TASK_RESTARTS = _agent(_C, "task_restarts_total", "Tasks of the agent that were started again after an error.", "task")
JOURNAL_FAILURES = _agent(_C, "journal_write_failures_total", "Writes to the journal that failed.")
RELOAD_SUCCESSFUL = _agent(_G, "config_last_reload_successful", "1 if the config was accepted when it was last read.")
RELOAD_TIMESTAMP = _agent(_G, "config_last_reload_success_timestamp_seconds", "When a config was last accepted.")
BUILD_INFO = _agent(_G, "build_info", "The running program.", "version", "revision", "python")
SHARD_INFO = _agent(_G, "shard_info", "The part of the routes that this agent runs.", "index", "total")

FAMILIES = tuple(value for value in tuple(globals().values()) if isinstance(value, Family))
FAMILIES_OF = {one: tuple(family for family in FAMILIES if family.fed and family.subject is one) for one in Subject}
