"""Names and sizes of shared memory."""

from __future__ import annotations

import pytest
from builds import mistake, stream

SERVER = "server 10.0.0.1:1;"


def test_upstreams_may_share_a_zone() -> None:
    made = stream(f"upstream u {{ zone z; {SERVER} }} upstream v {{ {SERVER} zone z 64k; }}").upstreams
    assert [(one.zone, one.zone_size) for one in made.values()] == [("z", 0), ("z", 65536)]


def test_the_last_zone_holds() -> None:
    assert stream(f"upstream u {{ zone z 64k; zone y 32k; {SERVER} }}").upstreams["u"].zone == "y"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("upstream u { zone z; %s }", 'zero size shared memory zone "z"'),
        ("upstream u { zone z 4k; %s }", 'zone "z" is too small'),
        ("upstream u { zone z x; %s }", 'invalid zone size "x"'),
        ("upstream u { zone '' 64k; %s }", 'invalid zone name ""'),
        (
            "upstream u { zone z 64k; %s } upstream v { zone z 65k; %s }",
            'the size 66560 of shared memory zone "z" conflicts with already declared size 65536',
        ),
        (
            "upstream u { zone z 64k; %s } limit_conn_zone $pid zone=z:64k;",
            'the shared memory zone "z" is already declared for a different use',
        ),
    ],
)
def test_mistakes_in_nginx_words(text: str, complaint: str) -> None:
    assert mistake(text.replace("%s", SERVER)).text == complaint
