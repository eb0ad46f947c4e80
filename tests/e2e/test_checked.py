"""What `-t` says of hundreds of small configurations, right ones and wrong ones: word for word the same as nginx.

The facts are the lines of `tests/data/checked.txt`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import pytest
from checking import said_by_nginx, said_here
from needs import NGINX_STREAM, requires

from penstock.shared.pairs import self_signed

FACTS: Final = Path(__file__).parents[1] / "data" / "checked.txt"
AROUND: Final = {
    "main": "%s",
    "stream": "events {}\nstream {\n%s\n}",
    "server": "events {}\nstream {\nserver { %s }\n}",
    "listens": "events {}\nstream {\nserver { listen 127.0.0.1:9999; %s }\n}",
    "proxies": "events {}\nstream {\nserver { listen 127.0.0.1:9999; proxy_pass 127.0.0.1:1; %s }\n}",
}


class Fact(NamedTuple):
    """One line."""

    context: str
    text: str
    told: str

    def configuration(self, directory: Path) -> str:
        """The whole file."""
        return "\n".join(
            (
                f"load_module {NGINX_STREAM}; pid {directory}/checked.pid; error_log {directory}/checked.log;",
                AROUND[self.context] % self.text.replace("%%DIR%%", str(directory)),
                "",
            )
        )


def facts() -> list[Fact]:
    """Every line of the file."""
    found = []
    for line in FACTS.read_text().splitlines():
        if line and not line.startswith("#"):
            context, _, rest = line.partition(": ")
            text, _, told = rest.rpartition(" => ")
            found.append(Fact(context, text, "" if told == "ok" else told))
    return found


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files are that the facts name."""
    made = tmp_path_factory.mktemp("checked")
    for stem in "ab":
        pair = self_signed((f"{stem}.test",), "rsa")
        (made / f"{stem}.crt").write_bytes(pair.certificate)
        (made / f"{stem}.key").write_bytes(pair.key)
    (made / "pw").write_text("x\n")
    (made / "inc").mkdir()
    (made / "inc" / "a.conf").write_text("allow all;\n")
    (made / "inc" / "bad.conf").write_text("foo bar;\n")
    return made


@requires("nginx-stream")
@pytest.mark.parametrize("fact", facts(), ids=lambda fact: f"{fact.context}: {fact.text}"[:100])
def test_both_say_the_same(fact: Fact, directory: Path) -> None:
    file = directory / "checked.conf"
    file.write_text(fact.configuration(directory))
    wanted = fact.told.replace("%%DIR%%", str(directory))
    assert " | ".join(said_here(file)) == wanted
    assert " | ".join(said_by_nginx(file)) == wanted


def test_there_are_many() -> None:
    assert len(facts()) > 500
