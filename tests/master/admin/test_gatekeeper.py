"""Who may use the Admin API."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request

from penstock.master.admin.gatekeeper import admitted
from penstock.shared.model.operations import AdminAuth

TOKENS = AdminAuth(tokens=(b"0123456789abcdef", b"fedcba9876543210"))


@pytest.mark.parametrize(
    ("headers", "welcome"),
    [
        ({"Authorization": "Bearer 0123456789abcdef"}, True),
        ({"Authorization": "bearer fedcba9876543210"}, True),
        ({"Kong-Admin-Token": "0123456789abcdef"}, True),
        ({"Authorization": "Bearer 0123456789abcde"}, False),
        ({"Authorization": "Basic 0123456789abcdef"}, False),
        ({"Authorization": "Bearer ü"}, False),
        ({}, False),
    ],
)
def test_a_token_is_asked_for(headers: dict[str, str], welcome: bool) -> None:
    assert admitted(make_mocked_request("GET", "/", headers), TOKENS) is welcome


@pytest.mark.parametrize(
    ("site", "welcome"),
    [("", True), ("none", True), ("same-origin", True), ("cross-site", False), ("same-site", False)],
)
def test_a_page_of_somebody_else_may_not_use_an_open_listener(site: str, welcome: bool) -> None:
    headers = {"Sec-Fetch-Site": site} if site else {}
    assert admitted(make_mocked_request("POST", "/services", headers), AdminAuth()) is welcome


def test_who_has_shown_a_certificate_may_come_in() -> None:
    assert admitted(make_mocked_request("GET", "/"), AdminAuth(authorities=b"pem"))


@pytest.mark.parametrize(
    ("host", "welcome"),
    [
        ("", True),
        ("localhost:8001", True),
        ("Localhost", True),
        ("admin.localhost:8001", True),
        ("127.0.0.1:8001", True),
        ("[::1]:8001", True),
        ("evil.test:8001", False),
        ("localhost.evil.test", False),
    ],
)
def test_a_name_that_somebody_let_point_here_may_not_use_an_open_listener(host: str, welcome: bool) -> None:
    request = make_mocked_request("POST", "/services", {"Host": host} if host else {})
    assert admitted(request, AdminAuth()) is welcome


def test_with_a_token_any_name_will_do() -> None:
    headers = {"Host": "admin.test", "Authorization": "Bearer 0123456789abcdef"}
    assert admitted(make_mocked_request("GET", "/", headers), TOKENS)
