"""The shape of the house, as tests: who may import whom, how large a file may be, which names are banned."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "agent").rglob("*.py"))
TEST_MODULES = sorted((ROOT / "tests").rglob("test_*.py"))
LINES_LIMIT = 250

_BANNED_MODULES = re.compile(r"(^|_)(utils?|helpers?|managers?|misc|common|base)(_|$)")
_BANNED_CLASSES = re.compile(r"(Manager|Helper|Handler|Utils?|Base|Impl)$|^(Base|Abstract)[A-Z]")
_BANNED_IN_TESTS = re.compile(
    r"pytest\.(mark\.)?(skip|skipif|xfail|importorskip)|time\.sleep|.*unittest\.mock.*|unittest\.mock.*"
)
_PURE = ("model", "wire", "message", "dialogue")


def module_name(path: Path) -> str:
    """Return a file's path as test reports show it."""
    return str(path.relative_to(ROOT))


each_source = pytest.mark.parametrize("path", SOURCES, ids=module_name)


def classes(path: Path) -> Iterator[str]:
    """Yield the names of a module's classes."""
    return (node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef))


def test_the_sources_are_there() -> None:
    """A moved folder must not pass for a good shape."""
    assert len(SOURCES) > 30
    assert TEST_MODULES


def test_the_layers_hold() -> None:
    """Imports go downwards only, and each library is known only where it belongs (`[tool.importlinter]`)."""
    linter = Path(sys.executable).with_name("lint-imports")
    found = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_source_root_is_no_package() -> None:
    """`agent/` is where the package `mailsonar` lies, not a package itself, and holds nothing else."""
    assert [path.name for path in (ROOT / "agent").iterdir() if path.suffix == ".py"] == []
    assert [path.parent.name for path in (ROOT / "agent").glob("*/__init__.py")] == ["mailsonar"]


def test_every_room_is_a_package() -> None:
    """Each folder with modules has an `__init__.py`, so that the import linter sees it."""
    rooms = {path.parent for path in SOURCES}
    assert [module_name(room) for room in rooms if not (room / "__init__.py").exists()] == []


@each_source
def test_a_file_fits_a_few_screens(path: Path) -> None:
    """One idea a file, under 250 lines."""
    assert len(path.read_text().splitlines()) < LINES_LIMIT


@each_source
def test_a_file_opens_with_its_law(path: Path) -> None:
    """Every module says what lives in it."""
    law = ast.get_docstring(ast.parse(path.read_text()))
    assert law
    assert law.endswith((".", "!", "?", ":")), law


@each_source
def test_names_say_what_a_thing_is(path: Path) -> None:
    """No utils, Manager, Helper, Handler, Base or Impl."""
    assert not _BANNED_MODULES.search(path.stem)
    assert [name for name in classes(path) if _BANNED_CLASSES.search(name)] == []


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if path.relative_to(ROOT / "agent/mailsonar").parts[0] in _PURE], ids=module_name
)
def test_a_pure_room_neither_awaits_nor_opens(path: Path) -> None:
    """What decides has no `async`, no `await`, and calls no `open`, `print` or `input`."""
    for node in ast.walk(ast.parse(path.read_text())):
        assert not isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith)
        called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None
        assert called not in {"open", "print", "input"}


@each_source
def test_foreign_errors_are_not_swallowed(path: Path) -> None:
    """Nothing catches all exceptions and goes on in silence, cancellation least of all."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else "BaseException"
            silent = all(isinstance(statement, ast.Pass | ast.Continue) for statement in node.body)
            assert not (silent and caught in {"Exception", "BaseException", "asyncio.CancelledError"}), node.lineno


@pytest.mark.parametrize("path", TEST_MODULES, ids=module_name)
def test_a_test_can_fail(path: Path) -> None:
    """Every test states its rule, every module of tests checks something, and nothing is skipped, faked or slept."""
    tree = ast.parse(path.read_text())
    nodes = list(ast.walk(tree))
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    tests = [function for function in functions if function.name.startswith("test_")]
    assert [test.name for test in tests if not ast.get_docstring(test)] == []
    assert any(isinstance(node, ast.Assert) or _dotted(node) == "pytest.raises" for node in nodes)
    assert {name for node in nodes if _BANNED_IN_TESTS.fullmatch(name := _dotted(node))} == set()


def _dotted(node: ast.AST) -> str:
    """Return the name that an attribute or import spells, "" for all else."""
    if isinstance(node, ast.ImportFrom | ast.Import):
        return " ".join(f"{getattr(node, 'module', '')}.{alias.name}" for alias in node.names)
    return ast.unparse(node) if isinstance(node, ast.Attribute) else ""
