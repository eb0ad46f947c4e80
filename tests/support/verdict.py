"""What `nginx -t` says of a text."""

from __future__ import annotations

import subprocess
from pathlib import Path

from needs import NGINX_STREAM, program


def complaint(text: str, directory: Path) -> str | None:
    """nginx's first `[emerg]` text about a configuration, without the place; None where it has none.

    Names may not be resolved and ports not be had, so only mistakes of the language are worth asking about.
    """
    directory.mkdir(exist_ok=True)
    file = directory / "nginx.conf"
    file.write_text(text)
    given = f"pid {directory}/nginx.pid; load_module {NGINX_STREAM};"
    command = (program("nginx"), "-t", "-p", str(directory), "-c", str(file), "-e", "stderr", "-g", given)
    said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stderr
    for line in said.splitlines():
        if "[emerg]" in line:
            return line.split(": ", 1)[1].rsplit(" in ", 1)[0]
    return None
