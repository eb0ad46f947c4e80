"""Every plugin that comes with Penstock has a page, which names all its fields, and the guide's examples work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from penstock.plugin_testing import StandIn, configured
from penstock.shared.plugin_counters import SHIPPED
from penstock.worker.kit.library import Library

DOCS = Path(__file__).parents[3] / "docs"
GUIDE = (DOCS / "plugins.md").read_text()
LIBRARY = Library(())


@pytest.mark.parametrize("name", [name for name in LIBRARY.names() if name in SHIPPED])
def test_a_page_names_every_field(name: str) -> None:
    page = (DOCS / "plugins" / f"{name}.md").read_text()
    description = LIBRARY.description(name)
    assert [field for field in description["fields"] if f"`{field}`" not in page] == []
    assert f"plugin {name} {{" in page
    assert f"riority {description['priority']}" in page
    assert f"(plugins/{name}.md)" in GUIDE


def test_every_module_is_known_by_name_to_the_metrics() -> None:
    folder = Path(__file__).parents[3] / "worker" / "plugins"
    modules = {path.stem.replace("_", "-") for path in folder.glob("*.py") if not path.stem.startswith("_")}
    assert modules <= set(SHIPPED)


def examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)


def run(text: str, names: dict[str, Any]) -> None:
    exec(compile(text, "example", "exec", dont_inherit=True), names)


def test_the_first_example_is_fifteen_lines_and_works() -> None:
    first, log, test = examples()
    assert len([line for line in first.splitlines() if line.strip()]) <= 15
    names: dict[str, Any] = {"__name__": "example"}
    run(first, names)
    session = StandIn(sni="b.example")
    configured(names["Doorman"], names=["a.example"], status=503).preread(session)
    assert session.ended == {"word": "plugin", "status": 503, "last": b""}
    run(test, names)
    names["test_any_other_is_refused"]()
    run(log, names)
    assert configured(names["MyLog"]).config.queue.max_batch_size == 100
