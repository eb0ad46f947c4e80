"""When log plugins emit a record."""

from __future__ import annotations

from pathlib import Path

import pytest
from plugin_folder import DONE, plugins
from plugin_host import Lent
from workerbench import Bench

from penstock.worker.kit.log_plugin import LogConfig, LogPlugin

BODY = """
name = "one"
def emit(self, record): done((record["event"], record.get("mine")))
"""
TEXT = "server { listen 127.0.0.1:%%PORT_a%%; proxy_pass unix:%%UP%%; }"


def events(tmp_path: Path, settings: str, wait_for: int) -> list[tuple[str, str | None]]:
    place = plugins(tmp_path, one=BODY.replace("Plugin", "LogPlugin"))
    file = tmp_path / "plugins" / "one.py"
    text = file.read_text().replace("(Plugin)", "(LogPlugin)")
    file.write_text(text + "    Config = LogConfig\n")
    path = f"{tmp_path}/up"
    with Bench(place + TEXT + f"plugin one {{ {settings} }}", tmp_path, UP=path) as bench:
        client, far = (None, None)
        upstream = bench.upstream(path)
        client = bench.client()
        far = bench.accepted(upstream)
        bench.relaying()
        bench.until(lambda: len(DONE) >= wait_for, "records")
        client.close()
        bench.idle()
        far.close()
    return list(DONE)


def test_a_session_has_one_record_at_its_end(tmp_path: Path) -> None:
    assert events(tmp_path, "", 0) == [("end", None)]


def test_there_may_be_one_at_connect_and_fields_of_ones_own(tmp_path: Path) -> None:
    found = events(tmp_path, 'at_connect on; custom_fields { mine "$protocol!"; }', 1)
    assert found == [("connect", "TCP!"), ("end", "TCP!")]


def test_a_long_session_has_more(tmp_path: Path) -> None:
    found = [event for event, _ in events(tmp_path, "every 20ms;", 2)]
    assert found[:2] == ["progress", "progress"]
    assert found[-1] == "end"


def test_where_records_go_is_for_the_plugin_to_say() -> None:
    with pytest.raises(NotImplementedError):
        LogPlugin(LogConfig(), Lent().host).emit({})
