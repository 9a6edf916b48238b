"""The documented file format: every key, its type and what it is for.

The texts below the keys are what editors show. Whether keys fit each other is checked elsewhere.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from pydantic.json_schema import GenerateJsonSchema

from mailsonar.config.arguments import Address, Text
from mailsonar.config.durations import Duration, Interval, Poll
from mailsonar.config.secrets import SecretReference
from mailsonar.config.server_schema import Part, Pop3Part, SmtpPart


class SenderPart(Part):
    """An account that submits probes."""

    address: Address
    """The address that probes come from."""
    bounces: Text | None = None
    """Name of the maildrop where delivery status notifications for this address arrive."""
    smtp: SmtpPart
    """The submission server."""


class MaildropPart(Part):
    """An account that probes arrive in."""

    not_yet: ClassVar[frozenset[str]] = frozenset({"imap"})

    address: Address
    """The address that delivers into this maildrop."""
    pop3: Pop3Part
    """The retrieval server."""
    cleanup: Literal["delete", "keep"] = "delete"
    """What happens to our own messages once they were seen."""
    poll: Poll = None
    """The gap between two looks; adaptive means that the agent chooses."""
    authserv_id: Text | None = None
    """Whose Authentication-Results to believe (RFC 8601); microsoft means those that name no server."""


class TimingPart(Part):
    """How often to probe, and how long to wait."""

    interval: Interval | None = None
    """The time from one attempt to the next; 5m unless set."""
    deadline: Duration | None = None
    """How long a probe may take; 2m unless set."""
    give_up: Duration | None = None
    """How long to look for a late probe; 1h unless set."""
    size: Annotated[int, Field(ge=0, le=25 * 2**20)] | None = None
    """Bytes of padding in a probe; 0 unless set."""


class RouteSettingsPart(TimingPart):
    """What a route and a matrix have in common."""

    labels: dict[str, str] = Field(default_factory=dict)
    """Values of declared labels, for the metrics of the route."""
    expect: Literal["delivered", "blocked"] = "delivered"
    """What shall become of a probe; blocked means that it is a fault if it arrives."""
    content: Literal["plain", "gtube", "eicar"] = "plain"
    """What a probe holds; gtube is the test pattern for spam filters, eicar the one for virus scanners."""
    hops: bool = False
    """Whether metrics show the time between the servers that a probe passed, by its Received fields."""
    enabled: bool = True
    """Whether the route is probed."""


class RoutePart(RouteSettingsPart):
    """A route from a sender to a maildrop."""

    sender: Annotated[Text, Field(alias="from")]
    """Name of the sender."""
    maildrop: Annotated[Text, Field(alias="to")]
    """Name of the maildrop."""


class MatrixPart(RouteSettingsPart):
    """Routes from every sender to every maildrop of two lists, named FROM--TO."""

    senders: Annotated[list[Text], Field(alias="from", min_length=1)]
    """Names of the senders."""
    maildrops: Annotated[list[Text], Field(alias="to", min_length=1)]
    """Names of the maildrops."""


class IncludedFile(Part):
    """What an included file may hold."""

    senders: dict[str, SenderPart] = Field(default_factory=dict)
    """The accounts that submit probes, by name."""
    maildrops: dict[str, MaildropPart] = Field(default_factory=dict)
    """The accounts that probes arrive in, by name."""
    routes: dict[str, RoutePart] = Field(default_factory=dict)
    """What is probed, by name."""
    matrix: list[MatrixPart] = Field(default_factory=list)
    """Lists of senders and maildrops, each sender to each maildrop."""


class Settings(Part):
    """What only the main config file may hold."""

    signing_key: SecretReference | None = None
    """HMAC key that signs probes, 32 bytes or more, the same in a whole fleet; made by the agent unless set."""
    labels: list[Text] = Field(default_factory=list)
    """Names of the labels that routes may set."""
    defaults: TimingPart = TimingPart()
    """What holds for every route that does not say otherwise."""
    include: list[Text] = Field(default_factory=list)
    """Patterns of further files with senders, maildrops, routes and matrix, relative to this file's folder."""


class ConfigFile(Settings, IncludedFile):
    """The config of MailSonar."""


class _ForEditors(GenerateJsonSchema):
    """Leaves out `null`, which means the same as leaving out the key, and the defaults of whole mappings."""

    def nullable_schema(self, schema: Any) -> dict[str, Any]:
        """Return the schema of the value."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: Any) -> dict[str, Any]:
        """Return the schema of the value, with its default if that is a single value."""
        described = super().default_schema(schema)
        if isinstance(described.get("default"), str | int):
            return described
        return {key: value for key, value in described.items() if key != "default"}


def json_schema() -> dict[str, object]:
    """Return the JSON Schema (2020-12) of the config file, for editors."""
    schema = ConfigFile.model_json_schema(schema_generator=_ForEditors)
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema, "title": "MailSonar config"}
