"""An explanation for people."""

from __future__ import annotations

from builds import pair_files, stream

from penstock.shared.explanation import explain
from penstock.shared.explanation_text import readable
from penstock.shared.imagined import Question

STREAM = """
stream_listen 0.0.0.0:5555;
service s { url tls://127.0.0.1:1; }
route exact { protocols tls; snis a.test; service s; }
route wide { protocols tls; snis *.test; service s; }
"""


def text_for(sni: str | None) -> str:
    question = Question(sni is not None, sni, ("h2",), ("127.0.0.1", 4), ("127.0.0.1", 5555))
    return readable(explain(stream(STREAM, pair_files()), question))


def test_every_decision_has_a_line() -> None:
    where = "/etc/penstock/penstock.conf"
    lines = [" ".join(line.replace(where, "FILE").split()) for line in text_for("a.test").splitlines()]
    assert lines == [
        "connection TLS, SNI a.test, ALPN h2, from 127.0.0.1:4 to 127.0.0.1:5555",
        "listener 0.0.0.0:5555 (sniff) at FILE:2",
        "sniff tls",
        "route exact (tls) at FILE:4",
        "beats wide: exact SNI over wildcard of 6 characters",
        "client TLS terminated",
        "certificate CN=localhost, the default, made at start because none is configured",
        "service s (tls://127.0.0.1:1) at FILE:3",
        "upstream 127.0.0.1:1 (round robin)",
        "peer 127.0.0.1:1, weight 1",
        "upstream TLS not verified, no SNI",
        "outcome proxied",
    ]


def test_a_refusal_says_why() -> None:
    assert "refused: plain_refused, status 400: no route for plain traffic" in text_for(None).splitlines()[-1]
