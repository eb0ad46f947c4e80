"""`syslog`: facility, severity by status, and what is not severe enough."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from plugin_host import Lent
from receivers import datagrams, play, received

from penstock.plugin_testing import configured
from penstock.worker.plugins.syslog import Syslog


def sent(path: Path, *statuses: int, **config: Any) -> list[bytes]:
    found: list[bytes] = []

    async def scenario() -> None:
        with datagrams(path) as server:
            plugin = configured(Syslog, host=f"unix:{path}", **config)
            plugin.worker = Lent().host
            plugin.init_worker()
            for status in statuses:
                plugin.emit({"session": {"status": status}})
            await plugin.close()
            found.extend(received(server))

    play(scenario)
    return found


def test_a_line_has_nginxs_form_and_a_record(tmp_path: Path) -> None:
    (line,) = sent(tmp_path / "log", 200)
    found = re.fullmatch(rb"<14>\w{3} [ \d]\d \d\d:\d\d:\d\d gate\.test penstock: (.*)", line)
    assert found is not None
    assert json.loads(found[1]) == {"session": {"status": 200}}


def test_the_severity_is_that_of_the_status(tmp_path: Path) -> None:
    severities = {"successful": "notice", "client_errors": "warning", "server_errors": "crit"}
    config = {f"{name}_severity": severity for name, severity in severities.items()}
    lines = sent(tmp_path / "log", 200, 403, 502, 0, facility="local7", **config)
    assert [line[: line.index(b">") + 1] for line in lines] == [b"<189>", b"<188>", b"<186>", b"<189>"]


def test_what_is_less_severe_than_the_level_is_not_sent(tmp_path: Path) -> None:
    lines = sent(tmp_path / "log", 200, 503, log_level="err", server_errors_severity="err", tag="gate")
    assert len(lines) == 1
    assert b" gate: " in lines[0]


@pytest.mark.parametrize("config", [{"facility": "local8"}, {"log_level": "loud"}, {"tag": "two words"}])
def test_mistakes_are_named(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(config))):
        configured(Syslog, **config)
