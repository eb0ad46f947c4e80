from __future__ import annotations

import pytest

from penstock.shared.conf.suggest import nearest
from penstock.shared.conf.table.table import TABLE

NAMES = {spec.name for spec in TABLE}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("proxy_pas", "proxy_pass"),
        ("proxypass", "proxy_pass"),
        ("proxy-pass", "proxy_pass"),
        ("Listen", "listen"),
        ("lisen", "listen"),
        ("ssl_certifcate", "ssl_certificate"),
        ("worker_process", "worker_processes"),
        ("upsteam", "upstream"),
    ],
)
def test_a_slip_finds_what_was_meant(typed: str, meant: str) -> None:
    assert nearest(typed, NAMES) == meant


@pytest.mark.parametrize("typed", ["foo", "", "location", "x" * 4000])
def test_what_is_like_nothing_finds_nothing(typed: str) -> None:
    assert nearest(typed, NAMES) is None
