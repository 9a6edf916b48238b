"""What a scrape says of the agent's routes: their verdicts and their faults."""

from __future__ import annotations

from tests.support.scrape import Sample, Scrape


def faults_of(scrape: Scrape) -> dict[str, str]:
    """Return the standing fault of each route that has one, as "leg/stage/reason".

    Raises:
        AssertionError: two faults stand on one route, or one has another value than 1.
    """
    samples = list(scrape.matching("mailsonar_probe_fault"))
    assert {sample.value for sample in samples} <= {1.0}
    faults = {sample.labels["route"]: _fault(sample) for sample in samples}
    assert len(faults) == len(samples), "two faults stand on one route"
    return faults


def fault_counts_of(scrape: Scrape) -> dict[tuple[str, str], float]:
    """Return how many attempts ended with which fault, by route and "leg/stage/reason"."""
    samples = scrape.matching("mailsonar_probe_faults_total")
    return {(sample.labels["route"], _fault(sample)): sample.value for sample in samples}


def successes_of(scrape: Scrape) -> dict[str, float]:
    """Return the verdict of each route that has one."""
    return {sample.labels["route"]: sample.value for sample in scrape.matching("mailsonar_probe_success")}


def _fault(sample: Sample) -> str:
    return "{leg}/{stage}/{reason}".format(**sample.labels)
