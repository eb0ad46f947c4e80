"""How figures are printed: a table for people, and JSON for the plots and the page."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from benchmarks.measure import Figure, Sample


def lines(figure: Figure) -> Iterator[str]:
    """A figure as text."""
    target = f", target ≤ {figure.target:.2f} × nginx" if figure.target is not None else ""
    if figure.limit is not None:
        target = f", target < {number(figure.limit)}"
    if figure.least is not None:
        target = f", target ≥ {number(figure.least)}"
    yield f"{figure.title}  [{figure.key}]  ({figure.unit}{target})"
    for subject in figure.samples:
        values = figure.values(subject)
        last = figure.samples[subject][-1]
        line = f"  {subject:16}{number(figure.median(subject)):>9}  {number(min(values))}–{number(max(values))}"
        ratios = figure.ratios(subject) if subject != "nginx" else []
        if ratios:
            line += f"   ÷ nginx {figure.ratio(subject):.2f}  ({' '.join(f'{ratio:.2f}' for ratio in ratios)})"
        if last.rate:
            line += f"   {rate(last.rate)}" + busy(figure.samples[subject])
        yield line
    for subject, why in figure.disqualified.items():
        yield f"  {subject:16}disqualified: {why}"
    for note in figure.notes:
        yield f"  · {note}"


def busy(samples: list[Sample]) -> str:
    """How much of a processor it took, and how much of that was the program rather than the kernel."""
    if not samples[-1].busy:
        return ""
    user = statistics.mean(sample.user for sample in samples)
    return f", {samples[-1].busy:.0%} of a processor, {user:.0%} of it outside the kernel"


def number(value: float) -> str:
    """Three digits that matter."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.3f}" if value < 1 else f"{value:.2f}"


def rate(value: float) -> str:
    """Units per second."""
    return f"{value / 1e9:.2f} GB/s" if value > 1e7 else f"{value:,.0f}/s"
