"""The real system."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from penstock.master.system import account, real_system


def test_files_are_read_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "x.conf"
    file.write_bytes("é\r\n".encode())
    system = real_system()
    assert (system.read_text(str(file)), system.read_bytes(str(file))) == ("é\r\n", "é\r\n".encode())


def test_what_is_no_text_is_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "x.conf"
    file.write_bytes(b"\xff")
    with pytest.raises(UnicodeDecodeError):
        real_system().read_text(str(file))


def test_patterns_match_in_order(tmp_path: Path) -> None:
    for name in ("b.conf", "a.conf", "c.txt"):
        (tmp_path / name).touch()
    assert real_system().glob(f"{tmp_path}/*.conf") == [f"{tmp_path}/a.conf", f"{tmp_path}/b.conf"]


def test_a_numeric_address_resolves_to_itself_once() -> None:
    assert real_system().resolve("127.0.0.1") == ["127.0.0.1"]
    assert real_system().resolve("::1") == ["::1"]


@pytest.mark.parametrize("name", ["a..test", "x" * 64 + ".test"])
def test_a_name_that_is_none_has_no_address(name: str) -> None:
    with pytest.raises(OSError, match="label"):
        real_system().resolve(name)


def test_root_is_an_account() -> None:
    root = account("root", None)
    assert (root.name, root.uid, root.gid) == ("root", 0, 0)
    assert 0 in root.groups


def test_unknown_accounts_are_told_as_nginx_does() -> None:
    with pytest.raises(LookupError) as caught:
        account("no-such-user", None)
    assert caught.value.args == ('getpwnam("no-such-user") failed',)
    with pytest.raises(LookupError) as caught:
        account("root", "no-such-group")
    assert caught.value.args == ('getgrnam("no-such-group") failed',)


def test_the_process_s_own_facts() -> None:
    system = real_system()
    assert system.cpu_count() == len(os.sched_getaffinity(0))
    assert system.privileged == (pwd.getpwuid(os.geteuid()).pw_uid == 0)
    assert system.environment == dict(os.environ)
    assert system.now() > 1_700_000_000
