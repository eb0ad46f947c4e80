"""The command line of a node's life."""

from __future__ import annotations

from click.testing import CliRunner

from penstock.master.cli import penstock
from penstock.master.launch import Launch
from penstock.master.lifecycle_cli import placed
from penstock.shared.version import __version__


def test_options_may_stand_after_the_command() -> None:
    assert placed(Launch("/a", "/a/b"), None, None) == Launch("/a", "/a/b")
    found = placed(Launch(globals_text="g;"), "/p", "c")
    assert (found.prefix, found.file, found.globals_text) == ("/p", "/p/c", "g;")


def test_every_command_explains_itself() -> None:
    for name in ("start", "stop", "quit", "reload", "restart", "health", "check", "version", "migrations"):
        result = CliRunner().invoke(penstock, [name, "--help"])
        assert result.exit_code == 0, name
        assert "Usage:" in result.output


def test_the_version_alone() -> None:
    result = CliRunner().invoke(penstock, ["version"])
    assert result.output == f"{__version__}\n"
