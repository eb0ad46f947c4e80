"""`error_log`."""

from __future__ import annotations

from builds import PREFIX, build, server_mistake, settings, warnings

from penstock.shared.conf.builders.errorlog import log_level
from penstock.shared.conf.tree import Word
from penstock.shared.model.address import ipv4
from penstock.shared.model.log import Level, Syslog
from penstock.shared.model.where import NOWHERE


def test_several_targets_each_with_its_level() -> None:
    found = build("error_log a.log; error_log stderr info; error_log /b.log debug;").main.error_logs
    assert [(target.path, target.level) for target in found] == [
        (f"{PREFIX}/a.log", Level.ERROR),
        ("stderr", Level.INFO),
        ("/b.log", Level.DEBUG),
    ]


def test_a_server_s_own_log_replaces_that_of_the_stream() -> None:
    assert [target.path for target in settings("error_log /b;", before="error_log /a;").error_logs] == ["/b"]
    assert [target.path for target in settings("", before="error_log /a;").error_logs] == ["/a"]


def test_the_main_log_is_not_copied_into_servers() -> None:
    assert build("error_log /a; stream { server { listen 1; return x; } }").stream.servers[0].settings.error_logs == ()


def test_syslog_with_a_level_beside_a_file() -> None:
    first, second = settings("error_log syslog:server=127.0.0.1,tag=x info; error_log /a;").error_logs
    assert first.syslog == Syslog("127.0.0.1", tag="x", address=ipv4("127.0.0.1", 514))
    assert (first.level, second.level, second.syslog) == (Level.INFO, Level.ERROR, None)


def test_a_mistake_about_syslog() -> None:
    assert server_mistake("error_log syslog:tag=x;").text == "no syslog server specified"


def test_a_memory_buffer_is_ignored_with_a_warning() -> None:
    assert warnings("error_log memory:1m; server { listen 1; return x; }") == ['"error_log memory:" is ignored']


def test_an_unknown_level() -> None:
    error = server_mistake("error_log /a wran;")
    assert (error.text, error.hint) == ('invalid log level "wran"', 'did you mean "warn"?')


def test_two_levels() -> None:
    assert server_mistake("error_log /a info debug;").text == 'duplicate log level "debug"'


def test_nginx_s_debug_topics_mean_debug() -> None:
    assert log_level((Word("debug_core", NOWHERE), Word("debug_stream", NOWHERE))) is Level.DEBUG
