"""What is said before a session ends."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from workerbench import Bench

WORD: Final = "x" * 2000
SIZE: Final = 2000 * 64 * 64
TEXT: Final = f"""
map $protocol $small {{ default {WORD}; }}
map $protocol $large {{ default {"$small" * 64}; }}
server {{ listen 127.0.0.1:%%PORT_a%%; return {"$large" * 64}; }}
"""


def test_a_text_that_does_not_fit_is_sent_as_the_client_reads(tmp_path: Path) -> None:
    with Bench(TEXT, tmp_path) as bench:
        client = bench.client()
        session = bench.session()
        assert not session.status
        assert bench.hear(client, SIZE) == b"x" * SIZE
        bench.idle()
        assert (session.status, session.said) == (200, SIZE)


def test_a_client_that_is_gone_costs_nothing(tmp_path: Path) -> None:
    with Bench(TEXT, tmp_path) as bench:
        client = bench.client()
        bench.session()
        client.close()
        bench.idle()
        assert bench.status(200) == 1
