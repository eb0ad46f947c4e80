"""The codes of countries."""

from __future__ import annotations

import re

from penstock.shared.country_codes import PAIRS, THREE_LETTERS


def test_every_country_is_there_once() -> None:
    assert len(PAIRS) == len(THREE_LETTERS) == len(set(THREE_LETTERS.values())) == 250
    assert all(re.fullmatch("[A-Z]{5}", pair) for pair in PAIRS)


def test_those_whose_codes_are_least_alike() -> None:
    assert [THREE_LETTERS[two] for two in ("CH", "SE", "AT", "XK", "GB")] == ["CHE", "SWE", "AUT", "XKX", "GBR"]
