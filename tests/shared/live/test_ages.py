"""How old records are."""

from __future__ import annotations

from penstock.shared.live.ages import Ages


def record(name: str, second: float | None) -> dict[str, object]:
    return {"id": name, "created_at": second}


def test_who_was_made_earlier_is_older_whenever_it_is_met() -> None:
    ages = Ages()
    late, early = ages.of(record("late", 20)), ages.of(record("early", 10))
    assert early < late


def test_within_a_second_who_was_met_first_is_older() -> None:
    ages = Ages()
    first, second = ages.of(record("one", 5)), ages.of(record("two", 5.9))
    assert first < second < ages.of(record("next", 6))


def test_an_age_is_kept_until_it_is_forgotten() -> None:
    ages = Ages()
    first = ages.of(record("one", 5))
    assert ages.of(record("one", 7)) == ages.known("one") == first
    ages.forget("one")
    assert ages.known("one") is None
    assert ages.of(record("one", 5)) > first


def test_all_records_are_younger_than_a_file() -> None:
    assert Ages().of(record("one", None)) >= 1 << 24
