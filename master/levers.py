"""What the Admin API may ask of the master beside records: to look at its workers, to count, and to reload."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .inquiries import Inquiries
from .metrics import Facts


@dataclass(frozen=True, slots=True)
class Levers:
    """See the module."""

    inquiries: Inquiries
    facts: Facts
    reload: Callable[[], Awaitable[str]]
    """Apply the configuration as it is now; why that was refused, or an empty text."""
