"""The real nginx, as the oracle of what a stream configuration means."""

from __future__ import annotations

import os
from collections.abc import Sequence

from daemon import Daemon
from needs import NGINX_STREAM, program


class Nginx(Daemon):
    """nginx with its stream module."""

    name = "nginx"

    def command(self) -> Sequence[str]:
        return (program("nginx"), "-p", str(self.directory), "-c", str(self.file), "-e", str(self.error_log))

    def preamble(self) -> str:
        lines = [
            f"load_module {NGINX_STREAM};",
            "daemon off;",
            f"pid {self.pid_file};",
            f"error_log {self.error_log} info;",
        ]
        if os.geteuid() == 0:
            lines.append("user root;")
        return "\n".join(lines) + "\n"
