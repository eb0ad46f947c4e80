"""Directives out of the environment."""

from __future__ import annotations

from builds import build, main_mistake

from penstock.shared.model.stream import Configuration


def built(text: str, **variables: str) -> Configuration:
    return build(text, environment=variables)


def test_a_variable_replaces_the_file_s_directive() -> None:
    assert built("worker_processes 3;", PENSTOCK_WORKER_PROCESSES="2").main.worker_processes == 2


def test_a_variable_wins_over_the_command_line() -> None:
    configuration = build("", globals_text="pid /a;", environment={"PENSTOCK_PID": "/b"})
    assert configuration.main.pid == "/b"


def test_several_values_are_separated_by_commas() -> None:
    text = "stream { stream_listen 1; server { listen 2; return x; } }"
    stream = built(text, PENSTOCK_STREAM_LISTEN="127.0.0.1:5555, [::1]:5556 ssl").stream
    assert [listen.label for listen in stream.gateway.listens] == ["127.0.0.1:5555", "[::1]:5556"]
    assert len(stream.servers) == 1


def test_a_stream_is_made_where_there_is_none() -> None:
    assert len(built("", PENSTOCK_STREAM_LISTEN="127.0.0.1:5555").stream.gateway.listens) == 1


def test_the_commas_of_syslog_are_its_own() -> None:
    error = main_mistake("", environment={"PENSTOCK_ERROR_LOG": "syslog:server=127.0.0.1,tag=a-b info"})
    assert error.text == 'syslog "tag" only allows alphanumeric characters and underscore'


def test_other_variables_are_left_alone() -> None:
    given = {
        "PENSTOCK_NO_SUCH": "x",
        "PENSTOCK_SERVER": "x",
        "PENSTOCK_INCLUDE": "/x",
        "penstock_pid": "/x",
        "PID": "/x",
    }
    assert built("", **given).main == built("").main


def test_a_mistake_names_the_variable() -> None:
    error = main_mistake("", environment={"PENSTOCK_WORKER_PROCESSES": "many"})
    assert error.text == '"worker_processes" directive invalid value'
    assert error.where is not None
    assert error.where.file == "PENSTOCK_WORKER_PROCESSES"


def test_a_variable_holds_no_second_directive() -> None:
    assert main_mistake("", environment={"PENSTOCK_PID": "/a; daemon off"}).text == 'unexpected ";"'
