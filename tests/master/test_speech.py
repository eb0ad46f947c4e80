"""Mistakes as sentences."""

from __future__ import annotations

from penstock.master.speech import explanation, sentence
from penstock.shared.errors import ConfigError, StartError
from penstock.shared.model.stream import Notice
from penstock.shared.model.where import Where

PLACE = Where("/c", 3, 5)


def test_a_log_gets_one_line_with_the_place() -> None:
    assert sentence(StartError("no", PLACE)) == "no in /c:3"
    assert sentence(StartError("no")) == "no"
    assert sentence(ConfigError("no", PLACE, hint="try yes", line="no;")) == "no in /c:3"
    assert sentence(Notice("warn", "odd", PLACE)) == "odd in /c:3"
    assert sentence(OSError(11, "Try again")) == "Try again (11)"


def test_a_terminal_gets_the_line_and_a_caret() -> None:
    told = explanation(ConfigError("no", PLACE, hint="try yes", line="say no;"))
    assert told.splitlines() == ["/c:3:5: no", "    say no;", "        ^", "try yes"]
