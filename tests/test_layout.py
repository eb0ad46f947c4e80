"""The house's own rules, read off the source: rooms, sizes, and a test twin for every module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
ROOMS: Final = ("shared", "master", "worker")
MAY_IMPORT: Final = {"shared": {"shared"}, "master": {"master", "shared"}, "worker": {"worker", "shared"}}
LONGEST: Final = 400
"""Lines of a file; 100 to 250 are aimed at."""
NO_LOOP: Final = {"asyncio", "uvloop", "select", "selectors", "signal", "subprocess", "threading", "logging"}
"""What `shared` has no use for: it runs no loop, starts nothing and logs nothing."""
NO_CALL: Final = {
    "socket.socket", "socket.create_connection", "socket.create_server", "socket.socketpair", "socket.getaddrinfo",
    "time.time", "time.monotonic", "datetime.now", "datetime.datetime.now", "os.fork",
}  # fmt: skip
"""Nor does it open sockets or read clocks: both are handed to it."""

MODULES: Final = sorted(
    path.relative_to(ROOT) for room in ROOMS for path in (ROOT / room).rglob("*.py") if "__pycache__" not in path.parts
)
OURS: Final = {"penstock", *ROOMS}


def in_room(room: str) -> list[Path]:
    return [module for module in MODULES if module.parts[0] == room]


def tree(module: Path) -> ast.Module:
    return ast.parse((ROOT / module).read_text(), str(module))


def imported_rooms(module: Path) -> Iterator[tuple[int, str]]:
    """The line and the room of each import of our own; an absolute one is `penstock`, which no room may use."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.ImportFrom) and node.level:
            package = module.parts[: len(module.parts) - node.level]
            names = [node.module or alias.name for alias in node.names]
            yield from ((node.lineno, (*package, *name.split("."))[0]) for name in names)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            yield from ((node.lineno, "penstock") for name in absolute_names(node) if name.split(".")[0] in OURS)


def absolute_names(node: ast.stmt) -> list[str]:
    """The modules that an absolute import names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level:
        return [node.module or ""]
    return []


def has_behaviour(module: Path) -> bool:
    """Whether anything in it could be wrong: a module that only declares needs no test of its own."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name != "__init__":
            told = node.body[0]
            if len(node.body) > 1 or not (isinstance(told, ast.Expr) and isinstance(told.value, ast.Constant)):
                return True
    return False


def test_no_module_is_longer_than_the_longest() -> None:
    lines = {str(module): len((ROOT / module).read_text().splitlines()) for module in MODULES}
    assert {module: count for module, count in lines.items() if count > LONGEST} == {}


def test_every_module_with_behaviour_has_a_test_twin() -> None:
    twins = {module: ROOT / "tests" / module.parent / f"test_{module.stem}.py" for module in MODULES}
    assert [str(m) for m, twin in twins.items() if not twin.exists() and has_behaviour(m)] == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    allowed = MAY_IMPORT[room] | ({"worker"} if room == "master" else set())
    assert [f"{m}:{line}" for m in in_room(room) for line, name in imported_rooms(m) if name not in allowed] == []


def test_the_master_enters_the_worker_by_one_import() -> None:
    entries = [f"{m}:{line}" for m in in_room("master") for line, room in imported_rooms(m) if room == "worker"]
    assert len(entries) == 1, entries


def test_shared_opens_nothing_and_runs_nothing() -> None:
    wrong = []
    for module in in_room("shared"):
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.stmt):
                wrong += [f"{module}: {name}" for name in absolute_names(node) if name.split(".")[0] in NO_LOOP]
            elif isinstance(node, ast.Call) and ast.unparse(node.func) in NO_CALL:
                wrong.append(f"{module}:{node.lineno}: {ast.unparse(node.func)}")
    assert wrong == []


def test_a_worker_parses_no_configuration_and_does_not_fork() -> None:
    sources = {module: (ROOT / module).read_text() for module in in_room("worker")}
    assert [str(m) for m, source in sources.items() if "shared.conf" in source or "os.fork" in source] == []


def test_an_init_file_holds_a_docstring_and_nothing_else() -> None:
    inits = [*(ROOT / m for m in MODULES if m.name == "__init__.py"), ROOT / "src" / "penstock" / "__init__.py"]
    for path in inits:
        body = ast.parse(path.read_text()).body
        assert all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body), path
