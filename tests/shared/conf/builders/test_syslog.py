"""`syslog:…`."""

from __future__ import annotations

import pytest
from builds import make_system

from penstock.shared.conf.builders.context import Context
from penstock.shared.conf.builders.syslog import build_syslog
from penstock.shared.conf.tree import Word
from penstock.shared.errors import ConfigError
from penstock.shared.model.address import Address, ipv4, ipv6, unix
from penstock.shared.model.log import Syslog
from penstock.shared.model.where import NOWHERE


def syslog(text: str) -> Syslog:
    context = Context(make_system("", {}), "/", "/")
    return build_syslog(Word(f"syslog:{text}", NOWHERE), context)


def test_a_server_alone_has_nginx_s_defaults() -> None:
    assert syslog("server=127.0.0.1") == Syslog("127.0.0.1", 23, 6, "nginx", False, ipv4("127.0.0.1", 514))


def test_all_parameters() -> None:
    found = syslog("server=unix:/dev/log,facility=local0,severity=warn,tag=p_1,nohostname")
    assert found == Syslog("unix:/dev/log", 16, 4, "p_1", True, unix("/dev/log"))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("server=nobody.test", 'host not found in syslog server "nobody.test"'),
        ("server=127.0.0.1,tag=a,tag=b", 'duplicate syslog "tag"'),
        ("tag=x", "no syslog server specified"),
        ("server=127.0.0.1:x", 'invalid port in syslog server "127.0.0.1:x"'),
        ("server=127.0.0.1,facility=foo", 'unknown syslog facility "foo"'),
        ("server=127.0.0.1,severity=foo", 'unknown syslog severity "foo"'),
        ("server=127.0.0.1,tag=a-b", 'syslog "tag" only allows alphanumeric characters and underscore'),
        ("server=127.0.0.1,tag=" + "x" * 33, "syslog tag length exceeds 32"),
        ("server=127.0.0.1,foo", 'unknown syslog parameter "foo"'),
        ("server=127.0.0.1,nohostname=1", 'unknown syslog parameter "nohostname=1"'),
    ],
)
def test_mistakes(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        syslog(text)
    assert caught.value.text == complaint


@pytest.mark.parametrize(
    ("written", "address"),
    [("[::1]", ipv6("::1", 514)), ("127.0.0.1:9", ipv4("127.0.0.1", 9)), ("two.test", ipv4("10.0.0.1", 514))],
)
def test_where_the_server_is(written: str, address: Address) -> None:
    assert syslog(f"server={written}").address == address


def test_the_longest_tag() -> None:
    assert syslog("server=127.0.0.1,tag=" + "x" * 32).tag == "x" * 32
