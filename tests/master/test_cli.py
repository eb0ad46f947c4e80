"""The command line as nginx's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from daemon import environment
from deadline import seconds

from penstock.shared.version import NGINX_VERSION, __version__


def penstock(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "penstock", *map(str, arguments)),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=seconds(30),
        check=False,
    )


def test_the_version_goes_to_the_standard_error() -> None:
    result = penstock("-v")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", f"penstock version: penstock/{__version__}\n")


def test_the_details_can_be_probed_as_nginx() -> None:
    lines = penstock("-V").stderr.splitlines()
    assert lines[1] == f"nginx version: nginx/{NGINX_VERSION} (penstock/{__version__})"
    assert lines[2].startswith("built with OpenSSL ")
    assert "TLS SNI support enabled" in lines
    assert "--with-stream_ssl_preread_module" in lines[-1]


@pytest.mark.parametrize("flag", ["-h", "-?"])
def test_help(flag: str) -> None:
    result = penstock(flag)
    assert result.returncode == 0
    assert "-s signal" in result.stdout
    assert "quickstart" in result.stdout


def test_what_is_no_option_is_refused_with_status_1() -> None:
    result = penstock("-x")
    assert result.returncode == 1
    assert result.stderr == 'penstock: invalid option: "x"\n'
    assert penstock("-c").stderr == 'penstock: option "-c" requires file name\n'
    assert penstock("-s", "dance").stderr == 'penstock: invalid option: "-s dance"\n'


def test_a_signal_to_nobody(tmp_path: Path) -> None:
    (tmp_path / "c").write_text("pid p.pid; events {}")
    result = penstock("-p", tmp_path, "-c", "c", "-s", "stop")
    assert result.returncode == 1
    assert result.stderr == f'penstock: [error] open() "{tmp_path}/p.pid" failed (2: No such file or directory)\n'


def test_flags_may_be_written_together(tmp_path: Path) -> None:
    (tmp_path / "c").write_text("events {}")
    result = penstock("-tq", f"-p{tmp_path}", "-c", "c")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_directives_are_listed_by_name() -> None:
    result = penstock("directives", "proxy_pass")
    assert result.returncode == 0
    assert "proxy_pass" in result.stdout


def test_a_plugin_is_begun(tmp_path: Path) -> None:
    made = penstock("plugin", "new", "doorman", tmp_path / "d")
    assert (made.returncode, made.stderr) == (0, "")
    assert str(tmp_path / "d" / "pyproject.toml") in made.stdout.splitlines()
    again = penstock("plugin", "new", "doorman", tmp_path / "d")
    assert (again.returncode, again.stdout) == (1, "")
    assert "is not empty" in again.stderr
