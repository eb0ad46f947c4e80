"""The whole way from files to a Configuration."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from builds import DIRECTORY, FILE, PREFIX, build, main_mistake, mistake, pair_files, stream, warnings

from penstock.shared.conf.load import load
from penstock.shared.conf.table.table import TABLE
from penstock.shared.model.stream import Configuration
from penstock.shared.model.where import Where


def built_empty() -> Configuration:
    return build("")


def test_an_empty_file_is_a_configuration_with_defaults() -> None:
    configuration = built_empty()
    assert configuration.file == FILE
    assert configuration.prefix == PREFIX
    assert configuration.stream.servers == ()
    assert [source.path for source in configuration.files] == [FILE]


def test_includes_are_found_beside_the_main_file_and_kept_as_sources() -> None:
    one = "server { listen 7001; return 1; }"
    two = "server { listen 7002; return 2; }"
    configuration = build("events {} stream { include sites/*.conf; }", {"sites/1.conf": one, "sites/2.conf": two})
    assert [server.listens[0].address.port for server in configuration.stream.servers] == [7001, 7002]
    assert [source.path for source in configuration.files][1:] == [f"{DIRECTORY}/sites/{n}.conf" for n in (1, 2)]


def test_a_missing_main_file_is_one_clear_sentence() -> None:
    def refuse(path: str) -> str:
        raise FileNotFoundError(2, "No such file or directory", path)

    error = main_mistake("", read_text=refuse)
    assert error.text == f'open() "{FILE}" failed (2: No such file or directory)'


def test_an_error_carries_its_place_and_its_line() -> None:
    error = main_mistake("events {}\nstream {\n    server {\n        listen 0;\n    }\n}\n")
    assert error.where == Where(FILE, 4, 16)
    assert error.line == "        listen 0;"


def test_an_error_in_an_included_file_names_that_file() -> None:
    error = mistake("include a.conf;", {"a.conf": "\nserver { listen 9; proxy_pass nowhere; }"})
    assert error.where == Where(f"{DIRECTORY}/a.conf", 2, 31)
    assert error.line == "server { listen 9; proxy_pass nowhere; }"


def test_directives_of_the_command_line_count_as_written_in_the_main_context() -> None:
    assert build("", globals_text="daemon off; pid /run/x.pid;").main.pid == "/run/x.pid"


def test_what_the_command_line_gives_may_not_stand_in_the_file_too() -> None:
    error = main_mistake("pid a.pid;", globals_text="pid b.pid;")
    assert error.text == '"pid" directive is duplicate'
    assert error.where == Where(FILE, 1, 1)


def test_notices_of_check_and_of_building_are_kept_in_order() -> None:
    text = "upstream u { server gone.test:1; }"
    configuration = build(f"load_module modules/ngx_stream_module.so; stream {{ {text} }}")
    assert [notice.level for notice in configuration.notices] == ["notice", "warn"]


def test_something_inherited_by_many_is_warned_about_once() -> None:
    servers = "".join(f"server {{ listen {port}; return x; }}" for port in (1, 2, 3))
    assert warnings(f"allow 10.0.0.1/8; {servers}") == ["low address bits of 10.0.0.1/8 are meaningless"]


@pytest.mark.parametrize("curve", ["nosuch", "prime256v1:nosuch"])
def test_what_only_openssl_can_judge_is_refused_before_there_are_workers(curve: str) -> None:
    text = "server { listen 1 ssl; return x; ssl_certificate a.crt; ssl_certificate_key a.key; ssl_ecdh_curve %s; }"
    assert curve in mistake(text % curve, pair_files()).text


def test_every_directive_that_works_is_read_by_a_builder() -> None:
    builders = Path(load.__code__.co_filename).parent / "builders"
    text = "".join(file.read_text() for file in builders.glob("*.py"))
    words = set(re.findall(r'"([a-z0-9_]+)"', text))
    works = {spec.name for spec in TABLE if spec.status == "works" and not spec.meaningless}
    assert works <= words


def test_the_configuration_that_is_shipped_is_right() -> None:
    shipped = Path(__file__).parents[3] / "conf" / "penstock.conf"
    configuration = build(shipped.read_text())
    assert configuration.notices == ()
    assert configuration.main.metrics_listen
    assert configuration.stream.gateway.listens


def test_what_is_commented_out_in_it_is_right_too() -> None:
    shipped = Path(__file__).parents[3] / "conf" / "penstock.conf"
    lines = [re.sub(r"^(\s*)#(?! )", r"\1", line) for line in shipped.read_text().splitlines()]
    tls = {**pair_files("gateway"), "upstreams-ca.pem": pair_files("gateway")["gateway.crt"]}
    configuration = build("\n".join(lines), tls, resolve=lambda _: ["10.0.0.9"])
    assert [notice.text for notice in configuration.notices] == []
    assert (len(configuration.stream.gateway.routes), len(configuration.stream.servers)) == (4, 2)


def left_by(make: Callable[[], object]) -> int:
    """How much of what is made and dropped is garbage, and of what other threads of a test runner leave meanwhile."""
    make()
    return gc.collect()


def test_a_configuration_is_gone_with_its_last_reference_and_not_when_garbage_is_looked_for() -> None:
    text = """
    map $remote_addr $late { default $y; ~^(?<b>b)$ $b; }
    geo $y { 10.0.0.0/8 a; }
    split_clients $late $z { 50% a; * b; }
    upstream u { server 127.0.0.1:1; }
    server { listen 1; proxy_pass u; set $s $z; }
    stream_listen 2 ssl;
    certificate { ssl_certificate a.crt; ssl_certificate_key a.key; }
    service s { url tls://h:1; }
    route r { protocols tls; snis a; service s; }
    route q { protocols tls tcp; snis b c; sources 10.0.0.0/8; service s; deny all; }
    """
    stream(text, pair_files())
    gc.collect()
    gc.disable()
    try:
        assert 0 in [left_by(lambda: stream(text, pair_files())) for _ in range(5)]
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("variable", "read"),
    [
        ("$ssl_server_name", True),
        ("${sni}", True),
        ("$ssl_preread_protocol", True),
        ("$ja4", True),
        ("$ssl_cipher", False),
    ],
)
def test_hellos_are_read_where_a_variable_asks_for_what_they_say(variable: str, read: bool) -> None:
    assert stream(f"server {{ listen 1; return '{variable}'; }}").reads_hellos is read


@pytest.mark.parametrize("text", ["admin_listen 127.0.0.1:8001;", ""])
def test_hellos_are_read_where_the_admin_api_shows_sessions(text: str) -> None:
    assert build(text).stream.reads_hellos is bool(text)
