"""The results of a run as a JSON file, and back."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measure import Figure, Sample


@dataclass(slots=True)
class Results:
    """Everything that a page or a plot needs."""

    machine: dict[str, str]
    versions: dict[str, str]
    command: str
    seconds: float = 0.0
    figures: list[Figure] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write the file; its directory is made."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(dataclasses.asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> Results:
        """Read what `save` wrote."""
        raw = json.loads(path.read_text())
        figures = []
        for one in raw.pop("figures"):
            samples = {name: [Sample(**sample) for sample in taken] for name, taken in one.pop("samples").items()}
            curves = {name: [(x, y) for x, y in points] for name, points in one.pop("curves").items()}
            figures.append(Figure(**one, samples=samples, curves=curves))
        return cls(**raw, figures=figures)

    def figure(self, key: str) -> Figure | None:
        """A figure by its key."""
        return next((figure for figure in self.figures if figure.key == key), None)
