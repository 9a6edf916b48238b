"""Colours and the words that go with them: no state is told by colour alone, and none by red against green.

The colours are Okabe and Ito's, which people with any colour vision can tell apart. Where there is no figure, a panel
says NO DATA in a colour of its own: the lowest threshold is that colour, and what is well has a threshold to reach.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models import dashboard as model

from mailsonar.model.result import Outcome
from mailsonar.model.stage import Leg

BLUE, SKY, ORANGE, VERMILLION = "#0072B2", "#56B4E9", "#E69F00", "#D55E00"
PURPLE, TEAL, YELLOW, GREY = "#CC79A7", "#009E73", "#F0E442", "#999999"

WELL, WARNING, BROKEN, UNKNOWN = BLUE, ORANGE, VERMILLION, PURPLE
NO_DATA = "NO DATA"

OUTCOME_COLOURS: Mapping[str, str] = {
    Outcome.ON_TIME: BLUE,
    Outcome.BLOCKED: SKY,
    Outcome.LATE: ORANGE,
    Outcome.LOST: VERMILLION,
    Outcome.UNOBSERVED: PURPLE,
    Outcome.BOUNCED: YELLOW,
    Outcome.REFUSED: "#882255",
    Outcome.DEFERRED: TEAL,
    Outcome.FAILED: GREY,
}
LEG_COLOURS: Mapping[str, str] = {Leg.SUBMISSION: BLUE, Leg.TRANSIT: ORANGE, Leg.RETRIEVAL: SKY}


@dataclass(frozen=True, slots=True)
class Words:
    """What a panel says in place of a number, and in which colour."""

    said: Mapping[int, tuple[str, str]]

    def mappings(self) -> list[model.ValueMapping]:
        """Return the words as Grafana wants them, NO DATA for what is no number included."""
        values = {
            str(value): model.ValueMappingResult(text=text, color=colour, index=index)
            for index, (value, (text, colour)) in enumerate(self.said.items())
        }
        nothing = model.DashboardSpecialValueMapOptions(
            match=model.SpecialValueMatch.NULL_AND_NAN,
            result=model.ValueMappingResult(text=NO_DATA, color=UNKNOWN, index=len(values)),
        )
        return [*([model.ValueMap(options=values)] if values else []), model.SpecialValueMap(options=nothing)]


STATE = Words({0: ("DOWN", BROKEN), 1: (NO_DATA, UNKNOWN), 2: ("UP", WELL)})
TROUBLE = Words({0: ("DOWN", BROKEN), 1: (NO_DATA, UNKNOWN), 2: ("ALL UP", WELL)})
NUMBERS = Words({})

# Steps of a threshold, each from its value on.
Steps = Sequence[tuple[float, str]]
NONE_IS_WELL: Steps = ((0, WELL), (1, BROKEN))
NONE_IS_KNOWN: Steps = ((0, WELL), (1, UNKNOWN))
NONE_IS_BROKEN: Steps = ((0, BROKEN), (1, WELL))
SHARE: Steps = ((0, BROKEN), (0.99, WARNING), (0.999, WELL))
NEUTRAL: Steps = ((0, GREY),)


def yes_no(yes: str, no: str, *, well: bool) -> Words:
    """Return the words for 1 and 0; `well` tells which of them is good news."""
    return Words({0: (no, BROKEN if well else WELL), 1: (yes, WELL if well else BROKEN)})


def thresholds(steps: Steps) -> ThresholdsConfig:
    """Return the steps above the colour of what is not known."""
    above = [model.Threshold(value=value, color=colour) for value, colour in steps]
    return ThresholdsConfig().steps([model.Threshold(value=None, color=UNKNOWN), *above])
