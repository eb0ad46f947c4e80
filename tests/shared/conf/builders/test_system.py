"""What building asks of the outside world."""

from __future__ import annotations

from typing import Any

from builds import build


def test_nothing_is_asked_that_the_configuration_does_not_need() -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("asked")

    asked: dict[str, Any] = dict.fromkeys(("read_bytes", "glob", "resolve", "user", "cpu_count", "now"), refuse)
    assert build("stream { server { listen 1; proxy_pass 10.0.0.1:1; } }", **asked).stream.servers
