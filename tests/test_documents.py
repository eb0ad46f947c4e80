"""What the documents show works, and what they point at is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from certs import Authority
from gate import Tried

ROOT: Final = Path(__file__).parent.parent
PAGES: Final = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\[[^\]]*\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_the_configuration_of_the_readme_is_one(tmp_path: Path, authority: Authority) -> None:
    text = blocks("nginx")[0]
    pair = authority.issue("*.example.com")
    for name, path in (("example.crt", pair.crt), ("example.key", pair.key), ("ca.pem", authority.file)):
        (tmp_path / name).write_bytes(path.read_bytes())
    tried = Tried(tmp_path, text, "-t")
    assert tried.status == 0, tried.said
    assert len([line for line in text.splitlines() if line.strip()]) <= 25


def test_the_readme_has_two_commands_of_one_line() -> None:
    run, test = blocks("sh")
    assert run.endswith(".venv/bin/penstock quickstart\n")
    assert ".venv/bin/pytest" in test
    assert [text.count("\n") for text in (run, test)] == [1, 1]


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language in the README."""
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
