"""`-t` and `-T`."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from ports import free_port, release

from penstock.master.launch import Launch, launch_of
from penstock.master.trial import try_out


def launched(tmp_path: Path, text: str, quiet: bool = False) -> Launch:
    (tmp_path / "c").write_text(text)
    return launch_of(str(tmp_path), "c", "", None, quiet, ())


def test_a_good_one_is_praised(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert try_out(launched(tmp_path, "events {}"), dump=False) == 0
    said = capfd.readouterr()
    assert said.err.splitlines() == [
        f"penstock: the configuration file {tmp_path}/c syntax is ok",
        f"penstock: configuration file {tmp_path}/c test is successful",
    ]
    assert said.out == ""


def test_each_file_is_dumped_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "i").write_text("# included\n")
    assert try_out(launched(tmp_path, "events {}\ninclude i;\ninclude i;\n", quiet=True), dump=True) == 0
    said = capfd.readouterr()
    assert said.err == ""
    assert said.out == (
        f"# configuration file {tmp_path}/c:\nevents {{}}\ninclude i;\ninclude i;\n\n"
        f"# configuration file {tmp_path}/i:\n# included\n\n"
    )


def test_a_bad_one_is_explained(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert try_out(launched(tmp_path, "events {}\nevnts {}\n"), dump=False) == 1
    said = capfd.readouterr().err
    assert said.startswith(f'penstock: [emerg] {tmp_path}/c:2:1: unknown directive "evnts"')
    assert said.endswith(f"penstock: configuration file {tmp_path}/c test failed\n")


def test_a_taken_port_is_well_since_it_may_be_our_own(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        text = f"events {{}} stream {{ server {{ listen {taken.getsockname()[1]}; return x; }} }}"
        assert try_out(launched(tmp_path, text), dump=False) == 0


def test_an_address_that_is_not_ours_is_not(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    text = f"events {{}} stream {{\nserver {{ listen 192.0.2.1:{port}; return x; }} }}"
    assert try_out(launched(tmp_path, text), dump=False) == 1
    assert f"bind() to 192.0.2.1:{port} failed" in capfd.readouterr().err
    release(port)


def test_a_log_without_a_folder_is_refused_and_none_is_made(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert try_out(launched(tmp_path, "error_log none/e.log; events {}"), dump=False) == 1
    assert f'open() "{tmp_path}/none/e.log" failed (2: No such file or directory)' in capfd.readouterr().err
    assert try_out(launched(tmp_path, "error_log e.log; events {}"), dump=False) == 0
    assert os.listdir(tmp_path) == ["c"]
