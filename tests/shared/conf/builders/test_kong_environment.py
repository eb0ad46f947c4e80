"""The variables of Kong's stream tutorial."""

from __future__ import annotations

import pytest
from builds import build

from penstock.shared.model.listen import Mode
from penstock.shared.model.stream import Configuration


def built(text: str = "", **variables: str) -> Configuration:
    return build(text, environment=variables)


def test_the_tutorial_s_own() -> None:
    found = built(
        KONG_STREAM_LISTEN="0.0.0.0:5555",
        KONG_ADMIN_LISTEN="127.0.0.1:8001",
        KONG_PROXY_ACCESS_LOG="/dev/stdout",
        KONG_PROXY_ERROR_LOG="/dev/stderr",
        KONG_ADMIN_ACCESS_LOG="/dev/stdout",
        KONG_ADMIN_ERROR_LOG="/dev/stderr",
        KONG_PG_HOST="kong-database",
    )
    assert [listen.label for listen in found.stream.gateway.listens] == ["0.0.0.0:5555"]
    assert [str(listen.address) for listen in found.main.admin.listens] == ["127.0.0.1:8001"]
    assert [log.path.source for log in found.stream.gateway.settings.access_logs] == ["/dev/stdout"]
    assert [log.path for log in found.main.error_logs] == ["/dev/stderr"]
    assert (found.main.admin.access_log, found.main.admin.error_log) == ("/dev/stdout", "/dev/stderr")
    assert found.main.admin.database.kind == "postgres"
    assert found.main.admin.database.target == "host='kong-database' user='kong' dbname='kong'"


def test_flags_of_listeners() -> None:
    found = built(
        KONG_STREAM_LISTEN="127.0.0.1:1 reuseport backlog=99, 127.0.0.1:2 ssl, 127.0.0.1:3 proxy_protocol",
        KONG_ADMIN_LISTEN="127.0.0.1:8001 reuseport backlog=16384, 127.0.0.1:8444 http2 ssl reuseport",
    )
    listens = found.stream.gateway.listens
    assert [(each.mode, each.backlog, each.proxy_protocol) for each in listens] == [
        (Mode.SNIFF, 99, False),
        (Mode.TLS, 511, False),
        (Mode.SNIFF, 511, True),
    ]
    assert [listen.ssl for listen in found.main.admin.listens] == [False, True]


def test_off_means_none() -> None:
    found = built(KONG_STREAM_LISTEN="off", KONG_ADMIN_LISTEN="off", KONG_PROXY_ACCESS_LOG="off")
    assert found.stream.gateway.listens == ()
    assert found.main.admin.listens == ()
    assert found.stream.gateway.settings.access_logs == ()


def test_the_password_is_quoted_for_libpq() -> None:
    target = built(KONG_PG_PASSWORD="it's \\ secret", KONG_PG_USER="me").main.admin.database.target
    assert target == "host='127.0.0.1' user='me' dbname='kong' password='it\\'s \\\\ secret'"


def test_our_own_variables_win() -> None:
    found = built(KONG_STREAM_LISTEN="127.0.0.1:1", PENSTOCK_STREAM_LISTEN="127.0.0.1:2")
    assert [listen.label for listen in found.stream.gateway.listens] == ["127.0.0.1:2"]


@pytest.mark.parametrize("variable", ["KONG_DATABASE", "KONG_PROXY_LISTEN", "KONG_NGINX_DAEMON"])
def test_other_variables_are_left_alone(variable: str) -> None:
    assert built(**{variable: "x"}).main == built().main


def test_the_port_and_the_name_of_the_database() -> None:
    target = built(KONG_PG_PORT="6000", KONG_PG_DATABASE="mine").main.admin.database.target
    assert target == "host='127.0.0.1' user='kong' dbname='mine' port='6000'"
