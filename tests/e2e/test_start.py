"""What cannot be started says why in one line, ends with 1, and leaves nothing behind."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from certs import Authority
from clients import ask
from gate import Gate, Tried
from processes import mentioning

# ruff: noqa: E501  a fact of the configuration is one line

UNPRIVILEGED = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()
"""Root without any capability: it reads and binds what an ordinary user may."""


def refused(tried: Tried, *words: str, at: str = "") -> None:
    """Fail unless it ended with 1, said all the words and the place `at`, and left nothing."""
    assert tried.status == 1, tried.said
    for word in words:
        assert word in tried.said, tried.said
    if at:
        assert f"{tried.file}:{tried.line_of(at)}" in tried.said, tried.said
    assert tried.said.count("[emerg]") == 1, tried.said
    assert "Traceback" not in tried.said
    assert tried.left() == set()
    assert mentioning(str(tried.directory)) == []


def test_a_taken_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = "stream {\n server { listen 127.0.0.1:%%TAKEN%%; return x; }\n}\n"
        refused(Tried(tmp_path, text, TAKEN=port), f"127.0.0.1:{port}", "98: Address already in use", at="listen")


def test_a_taken_metrics_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = "\nmetrics_listen 127.0.0.1:%%TAKEN%%;\nstream { server { listen 127.0.0.1:%%PORT_1%%; return x; } }\n"
        refused(Tried(tmp_path, text, TAKEN=port), f"127.0.0.1:{port}", "Address already in use", at="metrics_listen")


def test_a_taken_port_among_free_ones_opens_none(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        text = """stream {
            server { listen 127.0.0.1:%%PORT_1%%; listen unix:%%DIR%%/x.sock; return x; }
            server { listen 127.0.0.1:%%TAKEN%%; return x; }\n}\n"""
        refused(Tried(tmp_path, text, TAKEN=taken.getsockname()[1]), "Address already in use")


@pytest.mark.skipif(
    int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) < 1024, reason="every user may bind port 900"
)
def test_a_port_below_1024_without_the_right(tmp_path: Path) -> None:
    text = "stream {\n server { listen 127.0.0.1:900; return x; }\n}\n"
    refused(Tried(tmp_path, text, through=UNPRIVILEGED), "127.0.0.1:900", "Permission denied", at="listen")


TLS = "stream {\n server { listen 127.0.0.1:%%PORT_1%% ssl; return x;\n ssl_certificate %%CRT%%;\n ssl_certificate_key %%KEY%%;\n }\n}\n"


def test_an_unreadable_key(tmp_path: Path, authority: Authority) -> None:
    pair = authority.issue("unreadable.test")
    pair.key.chmod(0)
    tried = Tried(tmp_path, TLS, through=UNPRIVILEGED, CRT=pair.crt, KEY=pair.key)
    refused(tried, str(pair.key), "Permission denied", at="ssl_certificate_key")


def test_a_missing_certificate(tmp_path: Path, authority: Authority) -> None:
    pair = authority.issue("a.test")
    tried = Tried(tmp_path, TLS, CRT=tmp_path / "none.crt", KEY=pair.key)
    refused(tried, "none.crt", "No such file or directory", at="ssl_certificate ")


def test_a_key_that_does_not_fit(tmp_path: Path, authority: Authority) -> None:
    pair, other = authority.issue("a.test"), authority.issue("b.test")
    refused(Tried(tmp_path, TLS, CRT=pair.crt, KEY=other.key), str(other.key), at="ssl_certificate_key")


def test_a_key_that_is_none(tmp_path: Path, authority: Authority) -> None:
    pair = authority.issue("a.test")
    broken = tmp_path / "broken.key"
    broken.write_text("no key\n")
    refused(Tried(tmp_path, TLS, CRT=pair.crt, KEY=broken), str(broken), at="ssl_certificate_key")


def test_an_expired_certificate_is_a_warning(tmp_path: Path, authority: Authority) -> None:
    pair = authority.issue("late.test", expired=True)
    with Gate(tmp_path, TLS, CRT=pair.crt, KEY=pair.key) as gate:
        assert "expired" in gate.logged(rf"\[warn\] .*{pair.crt}")
        assert gate.metric("penstock_certificate_expiry_timestamp_seconds") > 0


def test_an_unresolvable_name_to_listen_on(tmp_path: Path) -> None:
    text = "stream {\n server { listen no-such-host.invalid:1; return x; }\n}\n"
    refused(Tried(tmp_path, text), "no-such-host.invalid", at="listen")


def test_an_unresolvable_upstream_is_a_warning_and_is_tried_again(tmp_path: Path) -> None:
    text = """stream {
        upstream lost { server no-such-host.invalid:1; }
        server { listen 127.0.0.1:%%PORT_1%%; proxy_pass lost; }
        server { listen 127.0.0.1:%%PORT_2%%; return fine; }\n}\n"""
    with Gate(tmp_path, text) as gate:
        assert ask(gate.port(2)) == b"fine"
        assert ask(gate.port(1)) == b""
        gate.logged(r"\[warn\] .*no-such-host\.invalid")


def test_an_unknown_directive_names_the_nearest(tmp_path: Path) -> None:
    text = "stream {\n server { listen 127.0.0.1:%%PORT_1%%; proxy_pas 127.0.0.1:1; }\n}\n"
    refused(Tried(tmp_path, text), 'unknown directive "proxy_pas"', "proxy_pass", "^", at="proxy_pas")


def test_a_missing_file_to_include(tmp_path: Path) -> None:
    refused(Tried(tmp_path, "stream {\n include none.conf;\n}\n"), "none.conf", "No such file", at="include")


def test_an_http_block(tmp_path: Path) -> None:
    refused(Tried(tmp_path, "http {\n}\n"), "http", at="http")


def test_testing_a_good_configuration(tmp_path: Path) -> None:
    text = "stream { server { listen 127.0.0.1:%%PORT_1%%; return x; } }\n"
    tried = Tried(tmp_path, text, "-t")
    assert tried.status == 0
    assert f"the configuration file {tried.file} syntax is ok" in tried.said
    assert f"configuration file {tried.file} test is successful" in tried.said


def test_testing_a_bad_configuration(tmp_path: Path) -> None:
    tried = Tried(tmp_path, "stream {\n nonsense;\n}\n", "-t")
    refused(tried, "nonsense", f"configuration file {tried.file} test failed", at="nonsense")
