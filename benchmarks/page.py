"""`python -m benchmarks.page RESULTS.json`: put results into docs/performance.md, and draw its pictures.

What stands between the two markers is written anew; the reading of the figures, around them, is people's.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.measure import Figure
from benchmarks.report import number
from benchmarks.results import Results
from benchmarks.subjects import ROOT

PAGE: Final = ROOT / "docs" / "performance.md"
BEGIN: Final = "<!-- results: written by `python -m benchmarks.page` -->"
END: Final = "<!-- end of the results -->"


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(prog="benchmarks.page", description="Put results into docs/performance.md.")
    parser.add_argument("results", type=Path)
    parser.add_argument("--no-plots", action="store_true", help="leave the pictures as they are (no matplotlib)")
    options = parser.parse_args()
    results = Results.load(options.results)
    PAGE.write_text(replaced(PAGE.read_text(), "\n".join(written(results))))
    if not options.no_plots:
        from benchmarks.plots import draw

        draw(results, PAGE.parent / "img")


def replaced(page: str, text: str) -> str:
    """The page with new results."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def written(results: Results) -> Iterator[str]:
    """The results in Markdown."""
    yield f"Measured on {results.machine['date']}, `{results.command}`, {results.seconds / 60:.0f} minutes."
    yield ""
    yield "| | |"
    yield "|---|---|"
    for what, value in results.machine.items():
        if what != "date":
            yield f"| {what} | {value} |"
    for version in results.versions.values():
        name, _, rest = version.partition(" ")
        yield f"| {name} | {rest} |"
    yield ""
    subjects = list(results.versions)
    yield f"| figure | unit | {' | '.join(subjects)} | Penstock ÷ nginx | target |"
    yield f"|---|---|{'---|' * (len(subjects) + 2)}"
    for figure in results.figures:
        yield row(figure, figure.title, subjects)
        if "penstock (map)" in figure.samples:
            yield row(figure, "… with nginx's own configuration (`map`)", subjects, ours="penstock (map)")
    yield ""
    yield from verdict(results)


def verdict(results: Results) -> Iterator[str]:
    """Which targets are met, and which are not."""
    met: list[str] = []
    missed: list[str] = []
    for figure in results.figures:
        ratio, values = figure.ratio("penstock"), figure.values("penstock")
        bound = figure.limit or figure.least
        if bound is not None and values:
            median = figure.median("penstock")
            good = median <= bound if figure.limit else median >= bound
            (met if good else missed).append(f"{figure.title} ({number(median)}, {number(bound)} {figure.unit})")
        elif figure.target is not None and ratio is not None:
            (met if ratio <= figure.target else missed).append(f"{figure.title} ({number(ratio)}, {figure.target:.2f})")
    for heading, titles in (("Within the target", met), ("Not within the target", missed)):
        if titles:
            yield f"{heading} (measured, target):"
            yield ""
            yield from (f"- {title}" for title in titles)
            yield ""
    for figure in results.figures:
        yield from (f"- {figure.title}: {note}." for note in figure.notes)


def row(figure: Figure, title: str, subjects: list[str], ours: str = "penstock") -> str:
    """A figure in the table."""
    cells = [cell(figure, ours if subject == "penstock" else subject) for subject in subjects]
    ratios, ratio = figure.ratios(ours), figure.ratio(ours)
    against = f"**{ratio:.2f}** ({min(ratios):.2f}–{max(ratios):.2f})" if ratio is not None else ""
    target = f"≤ {figure.target:.2f}" if figure.target is not None else ""
    if figure.limit is not None:
        target = f"≤ {number(figure.limit)} {figure.unit}"
    if figure.least is not None:
        target = f"≥ {number(figure.least)}"
    return f"| {title} | {figure.unit} | {' | '.join(cells)} | {against} | {target} |"


def cell(figure: Figure, subject: str) -> str:
    """The median, and from where to where it went."""
    if subject in figure.disqualified:
        return "disqualified"
    values = figure.values(subject)
    return f"{number(figure.median(subject))} ({number(min(values))}–{number(max(values))})" if values else ""


if __name__ == "__main__":
    main()
