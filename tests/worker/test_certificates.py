"""Certificates named by variables."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from certs import Authority

from penstock.shared.model.tls import CertificateCache, KeyPair, PairTemplate
from penstock.shared.template import Template, constant
from penstock.worker.certificates import Certificates, Files

if TYPE_CHECKING:
    from penstock.worker.session import Session


class Named:
    """As much of a session as the name of a certificate needs."""

    def __init__(self, name: str) -> None:
        self.name = name


def named(session: object) -> str:
    """The variable."""
    return cast(Named, session).name


def certificates(base: Path, made: list[tuple[KeyPair, ...]], empty: bool = False) -> Certificates:
    """Those of `$name.crt` and `$name.key`; `made` tells what contexts were made of."""

    def make(pairs: tuple[KeyPair, ...]) -> ssl.SSLContext:
        made.append(pairs)
        return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    ends = ("", "") if empty else (".crt", ".key")
    certificate, key = (Template(f"$name{end}", (named, end)) for end in ends)
    return Certificates((PairTemplate(certificate, key, str(base), may_be_empty=empty),), None, make)


def session(name: str) -> Session:
    """A session of that name."""
    return cast("Session", Named(name))


def test_a_context_is_made_once_of_the_same_files(authority: Authority) -> None:
    for name in ("a.test", "b.test"):
        authority.issue(name)
    made: list[tuple[KeyPair, ...]] = []
    found = certificates(authority.directory, made)
    contexts = [found.context(session(name)) for name in ("a.test", "b.test", "a.test")]
    assert contexts[0] is contexts[2] is not contexts[1]
    assert [pairs[0].certificate_path for pairs in made] == ["a.test.crt", "b.test.crt"]


def test_a_new_certificate_is_taken_at_once(authority: Authority, tmp_path: Path) -> None:
    made: list[tuple[KeyPair, ...]] = []
    found = certificates(tmp_path, made)
    contexts = []
    for name in ("a.test", "b.test"):
        pair = authority.issue(name)
        (tmp_path / "x.crt").write_bytes(pair.crt.read_bytes())
        (tmp_path / "x.key").write_bytes(pair.key.read_bytes())
        contexts.append(found.context(session("x")))
    assert contexts[0] is not contexts[1]


def test_what_is_missing_is_told_as_nginx_does(tmp_path: Path) -> None:
    missing = (
        rf'^cannot load certificate "{tmp_path}/gone.crt": BIO_new_file\(\) failed \(2: No such file or directory\)'
    )
    with pytest.raises(ValueError, match=missing):
        certificates(tmp_path, []).context(session("gone"))
    with pytest.raises(ValueError, match=r"cannot load certificate .* failed"):
        certificates(tmp_path, []).context(session("nul\0"))


def test_no_name_is_no_certificate_where_that_may_be(tmp_path: Path) -> None:
    made: list[tuple[KeyPair, ...]] = []
    certificates(tmp_path, made, empty=True).context(session(""))
    assert made == [()]


def test_data_stands_for_itself_and_is_never_shown(authority: Authority) -> None:
    pair = authority.issue("a.test")
    made: list[tuple[KeyPair, ...]] = []

    def make(pairs: tuple[KeyPair, ...]) -> ssl.SSLContext:
        made.append(pairs)
        return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    templates = PairTemplate(constant("data:" + pair.crt.read_text()), constant("data:" + pair.key.read_text()), "/")
    Certificates((templates,), None, make).context(session(""))
    assert (made[0][0].certificate_path, made[0][0].key_path) == ("data:", "data:")


def test_the_cache_is_valid_for_a_while_and_bounded(tmp_path: Path) -> None:
    now = 0.0
    files = Files(CertificateCache(2, inactive=10, valid=5), lambda: now)
    paths = [tmp_path / name for name in "abc"]
    for path in paths:
        path.write_text("old")
    assert files.read(str(paths[0])) == b"old"
    paths[0].write_text("new")
    assert files.read(str(paths[0])) == b"old"
    now = 5.0
    assert files.read(str(paths[0])) == b"new"
    paths[0].write_text("newer")
    for path in paths[1:]:
        files.read(str(path))
    assert files.read(str(paths[0])) == b"newer"  # two others have taken its place
    paths[0].write_text("newest")
    now = 9.0
    assert files.read(str(paths[0])) == b"newer"


def test_what_is_not_used_is_dropped(tmp_path: Path) -> None:
    now = 0.0
    files = Files(CertificateCache(2, inactive=10, valid=100), lambda: now)
    path = tmp_path / "a"
    path.write_text("old")
    files.read(str(path))
    path.write_text("new")
    now = 10.0
    assert files.read(str(path)) == b"old"
    now = 20.5
    assert files.read(str(path)) == b"new"
