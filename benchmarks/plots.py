"""Three small pictures of the results; needs matplotlib, which nothing else here does."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

from benchmarks.results import Results

INK: Final = {
    "penstock": "#1f6f8b",
    "penstock (map)": "#7fb3c8",
    "nginx": "#4c9a2a",
    "haproxy": "#b5651d",
}
SIZE: Final = (7.2, 3.4)
DOTS: Final = 90


def draw(results: Results, directory: Path) -> list[str]:
    """Draw what there are figures for; the names of the files."""
    directory.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, picture in (("ratios", ratios), ("names", names), ("memory", memory)):
        plot, axes = plt.subplots(figsize=SIZE, dpi=DOTS)
        if picture(results, axes):
            for side in ("top", "right"):
                axes.spines[side].set_visible(False)
            plot.tight_layout()
            plot.savefig(directory / f"{name}.png")
            drawn.append(f"{name}.png")
        plt.close(plot)
    return drawn


def ratios(results: Results, axes: Any) -> bool:
    """What Penstock costs where nginx costs 1."""
    rows = [
        (figure.key, ratio, figure.target)
        for figure in reversed(results.figures)
        if figure.target is not None and (ratio := figure.ratio("penstock")) is not None
    ]
    if not rows:
        return False
    axes.figure.set_size_inches(SIZE[0], 0.6 + 0.26 * len(rows))
    for at, (_, ratio, target) in enumerate(rows):
        axes.barh(at, ratio, color=INK["penstock"], height=0.65)
        axes.text(ratio + 0.02, at, f"{ratio:.2f}", va="center", fontsize=8)
        axes.plot([target, target], [at - 0.4, at + 0.4], color="black", linewidth=1.2)
    axes.axvline(1, color=INK["nginx"], linewidth=1)
    axes.set_yticks(range(len(rows)), [key for key, _, _ in rows], fontsize=8)
    axes.set_xlabel("Penstock ÷ nginx (green line: nginx; black: target); less is better", fontsize=8)
    return True


def names(results: Results, axes: Any) -> bool:
    """Cost of a passthrough connection against the number of names."""
    figures = [
        (int(one.key.removeprefix("sni-")), one) for one in results.figures if one.key.removeprefix("sni-").isdigit()
    ]
    if len(figures) < 2:
        return False
    for subject, ink in INK.items():
        points = [(size, one.median(subject)) for size, one in figures if subject in one.samples]
        if points:
            axes.plot(*zip(*points, strict=True), "o-", color=ink, label=subject)
    axes.set(xscale="log", ylim=(0, None))
    axes.set_xlabel("names", fontsize=8)
    axes.set_ylabel("CPU µs per connection", fontsize=8)
    axes.legend(fontsize=8, frameon=False)
    return True


def memory(results: Results, axes: Any) -> bool:
    """Private memory against idle sessions."""
    found = False
    for key, style in (("idle-plain", "o-"), ("idle-tls", "s--")):
        figure = results.figure(key)
        for subject, points in (figure.curves if figure else {}).items():
            found = True
            kind = "plain" if key == "idle-plain" else "TLS"
            count, size = zip(*points, strict=True)
            axes.plot(count, [one / 2**20 for one in size], style, color=INK[subject], label=f"{subject}, {kind}")
    axes.set_ylim(0, None)
    axes.set_xlabel("idle sessions", fontsize=8)
    axes.set_ylabel("private memory, MiB", fontsize=8)
    axes.legend(fontsize=8, frameon=False)
    return found
