"""Which shard an agent is, by its flags; in a StatefulSet of Kubernetes the pod's name tells the index."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping

from mailsonar.cli.usage import UsageError
from mailsonar.model.shard import Shard

NAME_VARIABLES = ("POD_NAME", "HOSTNAME")  # a host's name may be cut short, or be the machine's
_ORDINAL = re.compile(r".*-([0-9]{1,9})", re.ASCII | re.DOTALL)


def shard_total(text: str) -> int:
    """Return what `--shard.total` means."""
    return _number(text, least=1, what="1 or more: how many agents share the config")


def shard_index(text: str) -> int:
    """Return what `--shard.index` means."""
    return _number(text, least=0, what="0 or more: which of the agents this is")


def _number(text: str, *, least: int, what: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text) or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r}: must be {what}")
    return int(text)


def shard_of(index: int | None, total: int, environ: Mapping[str, str]) -> Shard:
    """Return the shard that an agent is.

    Args:
        index: what `--shard.index` says; None where it says nothing, and the pod's name counts.
        total: what `--shard.total` says.
        environ: where the pod's name is looked up.

    Raises:
        UsageError: there is no such shard, or nothing tells which one it is.
    """
    source = "--shard.index is"
    if index is None and total > 1:
        index, source = _ordinal(total, environ)
    index = index or 0
    if index >= total:
        raise UsageError(
            f"mailsonar run: {source} {index}, but --shard.total is {total}: the index must be "
            f"{f'0 to {total - 1}' if total > 1 else '0'}; --shard.total must be the number of agents, and the same on "
            "each",
            "run",
        )
    return Shard(index=index, total=total)


def _ordinal(total: int, environ: Mapping[str, str]) -> tuple[int, str]:
    """Return the number at the end of the pod's name, and the words that say so."""
    variable = next((name for name in NAME_VARIABLES if environ.get(name)), None)
    value = environ[variable] if variable else ""
    if found := _ORDINAL.fullmatch(value):
        return int(found[1]), f"{variable} is {value!r}, its ordinal"
    told = f"{variable} is {value!r}, without an ordinal such as -0 at its end" if variable else "POD_NAME is empty"
    raise UsageError(
        f"mailsonar run: --shard.total is {total}, and nothing tells which shard this is: {told}; "
        "give --shard.index, or set POD_NAME to the name of a StatefulSet's pod",
        "run",
    )
