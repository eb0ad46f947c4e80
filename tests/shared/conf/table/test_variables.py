from __future__ import annotations

import pytest
from directives import checked, complaint_of_ours


@pytest.mark.parametrize("directive", ["map $a b {}", "set $a;", "set a b;"])
def test_a_variable_is_written_with_its_dollar(directive: str) -> None:
    assert complaint_of_ours(f"stream {{ server {{ {directive} }} {directive} }}") is not None


def test_a_format_may_be_written_in_pieces() -> None:
    checked("stream { log_format a escape=json '$time_local' ' $status'; log_format b x; access_log off; }")


def test_a_value_is_set_in_servers_only() -> None:
    checked("stream { server { set $a b; set $c $a; return $c; } }")
    assert complaint_of_ours("stream { set $a b; }") == '"set" directive is not allowed here'
