"""Every plugin has cells of its own, as far as it is known when rows are made."""

from __future__ import annotations

from builds import build

from penstock.shared.plugin_counters import CALLS, OTHER, SHIPPED, PluginCell, PluginCells

CONFIGURATION = build(
    "events {} stream { plugin mine {} service s { url tcp://10.0.0.1:1; plugin theirs {} }"
    " route r { protocols tcp; destinations :1; plugin mine {} plugin file-log {} } }"
)
CELLS = PluginCells(CONFIGURATION, 100)


def test_the_configurations_plugins_and_the_shipped_ones_are_known() -> None:
    assert CELLS.named == ("file-log", "mine", "theirs")
    assert set(CELLS.names) == {"mine", "theirs", *SHIPPED, OTHER}


def test_no_two_cells_are_the_same() -> None:
    cells = [cell for cell, _ in CELLS.cells()]
    assert sorted(cells) == list(range(100, 100 + CELLS.size))


def test_a_cell_tells_what_it_counts() -> None:
    meaning = dict(CELLS.cells())
    assert meaning[CELLS.phase("mine", "log") + CALLS] == PluginCell("mine", "log", CALLS)
    assert meaning[CELLS.records("theirs")] == PluginCell("theirs", "", 0)


def test_plugins_that_come_later_are_counted_together() -> None:
    assert CELLS.phase("unheard-of", "preread") == CELLS.phase(OTHER, "preread")
