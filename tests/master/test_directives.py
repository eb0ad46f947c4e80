from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from penstock.master.directives import listing, reference, state
from penstock.shared.conf.table.table import TABLE

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_the_committed_page_is_the_one_the_table_gives() -> None:
    assert PAGE.read_text() == reference(), "run: python -m penstock.master.directives > docs/configuration.md"


def test_the_module_writes_the_page() -> None:
    command = (sys.executable, "-m", "penstock.master.directives")
    assert subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout == reference()


def test_every_directive_has_its_section() -> None:
    page = reference()
    for spec in TABLE:
        assert f"\n### {spec.name}\n" in page
        assert spec.doc in page


def test_a_listing_has_a_line_for_every_form() -> None:
    rows = listing().splitlines()
    assert len(rows) == len(TABLE)
    assert rows == sorted(rows)
    assert [row.split()[1] for row in rows if row.startswith("server ")] == ["stream", "upstream"]


def test_one_directive_is_shown_with_all_there_is_to_say() -> None:
    assert listing(["proxy_timeout"]) == (
        "proxy_timeout\n"
        "  Syntax:  proxy_timeout time;\n"
        "  Default: 10m\n"
        "  Context: route, server, service, stream\n"
        "  Since:   nginx 1.9.0\n"
        "  How long a session may be silent in both directions.\n"
    )


def test_every_form_of_a_name_is_shown() -> None:
    assert listing(["service"]).count("  Syntax:") == 2


def test_what_does_not_work_yet_is_said() -> None:
    (spec,) = (spec for spec in TABLE if spec.name == "health_check")
    assert state(replace(spec, status="planned")) == "Not in this version."
    assert "Without effect." in listing(["accept_mutex"])


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(LookupError, match="nope"):
        listing(["nope"])
