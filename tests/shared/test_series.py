"""Metrics of plugins as texts."""

from __future__ import annotations

import pytest

from penstock.shared.series import Series, of, read


def test_a_series_comes_back_from_its_text() -> None:
    series = of("a_total", {"b": 'x"\n', "a": "ü"}, (1.0, 2.5))
    assert read(series.text()) == series
    assert series.labels == (("a", "ü"), ("b", 'x"\n'))


@pytest.mark.parametrize(("bounds", "cells"), [((), 1), ((1.0,), 3), ((1.0, 2.0, 3.0), 5)])
def test_it_knows_its_cells(bounds: tuple[float, ...], cells: int) -> None:
    assert Series("a", (), bounds).cells == cells


@pytest.mark.parametrize(("value", "bucket"), [(0, 10), (1, 10), (1.5, 11), (2, 11), (7, 12)])
def test_an_observation_goes_into_its_bucket_and_the_sum(value: float, bucket: int) -> None:
    assert list(Series("a", (), (1.0, 2.0)).observed(10, value)) == [(bucket, 1), (13, int(value * 1000))]


@pytest.mark.parametrize(
    "series",
    [
        of("a b", {}),
        of("", {}),
        of("a", {"b-c": "x"}),
        of("a", {"__b": "x"}),
        of("a", {"le": "x"}),
        of("a", {}, (2, 1)),
    ],
)
def test_what_prometheus_would_not_take_is_refused(series: Series) -> None:
    with pytest.raises(ValueError, match="is no metric"):
        series.text()


def test_labels_are_bounded() -> None:
    with pytest.raises(ValueError, match="labels of"):
        of("a", {"b": "x" * 5000}).text()
