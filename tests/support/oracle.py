"""One configuration text, two programs: what is true of nginx must be true of Penstock."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from daemon import Daemon
from gate import Gate
from needs import requires
from nginx import Nginx

PROGRAMS: Final = ("penstock", pytest.param("nginx", marks=requires("nginx-stream")))
"""The parameters of a fixture that starts either."""


def oracle(program: object, directory: Path, text: str, **values: object) -> Daemon:
    """The named program on a text; start it by `with`."""
    kind = Gate if program == "penstock" else Nginx
    return kind(directory, text, **values)
