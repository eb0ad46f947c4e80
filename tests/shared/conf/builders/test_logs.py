"""`log_format` and `access_log`."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builds import PREFIX, server_mistake, settings

from penstock.shared.logformat import LogFormat
from penstock.shared.model.address import unix
from penstock.shared.model.log import AccessLog, OpenLogFiles, Syslog
from penstock.shared.model.where import NOWHERE

FORMAT = "log_format f '$remote_addr';"


def logs(text: str, before: str = "") -> tuple[AccessLog, ...]:
    return settings(text, FORMAT + before).access_logs


def log_mistake(text: str, before: str = FORMAT) -> str:
    return server_mistake(text, before).text


def test_a_log_with_a_format() -> None:
    (log,) = logs("access_log logs/a.log f;")
    assert (log.path.constant, log.line.source) == (f"{PREFIX}/logs/a.log", "$remote_addr")
    assert (log.buffer, log.flush, log.gzip, log.condition, log.syslog) == (0, None, 0, None, None)


def test_all_parameters() -> None:
    (log,) = logs("access_log /a f buffer=4k flush=1m if=$ssl_preread_server_name;")
    assert log.condition is not None
    assert (log.buffer, log.flush, log.condition.source) == (4096, 60.0, "$ssl_preread_server_name")


@pytest.mark.parametrize(("written", "level", "buffer"), [("gzip", 1, 65536), ("gzip=9 buffer=4k", 9, 4096)])
def test_a_compressed_log_has_a_buffer(written: str, level: int, buffer: int) -> None:
    (log,) = logs(f"access_log /a f {written};")
    assert (log.gzip, log.buffer) == (level, buffer)


def test_a_log_may_go_to_syslog() -> None:
    (log,) = logs("access_log syslog:server=unix:/dev/log,nohostname f if=$pid;")
    assert log.syslog == Syslog("unix:/dev/log", nohostname=True, address=unix("/dev/log"))
    assert (log.path.constant, log.condition is None) == ("", False)


def test_files_of_paths_with_variables_may_be_cached() -> None:
    before = "open_log_file_cache max=10 inactive=1m valid=2m min_uses=3;"
    plain, variable = logs("access_log /a f; access_log /$pid f;", before)
    assert plain.open_files is None
    assert variable.open_files is not None
    assert replace(variable.open_files, where=NOWHERE) == OpenLogFiles(10, 60.0, 120.0, 3)


def test_a_cache_is_inherited_unless_it_is_off() -> None:
    before = "open_log_file_cache max=10;"
    (inherited,) = logs("access_log /$pid f;", before)
    (own,) = logs("open_log_file_cache max=11; access_log /$pid f;", before)
    (none,) = logs("open_log_file_cache off; access_log /$pid f;", before)
    assert [log.open_files and log.open_files.most for log in (inherited, own, none)] == [10, 11, None]


def test_several_logs() -> None:
    assert [log.path.source for log in logs("access_log /a f; access_log /b f;")] == ["/a", "/b"]


def test_a_path_may_have_variables() -> None:
    assert [log.path.source for log in logs("access_log /a/$server_port f; access_log $hostname f;")] == [
        "/a/$server_port",
        "$hostname",
    ]


def test_a_server_s_logs_replace_those_of_the_stream() -> None:
    before = "access_log /a f; access_log /b f;"
    assert len(logs("", before)) == 2
    assert [log.path.source for log in logs("access_log /c f;", before)] == ["/c"]
    assert logs("access_log off;", before) == ()


def test_off_wins_over_others_beside_it() -> None:
    assert logs("access_log off; access_log /a f;") == ()


def test_a_file_has_one_buffer_wherever_it_is_named() -> None:
    first, second = logs("access_log /a f buffer=4k flush=1s; access_log /a f;")
    assert (first.buffer, first.flush) == (second.buffer, second.flush) == (4096, 1.0)


def format_of(text: str) -> LogFormat:
    """The format `g`."""
    (log,) = settings("access_log /a g;", f"log_format g {text};").access_logs
    assert isinstance(log.line, LogFormat)
    return log.line


def test_the_words_of_a_format_are_joined() -> None:
    assert format_of("'a ' 'b'").constant == "a b"


def test_a_variable_ends_with_its_word() -> None:
    assert [callable(piece) for piece in format_of("$remote_addr x").pieces] == [True, False]


@pytest.mark.parametrize("escape", ["default", "json", "none"])
def test_escapes(escape: str) -> None:
    assert format_of(f"escape={escape} '$remote_addr'").escape == escape
    assert format_of("'$remote_addr'").escape == "default"


def test_a_quoted_escape_is_still_one_and_a_later_one_is_text() -> None:
    assert format_of("'a' 'escape=json'").constant == "aescape=json"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("access_log /a;", "log format is not specified"),
        ("access_log /a g;", 'unknown log format "g"'),
        ("access_log off f;", 'invalid parameter "f"'),
        ("access_log /a f foo=1;", 'invalid parameter "foo=1"'),
        ("access_log /a f buffer=x;", 'invalid buffer size "x"'),
        ("access_log /a f buffer=4k flush=x;", 'invalid flush time "x"'),
        ("access_log /a f flush=1s;", 'no buffer is defined for access_log "/a"'),
        ("access_log /a f gzip=10;", 'invalid compression level "10"'),
        ("access_log /$hostname f buffer=4k;", "buffered logs cannot have variables in name"),
        ("access_log syslog:server=127.0.0.1 f buffer=4k;", "logs to syslog cannot be buffered"),
        (
            "access_log /a f buffer=4k; access_log /a f buffer=8k;",
            'access_log "/a" already defined with conflicting parameters',
        ),
        ("access_log /a f if=$foo;", 'unknown "foo" variable'),
    ],
)
def test_mistakes_of_logs(text: str, complaint: str) -> None:
    assert log_mistake(text) == complaint


@pytest.mark.parametrize(
    ("before", "complaint"),
    [
        (FORMAT + FORMAT, 'duplicate "log_format" name "f"'),
        ("log_format f '$foo';", 'unknown "foo" variable'),
        ("log_format f escape=foo x;", 'unknown log format escaping "foo"'),
    ],
)
def test_mistakes_of_formats(before: str, complaint: str) -> None:
    assert log_mistake("", before) == complaint


def test_a_near_format_is_offered() -> None:
    assert server_mistake("access_log /a bsic;", "log_format basic x;").hint == 'did you mean "basic"?'
