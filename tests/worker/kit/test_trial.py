"""`-t` of plugins."""

from __future__ import annotations

from pathlib import Path

import pytest
from plugin_folder import DONE, plugins

from penstock.master.system import real_system
from penstock.shared.conf.load import load
from penstock.worker.kit.trial import try_plugins


def tried(tmp_path: Path, text: str, **modules: str) -> str:
    file = tmp_path / "p.conf"
    file.write_text(f"events {{}} stream {{ {plugins(tmp_path, **modules)} plugin_timeout 50ms; {text} }}")
    return try_plugins(load(str(file), str(tmp_path), system=real_system()))


def test_good_ones_are_configured_and_nothing_else(tmp_path: Path) -> None:
    body = "async def configure(self): done('configured')\ndef init_worker(self): done('begun')"
    assert tried(tmp_path, "plugin one {} plugin one-more {}", one=body, one_more=body) == ""
    assert DONE == ["configured", "configured"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("def configure(self): raise ValueError('no')", 'plugin "one": configure failed: ValueError: no in '),
        ("async def configure(self): await asyncio.sleep(9)", 'plugin "one": configure took longer than 0.05 s in '),
        ("x = 1 / 0", 'one.py" cannot be imported: ZeroDivisionError: division by zero at '),
        ("Config = int", "is not a dataclass in "),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, body: str, said: str) -> None:
    text = tried(tmp_path, "plugin one {}", one=body)
    assert said in text
    assert text.endswith("p.conf:1")


def test_a_wrong_field_is_found(tmp_path: Path) -> None:
    assert "deny: invalid ip or cidr range: 'x'" in tried(tmp_path, "plugin ip-restriction { deny x; }")


def test_nothing_is_spawned(tmp_path: Path) -> None:
    body = "async def job(self): done('ran')\ndef configure(self): self.worker.spawn(self.job(), 'job')"
    assert tried(tmp_path, "plugin one {}", one=body) == ""
    assert DONE == []
