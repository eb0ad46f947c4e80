"""What the Admin API logs, and where."""

from __future__ import annotations

from pathlib import Path

from aiohttp.test_utils import make_mocked_request

from penstock.master.admin_logs import AdminLogs
from penstock.shared.model.operations import Admin


class Desk:
    """Logs in a folder, and what went to the main error log in their place."""

    def __init__(self, folder: Path) -> None:
        self.main: list[str] = []
        self.logs = AdminLogs(lambda _level, text: self.main.append(text))
        self.access, self.errors = folder / "access", folder / "errors"


def test_requests_are_logged_a_line_each(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.logs.open(Admin(access_log=str(desk.access)))
    desk.logs.note(make_mocked_request("GET", "/a", {"User-Agent": 'x"\x1b\n'}), 200)
    desk.logs.close()
    (line,) = desk.access.read_text().splitlines()
    assert line.endswith('"GET /a HTTP/1.1" 200 "x\\x22\\x1B\\x0A"')


def test_errors_have_a_log_of_their_own_where_one_is_named(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.logs.warn("before")
    desk.logs.open(Admin(error_log=str(desk.errors)))
    desk.logs.warn("meanwhile")
    desk.logs.open(Admin())
    desk.logs.warn("after")
    assert desk.main == ["before", "after"]
    assert "[warn]" in desk.errors.read_text()
    assert desk.errors.read_text().endswith(": meanwhile\n")


def test_rotated_logs_are_followed(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for name in ("first", "second"):
        desk.logs.open(Admin(error_log=str(desk.errors)))
        desk.logs.warn(name)
        desk.errors.rename(tmp_path / name)
    desk.logs.close()
    assert ["first" in (tmp_path / "first").read_text(), "second" in (tmp_path / "second").read_text()] == [True, True]


def test_a_log_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.logs.open(Admin(error_log=str(tmp_path / "no" / "log")))
    desk.logs.warn("still told")
    assert "no/log" in desk.main[0]
    assert desk.main[1] == "still told"
    desk.logs.close()


def test_without_logs_nothing_is_open(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.logs.open(Admin())
    desk.logs.note(make_mocked_request("GET", "/"), 200)
    desk.logs.warn("x")
    assert desk.main == ["x"]
