"""From a request to an answer, whatever happens on the way."""

from __future__ import annotations

from pathlib import Path

import pytest
from admin_desk import AdminDesk
from aiohttp import web

from penstock.master.admin.answer import to_json
from penstock.master.admin.api import segments_of
from penstock.master.admin.body import BadBody
from penstock.master.admin.call import Call
from penstock.master.store.base import Unavailable
from penstock.shared.entities.violation import invalid_size
from penstock.shared.model.operations import AdminAuth


class Odd:
    """Endpoints that do what their path says."""

    def knows(self, segments: tuple[str, ...]) -> bool:
        return segments[:1] != ("nothing",)

    async def answer(self, call: Call) -> web.Response:
        match call.segments[0]:
            case "violation":
                raise invalid_size("size must be a number")
            case "body":
                raise BadBody(415, "no")
            case "store":
                raise Unavailable("the disk is full")
            case "bug":
                raise RuntimeError("oops")
        return to_json(200, {"segments": call.segments, "query": dict(call.query)})


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/violation", 400, "size must be a number"),
        ("/body", 415, "no"),
        ("/store", 503, "the disk is full"),
        ("/bug", 500, "An unexpected error occurred"),
        ("/nothing", 404, "Not found"),
        ("/" + "x" * 3000, 414, "the path is too long"),
        ("/%ff", 404, "Not found"),
        ("/a%00", 404, "Not found"),
    ],
)
def test_what_goes_wrong_has_a_status_and_a_message(tmp_path: Path, path: str, status: int, text: str) -> None:
    desk = AdminDesk(tmp_path, store=False)

    async def work() -> None:
        answer = await desk.ask("GET", path)
        assert (answer.status, answer.body["message"]) == (status, text)
        assert answer.headers["X-Kong-Admin-Latency"].isdigit()

    desk.run(work, lambda _registrar: [Odd()])
    assert bool(desk.said) is (status in (500, 503))


def test_the_path_is_decoded_part_by_part(tmp_path: Path) -> None:
    desk = AdminDesk(tmp_path, store=False)

    async def work() -> None:
        answer = await desk.ask("GET", "/a%2Fb/c%20d/?size=1")
        assert answer.body == {"segments": ["a/b", "c d"], "query": {"size": "1"}}

    desk.run(work, lambda _registrar: [Odd()])


def test_who_has_no_token_is_turned_away(tmp_path: Path) -> None:
    desk = AdminDesk(tmp_path, store=False, auth=AdminAuth(tokens=(b"0123456789abcdef",)))

    async def work() -> None:
        assert (await desk.ask("GET", "/a")).status == 401
        assert (await desk.ask("GET", "/a", headers={"Authorization": "Bearer 0123456789abcdef"})).status == 200

    desk.run(work, lambda _registrar: [Odd()])


def test_parts_of_a_path() -> None:
    assert segments_of("/") == ()
    assert segments_of("/a/b/") == ("a", "b")
    assert segments_of("/a//b") is None
