from __future__ import annotations

import pytest
from directives import checked, complaint_of_ours

from penstock.shared.conf.table.main import EVENTS, LEVELS, MAIN
from penstock.shared.model.log import Level


def test_debians_own_nginx_conf_without_http_is_right() -> None:
    text = """
    user www-data; worker_processes auto; pid /run/nginx.pid; error_log /var/log/nginx/error.log;
    events { worker_connections 768; # multi_accept on;
    }
    """
    assert checked(text) == ()


def test_error_levels_are_those_of_the_model() -> None:
    assert set(LEVELS) == {level.word for level in Level}


@pytest.mark.parametrize("text", ["worker_processes 0;", "worker_processes -1;", "worker_processes Auto;"])
def test_workers_are_counted_from_one(text: str) -> None:
    assert complaint_of_ours(text) == '"worker_processes" directive invalid value'


def test_everything_that_needs_nginx_itself_has_no_meaning() -> None:
    meaningless = {spec.name for spec in (*MAIN, *EVENTS) if spec.meaningless}
    assert meaningless >= {"accept_mutex", "use", "thread_pool", "timer_resolution", "pcre_jit", "lock_file"}


def test_what_a_master_needs_has_a_meaning() -> None:
    works = {spec.name for spec in MAIN if spec.status == "works" and not spec.meaningless}
    assert works >= {"daemon", "user", "worker_processes", "worker_shutdown_timeout", "pid", "error_log"}
