"""Every bad config file, with the exact message that an operator reads.

The table is `test_config_bad_files.txt`: a title, the file or files, and behind `-->` the messages.
"""

from __future__ import annotations

import os
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from mailsonar.config.load import ConfigInvalid, Problem, load_config

CANARY = "CANARY"
ENVIRON = {"P": f"{CANARY}-variable", "EMPTY": "", "CONTROL": f"{CANARY}\r\nDELE 1"}
ENDS = textwrap.dedent("""\
    senders:
      out: {address: probe@a.example, smtp: {host: smtp.a.example, security: starttls}}
    maildrops:
      in: {address: probe@a.example, pop3: {host: pop.a.example, security: starttls, username: u, password: {env: P}}}
    """)
AWKWARD = {
    "<BEL>": "\a",
    "<LATIN1>": "\udcfc",
    "<DEEP>": "[" * 5000,
    "<LONG>": "1" * 5000,
    "<HUNDRED-OUT>": ", ".join(["out"] * 100),
    "<HUNDRED-IN>": ", ".join(["in"] * 100),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the table; `files` by their path below the config's folder."""

    title: str
    files: dict[str, str]
    messages: list[str]
    inline: bool


def read_table() -> list[Row]:
    """Return the rows of the table."""
    table = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8")
    return [_row(text) for text in table.split("### ")[1:]]


def _row(text: str) -> Row:
    """Return one row; `+ends` adds a good sender and maildrop, `+inline` allows inline secrets."""
    title, _, rest = text.partition("\n")
    before, _, after = ("\n" + rest).partition("\n-->")
    main, *others = before.removeprefix("\n").split("@@ ")
    files = {"main.yml": main.replace("+inline\n", ""), **dict(other.partition("\n")[::2] for other in others)}
    return Row(
        title=title,
        files={path: _filled(content) for path, content in files.items()},
        messages=[line.strip() for line in after.splitlines() if line.strip()],
        inline="+inline\n" in main,
    )


def _filled(content: str) -> str:
    """Return a file's content with the placeholders replaced."""
    for placeholder, awkward in AWKWARD.items():
        content = content.replace(placeholder, awkward)
    return (content + "\n").replace("+ends\n", ENDS) if content else ""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the secrets and certificates that the table names."""
    (tmp_path / "password").write_text(f"{CANARY}-file\n")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "control").write_text(f"{CANARY}\nDELE 1\n")
    (tmp_path / "latin1").write_bytes(b"CANARY\xfc\n")
    (tmp_path / "large").write_text(CANARY * 20_000)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    return tmp_path


def complaints(row: Row, folder: Path) -> list[str]:
    """Return what the config of a row is refused with, paths relative to its folder."""
    for path, content in row.files.items():
        file = folder / path
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigInvalid) as refusal:
        load_config(folder / "main.yml", environ=ENVIRON, allow_inline_secrets=row.inline)
    assert [str(problem) for problem in refusal.value.problems] == str(refusal.value).splitlines()
    return str(refusal.value).replace(f"{folder}/", "").splitlines()


@pytest.mark.parametrize("row", read_table(), ids=lambda row: row.title)
def test_a_bad_file_is_refused_with_every_message(row: Row, folder: Path) -> None:
    """All errors come in one go, each with file, line, path, what is wrong and what is allowed; none tells a secret."""
    found = complaints(row, folder)
    assert found == row.messages
    assert CANARY not in "\n".join(found)


@pytest.mark.parametrize(
    ("name", "why"),
    [("gone.yml", "no such file or directory"), ("folder", "is a directory"), ("pipe", "is not a regular file")],
)
def test_a_config_file_that_cannot_be_read_is_one_problem(name: str, why: str, folder: Path) -> None:
    """A file that is missing, a directory or a pipe is told in one line; nothing hangs."""
    with pytest.raises(ConfigInvalid) as refusal:
        load_config(folder / name, environ={})
    assert str(refusal.value) == f"{folder / name}:1: (file): cannot be read: {why}; name a readable YAML file"


TABLE = [row.files["main.yml"] for row in read_table() if len(row.files["main.yml"]) < 2000]
AWKWARD_PIECES = [
    "",
    "\t",
    "\n",
    "\r",
    "\x85",
    ": ",
    "- ",
    "? ",
    "{",
    "]",
    "'",
    "&a ",
    "*a",
    "!!int ",
    "~",
    "0x",
    "\ud800",
]


@given(
    st.text(max_size=300)
    | st.tuples(st.sampled_from(TABLE), st.integers(0, 2000), st.integers(0, 20), st.sampled_from(AWKWARD_PIECES)).map(
        lambda cut: cut[0][: cut[1]] + cut[3] + cut[0][cut[1] + cut[2] :]
    )
)
def test_no_text_raises_anything_else(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Whatever stands in a config file, it loads or is refused with problems that have a place, one line each."""
    file = tmp_path_factory.getbasetemp() / "any.yml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    problems = problems_of(file)
    last_line = len(text.splitlines()) + 1
    assert all(0 < problem.line <= last_line and problem.path and problem.message for problem in problems)
    assert len("\n".join(map(str, problems)).splitlines()) == len(problems)


def problems_of(file: Path) -> tuple[Problem, ...]:
    """Return why a config is refused; nothing where it is not."""
    try:
        load_config(file, environ=ENVIRON, allow_inline_secrets=True)
    except ConfigInvalid as refusal:
        return refusal.problems
    return ()
