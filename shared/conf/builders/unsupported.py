"""What the language has, and this version of Penstock does not: refused where it is written, never ignored."""

from __future__ import annotations

from ...errors import ConfigError
from ...model.where import Where


def unsupported(what: str, where: Where) -> ConfigError:
    """The sentence that `check` has for a whole directive, for a part of one."""
    return ConfigError(f"{what} is not supported by this version of Penstock", where)
