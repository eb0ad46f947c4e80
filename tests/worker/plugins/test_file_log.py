"""`file-log`: lines of JSON, whole, in files that may be rotated."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from plugin_host import Lent

from penstock.worker.kit.queue import QueueConfig
from penstock.worker.plugins.file_log import FileLog


def written(path: Path, records: list[dict[str, Any]], between: Callable[[FileLog], object] = id, **config: Any) -> str:
    """The file after these records and the plugin's end; something may be done after each of them."""

    async def run() -> None:
        plugin = FileLog(FileLog.Config(path=str(path), **config), Lent().host)
        plugin.init_worker()
        for record in records:
            plugin.emit(record)
            while not plugin.queue._idle.is_set():
                await asyncio.sleep(0)
            between(plugin)
        await plugin.close()

    asyncio.run(run())
    return path.read_text() if path.exists() else ""


def test_each_record_is_a_line_of_json(tmp_path: Path) -> None:
    text = written(tmp_path / "a", [{"n": 1}, {"n": "ü\n"}])
    assert text == '{"n": 1}\n{"n": "ü\\n"}\n'


def test_bytes_that_are_no_text_do_not_stop_it(tmp_path: Path) -> None:
    assert json.loads(written(tmp_path / "a", [{"sni": "\udcff"}]).replace("\\udcff", "?")) == {"sni": "?"}


def test_a_file_that_is_there_is_appended_to(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("before\n")
    assert written(tmp_path / "a", [{}]) == "before\n{}\n"


def test_a_rotated_file_is_followed_when_told(tmp_path: Path) -> None:
    path = tmp_path / "a"

    def rotate(plugin: FileLog) -> None:
        if not (tmp_path / "old").exists():
            path.rename(tmp_path / "old")
            plugin.reopen()

    assert written(path, [{"n": 1}, {"n": 2}], rotate) == '{"n": 2}\n'
    assert (tmp_path / "old").read_text() == '{"n": 1}\n'


def test_a_rotated_file_is_followed_by_itself_with_reopen(tmp_path: Path) -> None:
    path = tmp_path / "a"
    assert written(path, [{"n": 1}, {"n": 2}], lambda _: path.unlink(), reopen=True) == ""


def test_what_is_queued_is_written_at_the_end(tmp_path: Path) -> None:
    async def run() -> None:
        slow = QueueConfig(max_batch_size=1000, max_coalescing_delay=60.0)
        plugin = FileLog(FileLog.Config(path=str(tmp_path / "a"), queue=slow), Lent().host)
        plugin.init_worker()
        plugin.emit({})
        await asyncio.sleep(0)
        assert (tmp_path / "a").read_text() == ""
        await plugin.close()

    asyncio.run(run())
    assert (tmp_path / "a").read_text() == "{}\n"


def test_a_path_that_cannot_be_opened_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        written(tmp_path / "none" / "a", [])
