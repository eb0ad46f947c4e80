"""What workers say of the plugins they have imported: the master knows plugins by nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Description = Mapping[str, Any]
"""See `shared/plugin_schema.py`."""


class Descriptions:
    """By generation and name. A generation's are complete when its workers are ready."""

    def __init__(self) -> None:
        self._known: dict[int, dict[str, Description]] = {}

    def learn(self, generation: int, text: str) -> None:
        """One description out of a worker's message."""
        description = json.loads(text)
        self._known.setdefault(generation, {})[description["name"]] = description
        for old in [number for number in self._known if number < generation - 1]:
            del self._known[old]  # the one before may still be in force, if this one is refused

    def of(self, generation: int) -> Mapping[str, Description]:
        """Those of a generation, by name."""
        return self._known.get(generation, {})
