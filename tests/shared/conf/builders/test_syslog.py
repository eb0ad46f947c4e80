"""`syslog:…`."""

from __future__ import annotations

import pytest

from penstock.shared.conf.builders.syslog import build_syslog
from penstock.shared.conf.tree import Word
from penstock.shared.errors import ConfigError
from penstock.shared.model.log import Syslog
from penstock.shared.model.where import NOWHERE


def syslog(text: str) -> Syslog:
    return build_syslog(Word(f"syslog:{text}", NOWHERE))


def test_a_server_alone_has_nginx_s_defaults() -> None:
    assert syslog("server=127.0.0.1") == Syslog("127.0.0.1", 23, 6, "nginx", False)


def test_all_parameters() -> None:
    found = syslog("server=unix:/dev/log,facility=local0,severity=warn,tag=p_1,nohostname")
    assert found == Syslog("unix:/dev/log", 16, 4, "p_1", True)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("tag=x", "no syslog server specified"),
        ("server=127.0.0.1:x", 'invalid port in syslog server "127.0.0.1:x"'),
        ("server=h,facility=foo", 'unknown syslog facility "foo"'),
        ("server=h,severity=foo", 'unknown syslog severity "foo"'),
        ("server=h,tag=a-b", 'syslog "tag" only allows alphanumeric characters and underscore'),
        ("server=h,tag=" + "x" * 33, "syslog tag length exceeds 32"),
        ("server=h,foo", 'unknown syslog parameter "foo"'),
        ("server=h,nohostname=1", 'unknown syslog parameter "nohostname=1"'),
    ],
)
def test_mistakes(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        syslog(text)
    assert caught.value.text == complaint


def test_the_longest_tag() -> None:
    assert syslog("server=h,tag=" + "x" * 32).tag == "x" * 32
