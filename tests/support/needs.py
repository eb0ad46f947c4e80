"""System programs that a test needs: it skips where one is missing, and fails where `CI=true` promises them all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

import pytest

PLACES: Final = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin", "/usr/local/sbin"))
"""Where programs are looked for: a user's PATH leaves out the administrator's folders."""

NGINX_STREAM: Final = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
"""nginx's stream module where Debian keeps it."""


def requires(*programs: str) -> pytest.MarkDecorator:
    """A mark for tests that need these programs (`nginx-stream` is nginx with its stream module)."""
    return pytest.mark.requires(*programs)


def need(*programs: str) -> None:
    """Skip the running test, or fail it when `CI=true`, if one of the programs is missing."""
    missing = [program for program in programs if find(program) is None]
    if not missing:
        return
    reason = f"not installed: {', '.join(missing)}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def find(program: str) -> str | None:
    """The path of a program, or None."""
    if program == "nginx-stream":
        return shutil.which("nginx", path=PLACES) if NGINX_STREAM.exists() else None
    if program == "postgres":
        return next((str(path) for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")), None)
    return shutil.which(program, path=PLACES)


def program(name: str) -> str:
    """The path of a program that `need` has seen."""
    path = find(name)
    assert path is not None, f"{name} is not installed"
    return path
