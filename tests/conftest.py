"""What every room's tests share: the `requires` mark and a certificate authority."""

from __future__ import annotations

import pytest
from certs import Authority
from needs import need


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "requires(*programs): system programs the test cannot do without")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("requires"):
        need(*mark.args)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority with its files in a directory of this run."""
    return Authority(tmp_path_factory.mktemp("authority"))
