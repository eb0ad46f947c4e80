"""What the documents show works, and what they point at is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from certs import Authority
from gate import Tried

from penstock.shared.words import REFUSALS

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


@pytest.mark.parametrize("number", range(7))
def test_the_configurations_of_the_gateways_page_are_ones(tmp_path: Path, authority: Authority, number: int) -> None:
    found = blocks("nginx", ROOT / "docs" / "gateway.md")
    assert len(found) == 7
    for stem in ("example", "apps", "apps-rsa", "default", "gateway"):
        pair = authority.issue("*.example.com", rsa=stem.endswith("rsa"))
        (tmp_path / f"{stem}.crt").write_bytes(pair.crt.read_bytes())
        (tmp_path / f"{stem}.key").write_bytes(pair.key.read_bytes())
    for name in ("ca.pem", "other-ca.pem", "clients-ca.pem"):
        (tmp_path / name).write_bytes(authority.file.read_bytes())
    (tmp_path / "logs").mkdir()
    tried = Tried(tmp_path, found[number], "-t")
    assert tried.status == 0, tried.said
    assert re.findall(r"\[warn\] (?!host not found|could not build).*", tried.said) == []


def test_the_gateways_page_has_every_word_of_a_refusal() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [0-9, ]+ \|", (ROOT / "docs" / "gateway.md").read_text(), re.M)
    assert rows == list(REFUSALS)


def test_the_readme_has_two_commands_of_one_line() -> None:
    run, test = blocks("sh")
    assert run.endswith(".venv/bin/penstock quickstart\n")
    assert ".venv/bin/pytest" in test
    assert [text.count("\n") for text in (run, test)] == [1, 1]


def blocks(language: str, page: Path = ROOT / "README.md") -> list[str]:
    """The fenced blocks of a language in a page."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.M | re.S)
