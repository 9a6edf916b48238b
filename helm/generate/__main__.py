"""`python -m helm.generate`: write anew what the chart holds of the rest of the project."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from helm.generate.values import table, values_of

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "mailsonar"
COPIED = {"dashboards": "dashboards/*.json", "rules": "dashboards/rules/*.rules.yml"}
TABLE = re.compile(r"(<!-- values -->\n).*?(<!-- end of values -->)", re.DOTALL)


def texts() -> Mapping[Path, str]:
    """Return what all files hold that are written here, by their path.

    Helm reads no file outside a chart, so it gets copies; their source is `dashboards/`.
    """
    copies = {
        CHART / "files" / folder / source.name: source.read_text(encoding="utf-8")
        for folder, pattern in COPIED.items()
        for source in sorted(ROOT.glob(pattern))
    }
    readme = CHART / "README.md"
    written = table(values_of((CHART / "values.yaml").read_text(encoding="utf-8")))
    return copies | {readme: TABLE.sub(rf"\g<1>{_literal(written)}\n\g<2>", readme.read_text(encoding="utf-8"))}


def leftovers() -> set[Path]:
    """Return the copies whose source is no more."""
    return {path for folder in COPIED for path in (CHART / "files" / folder).iterdir()} - texts().keys()


def _literal(text: str) -> str:
    """Return a text as a replacement that stands for itself."""
    return text.replace("\\", r"\\")


if __name__ == "__main__":
    for path, text in texts().items():
        path.write_text(text, encoding="utf-8")
    for path in leftovers():
        path.unlink()
