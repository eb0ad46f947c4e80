from __future__ import annotations

from directives import checked, complaint_of_ours


def test_an_upstream_has_as_many_servers_as_it_likes() -> None:
    checked("stream { upstream u { zone u 64k; server a:1 weight=2 max_fails=3; server b:1 backup down; } }")


def test_a_server_of_an_upstream_is_no_block() -> None:
    assert complaint_of_ours("stream { upstream u { server { listen 1; } } }") == (
        'directive "server" is not terminated by ";"'
    )


def test_a_method_that_does_not_exist_yet_is_never_taken_for_round_robin() -> None:
    for method in ("hash $remote_addr consistent", "least_conn", "random two", "least_time connect"):
        complaint = complaint_of_ours(f"stream {{ upstream u {{ {method}; server a:1; }} }}")
        assert complaint is None or complaint.endswith("is not supported by this version of Penstock")
