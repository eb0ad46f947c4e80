"""A folder of plugins for a worker in the test's own process, and what they did."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

DONE: Final[list[Any]] = []
"""What plugins of such a folder appended with `done(…)`."""
HEAD: Final = """
import asyncio
from dataclasses import dataclass
from penstock.plugin import *
from plugin_folder import DONE
done = DONE.append
"""


def plugins(folder: Path, **modules: str) -> str:
    """Write plugins, each a class body's hooks, and give the `plugin_path` that leads to them."""
    DONE.clear()
    place = folder / "plugins"
    place.mkdir(exist_ok=True)
    for name, body in modules.items():
        lines = "\n".join(f"    {line}" for line in body.strip("\n").splitlines())
        (place / f"{name}.py").write_text(f"{HEAD}\nclass {name.title().replace('_', '')}(Plugin):\n{lines}\n")
    return f"plugin_path {place};"


def found(test: Callable[[Any], bool]) -> Any:
    """The first thing done that a test likes."""
    return builtins.next(each for each in DONE if test(each))
