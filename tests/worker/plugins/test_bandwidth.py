"""`bandwidth`: rates of a session."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.plugin_testing import StandIn, configured
from penstock.worker.plugins.bandwidth import Bandwidth


@pytest.mark.parametrize(
    ("config", "rates"),
    [
        ({"download": 1000}, (1000, None)),
        ({"upload": 5}, (None, 5)),
        ({"download": 0, "upload": 7}, (0, 7)),
    ],
)
def test_each_direction_has_its_own_rate(config: dict[str, Any], rates: tuple[int | None, int | None]) -> None:
    session = StandIn()
    configured(Bandwidth, **config).preread(session)
    assert session.changes["rates"] == rates


def test_one_of_them_is_needed() -> None:
    with pytest.raises(ValueError, match="at least one of these fields"):
        configured(Bandwidth)
