"""Nothing is touched to begin with, and nobody's sets are another's."""

from __future__ import annotations

from penstock.shared.live.delta import Delta, Touched


def test_each_has_its_own() -> None:
    one, other = Delta(), Delta()
    one.stale.add(1)
    one.complaints.append("x")
    assert (other.stale, other.complaints, other.plugins, other.everywhere) == (set(), [], False, False)
    touched = Touched()
    touched.routes["r"] = None
    assert Touched().routes == {}
