from __future__ import annotations

from dataclasses import replace

import pytest
from directives import checked

from penstock.shared.conf import check as check_module
from penstock.shared.conf.check import check
from penstock.shared.conf.table.spec import Spec
from penstock.shared.conf.table.table import find
from penstock.shared.conf.tree import Directive, Tree
from penstock.shared.errors import ConfigError
from penstock.shared.model.where import Where


def refused(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        checked(text)
    return caught.value


def test_a_whole_configuration_is_right() -> None:
    text = """
    user nobody; worker_processes auto; error_log stderr info; metrics_listen 127.0.0.1:9145;
    events { worker_connections 1024; }
    stream {
        map $ssl_preread_server_name $name { hostnames; default a; *.example.com b; }
        log_format main '$remote_addr [$time_local] ' '$status';
        upstream a { server 127.0.0.1:1 weight=2; server unix:/x backup; }
        server { listen 80-82; listen [::]:443 ssl; ssl_preread on; proxy_pass $name; access_log /l main buffer=4k; }
        stream_listen 0.0.0.0:5555; sniff_limit pending=10;
        certificate { snis x; ssl_certificate c; ssl_certificate_key k; ssl_certificate c2; ssl_certificate_key k2; }
        service s { url tls://h:1; tls_verify on; ca_certificates a b; connect_timeout 2000; proxy_timeout 1h; }
        route r { protocols tls tcp; snis a *.b; sources 10.0.0.0/8; service s; deny 10.6.6.0/24; ssl_alpn a; }
    }
    """
    assert checked(text) == ()


def test_an_unknown_directive_comes_with_its_line_and_the_nearest_name() -> None:
    error = refused("events {}\nstream {\n  sever { }\n}")
    assert error.text == 'unknown directive "sever"'
    assert error.where == Where("/test.conf", 3, 3)
    assert error.line == "  sever { }"
    assert error.hint == 'did you mean "server"?'


def test_the_nearest_name_is_looked_for_in_the_same_block_first() -> None:
    assert refused("stream { service s { prt 1; } }").hint == 'did you mean "port"?'
    assert refused("stream { server { prxy_pas 1; } }").hint == 'did you mean "proxy_pass"?'
    assert refused("stream { qqq; }").hint == ""


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("listen 80;", 'it belongs in "server"'),
        ("stream { worker_processes 1; }", "it belongs in the main context"),
        ("events { proxy_ssl on; }", 'it belongs in "server" or "stream"'),
        ("stream { upstream u { snis x; } }", 'it belongs in "certificate" or "route"'),
    ],
)
def test_a_directive_in_the_wrong_place_says_where_it_belongs(text: str, hint: str) -> None:
    error = refused(text)
    assert error.text.endswith("directive is not allowed here")
    assert error.hint == hint


def test_a_wrong_count_of_arguments_shows_the_syntax() -> None:
    error = refused("stream { server { proxy_timeout; } }")
    assert error.text == 'invalid number of arguments in "proxy_timeout" directive'
    assert error.hint == "expected: proxy_timeout time;"


def test_a_wrong_type_points_at_the_argument() -> None:
    error = refused("stream {\n  error_log /x loud;\n}")
    assert error.text == 'invalid log level "loud"'
    assert error.where == Where("/test.conf", 2, 16)


def test_a_duplicate_says_where_the_first_one_is() -> None:
    error = refused("stream { preread_timeout 1s;\n preread_timeout 2s; }")
    assert error.text == '"preread_timeout" directive is duplicate'
    assert error.where == Where("/test.conf", 2, 2)
    assert error.hint == "it was given first at /test.conf:1"


def test_the_same_directive_may_stand_in_each_of_several_blocks() -> None:
    checked("stream { proxy_timeout 1s; server { proxy_timeout 2s; } server { proxy_timeout 3s; } }")


@pytest.mark.parametrize("name", ["http", "mail"])
def test_a_foreign_block_is_refused_in_one_sentence_whatever_is_inside(name: str) -> None:
    error = refused(f"{name} {{ server {{ location / {{ root /; }} }} }}")
    assert error.text.startswith(f'"{name}" is not supported: Penstock relays TCP and TLS streams')


def test_a_foreign_block_elsewhere_is_merely_unknown() -> None:
    assert refused("stream { http { } }").text == 'unknown directive "http"'


def test_a_planned_directive_is_refused_and_never_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    def still_planned(name: str, context: str) -> Spec | None:
        spec = find(name, context)
        return replace(spec, status="planned") if spec is not None and name == "state" else spec

    monkeypatch.setattr(check_module, "find", still_planned)
    complaint = refused("stream { upstream u { state x; } }").text
    assert complaint == '"state" is not supported by this version of Penstock'


@pytest.mark.parametrize("name", ["ngx_stream_module.so", "ngx_stream_ssl_preread_module.so"])
def test_a_stream_module_of_nginx_is_accepted_with_a_notice(name: str) -> None:
    (notice,) = checked(f"load_module modules/{name};")
    assert (notice.level, notice.where) == ("notice", Where("/test.conf", 1, 1))
    assert notice.text == f'module "{name}" is built in, "load_module" is ignored'


def test_a_module_after_a_block_is_too_late() -> None:
    error = refused("events { } load_module modules/ngx_stream_module.so;")
    assert error.text == '"load_module" directive is specified too late'


@pytest.mark.parametrize("name", ["ngx_http_js_module.so", "ngx_stream_js_module.so", "x_ngx_stream_module.so", "x"])
def test_another_module_is_refused(name: str) -> None:
    assert refused(f"load_module /m/{name};").text == f'module "/m/{name}" is not supported by this version of Penstock'


def test_what_has_no_meaning_is_accepted_but_its_arguments_are_checked() -> None:
    assert checked("pcre_jit on; events { use epoll; accept_mutex off; }") == ()
    assert refused("pcre_jit maybe;").text.startswith('invalid value "maybe"')


def test_what_a_user_could_miss_is_said() -> None:
    assert [notice.level for notice in checked("stream { ssl_stapling on; }")] == ["warn"]


def test_the_lines_of_a_map_are_not_directives() -> None:
    checked("stream { map $a $b { listen 1; whatever 2; whatever 3; } }")


def test_an_error_from_a_tree_without_files_has_no_line() -> None:
    tree = Tree((Directive("nope", (), Where("command line", 1, 1)),), ())
    with pytest.raises(ConfigError) as caught:
        check(tree)
    assert caught.value.line == ""
