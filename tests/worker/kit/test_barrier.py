"""What stands in the place of a plugin that could not be prepared."""

from __future__ import annotations

import pytest

from penstock.plugin_testing import StandIn, configured
from penstock.worker.kit.barrier import Barrier, decides


def test_nobody_gets_past_it() -> None:
    session = StandIn()
    configured(Barrier).preread(session)
    assert session.ended is not None


@pytest.mark.parametrize(("hooks", "yes"), [(("preread", "log"), True), (("certificate",), True), (("log",), False)])
def test_who_decides(hooks: tuple[str, ...], yes: bool) -> None:
    assert decides(hooks) is yes
