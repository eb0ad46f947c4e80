from __future__ import annotations

import pytest

from penstock.shared.conf.report import WIDEST, attach, one_line, report
from penstock.shared.errors import ConfigError
from penstock.shared.model.stream import Notice, SourceFile
from penstock.shared.model.where import Where


def pointed(line: str, column: int) -> str:
    """What stands in the report above the caret and after."""
    shown, caret = report(ConfigError("x", Where("f", 1, column), line=line)).split("\n")[1:]
    assert caret.endswith("^")
    return shown[len(caret) - 1 :]


def test_a_report_shows_the_place_the_line_and_what_helps() -> None:
    error = ConfigError('unknown directive "prox"', Where("/etc/p.conf", 3, 5), 'did you mean "proxy"?', "    prox a;")
    assert report(error).split("\n") == [
        '/etc/p.conf:3:5: unknown directive "prox"',
        "        prox a;",
        "        ^",
        'did you mean "proxy"?',
    ]


def test_a_report_without_place_is_the_text() -> None:
    assert report(ConfigError('no "events" section')) == 'no "events" section'


def test_the_caret_follows_tabs_and_wide_characters() -> None:
    assert pointed("\ta\tb;", 4) == "b;"
    shown, caret = report(ConfigError("x", Where("f", 1, 4), line="日本 x;")).split("\n")[1:]
    assert caret.index("^") - 4 == 5
    assert shown.strip() == "日本 x;"


def test_a_caret_may_stand_behind_the_line() -> None:
    assert pointed("abc", 4) == ""


def test_a_long_line_is_cut_around_its_place() -> None:
    line = "a" * 500 + "HERE" + "b" * 500
    assert pointed(line, 501).startswith("HERE")
    assert all(len(row) <= WIDEST + 4 for row in report(ConfigError("x", Where("f", 1, 501), line=line)).split("\n"))


def test_a_line_cannot_move_the_terminals_cursor() -> None:
    assert "\x1b" not in report(ConfigError("x", Where("f", 1, 1), line="\x1b[2J;"))
    assert one_line(ConfigError("a\nb", Where("/f", 1, 1))) == "a\N{REPLACEMENT CHARACTER}b in /f:1"


def test_one_line_is_nginx_form() -> None:
    assert one_line(ConfigError("text", Where("/etc/p.conf", 3, 5))) == "text in /etc/p.conf:3"
    assert one_line(Notice("warn", "text", Where("/etc/p.conf", 3, 5))) == "text in /etc/p.conf:3"
    assert one_line(ConfigError("text", Where("command line", 1, 5))) == "text in command line"
    assert one_line(ConfigError("text")) == "text"


def test_an_error_gets_its_line_from_the_files() -> None:
    files = [SourceFile("/a", "one\r\ntwo\r\n"), SourceFile("/b", "three\n")]
    error = ConfigError("x", Where("/a", 2, 1))
    attach(error, files)
    assert error.line == "two"


def test_an_error_elsewhere_keeps_no_line() -> None:
    for where in (None, Where("/c", 1, 1), Where("/a", 9, 1)):
        error = ConfigError("x", where)
        attach(error, [SourceFile("/a", "one\n")])
        assert error.line == ""


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('database postgres "host=db password=hush user=me', 'database postgres "host=db password=**** user=me'),
        ("x password = 'it\\'s hush' y", "x password = ************ y"),
        ("redis://me:hush@db:6379/0", "redis://me:****@db:6379/0"),
        ("url tcp://127.0.0.1:30000;", "url tcp://127.0.0.1:30000;"),
        ("ssl_password_file pw;", "ssl_password_file pw;"),
    ],
)
def test_a_password_is_not_shown(line: str, shown: str) -> None:
    assert report(ConfigError("x", Where("/a", 1, 1), "", line)).splitlines()[1].strip() == shown
