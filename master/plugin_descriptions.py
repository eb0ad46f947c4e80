"""What workers say of the plugins they have imported: the master knows plugins by nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

Description = Mapping[str, Any]
"""See `shared/plugin_schema.py`."""


class Descriptions:
    """Of one generation; complete when its workers are ready."""

    def __init__(self) -> None:
        self._known: dict[str, Description] = {}

    def learn(self, text: str) -> None:
        """One description out of a worker's message; a later one of the same name takes its place."""
        description = json.loads(text)
        self._known[description["name"]] = description

    def __iter__(self) -> Iterator[Description]:
        return iter(tuple(self._known.values()))
