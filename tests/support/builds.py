"""Configurations built from texts, on a system of dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from typing import Final, NoReturn

import pytest

from penstock.shared.conf.load import System, load
from penstock.shared.errors import ConfigError
from penstock.shared.model.settings import Settings
from penstock.shared.model.stream import Configuration, Gateway, Server, Stream, User
from penstock.shared.pairs import Kind, self_signed

DIRECTORY: Final = "/etc/penstock"
FILE: Final = f"{DIRECTORY}/penstock.conf"
PREFIX: Final = "/var/lib/penstock"
NOW: Final = 1_800_000_000.0
"""The clock's time: January 2027."""

HOSTS: Final[Mapping[str, tuple[str, ...]]] = {
    "localhost": ("127.0.0.1",),
    "two.test": ("10.0.0.1", "10.0.0.2"),
    "both.test": ("10.0.0.3", "2001:db8::3"),
}
"""Every name that can be resolved."""

Files = Mapping[str, str | bytes]


def build(text: str, files: Files | None = None, **system: object) -> Configuration:
    """The configuration of a whole file; `files` are those beside it, by name, or elsewhere, by path."""
    globals_text = str(system.pop("globals_text", ""))
    return load(FILE, PREFIX, globals_text=globals_text, system=make_system(text, files or {}, **system))


def stream(text: str, files: Files | None = None, **system: object) -> Stream:
    """What the text inside `stream {}` means."""
    return build(f"events {{}} stream {{ {text} }}", files, **system).stream


def server(text: str, before: str = "", files: Files | None = None) -> Server:
    """A server that listens and passes on, with this text in it, and `before` it in `stream {}`."""
    wrapped = f"{before} server {{ listen 127.0.0.1:9; proxy_pass 127.0.0.1:1; {text} }}"
    return stream(wrapped, files).servers[-1]


def settings(text: str, before: str = "", files: Files | None = None) -> Settings:
    """The settings of such a server."""
    return server(text, before, files).settings


def gateway(text: str, files: Files | None = None) -> Gateway:
    """The gateway of a text inside `stream {}`."""
    return stream(text, files).gateway


def mistake(text: str, files: Files | None = None, **system: object) -> ConfigError:
    """The error of a text inside `stream {}`; it names its place and carries its line."""
    error = main_mistake(f"events {{}} stream {{ {text} }}", files, **system)
    assert error.where is not None
    assert error.line
    return error


def main_mistake(text: str, files: Files | None = None, **system: object) -> ConfigError:
    """The error of a whole file."""
    with pytest.raises(ConfigError) as caught:
        build(text, files, **system)
    return caught.value


def server_mistake(text: str, before: str = "", files: Files | None = None) -> ConfigError:
    """The error of a server that would be right without this text."""
    return mistake(f"{before} server {{ listen 127.0.0.1:9; proxy_pass 127.0.0.1:1; {text} }}", files)


def warnings(text: str, files: Files | None = None, **system: object) -> list[str]:
    """What is warned about in a text inside `stream {}`."""
    notices = build(f"events {{}} stream {{ {text} }}", files, **system).notices
    return [notice.text for notice in notices if notice.level == "warn"]


def make_system(text: str, files: Files, **replaced: object) -> System:
    """A system with these files and nothing else."""
    contents = {f"{DIRECTORY}/{name}" if not name.startswith("/") else name: content for name, content in files.items()}
    contents[FILE] = text

    def read_bytes(path: str) -> bytes:
        if path not in contents:
            missing(path)
        content = contents[path]
        return content.encode() if isinstance(content, str) else content

    callables: dict[str, object] = {
        "read_text": lambda path: read_bytes(path).decode(),
        "read_bytes": read_bytes,
        "glob": lambda pattern: sorted(path for path in contents if fnmatchcase(path, pattern)),
        "resolve": resolve,
        "user": user,
        "cpu_count": lambda: 4,
        "now": lambda: NOW,
    }
    return System(**(callables | replaced))  # type: ignore[arg-type]  # the fields are of many types


def missing(path: str) -> NoReturn:
    """What the system says of a file that is not there."""
    raise FileNotFoundError(2, "No such file or directory", path)


def resolve(host: str) -> list[str]:
    """The addresses in HOSTS."""
    if host not in HOSTS:
        raise OSError(-2, "Name or service not known")
    return list(HOSTS[host])


def user(name: str, group: str | None) -> User:
    """The one account there is."""
    if name != "web":
        raise LookupError(f'getpwnam("{name}") failed')
    if group not in (None, "web", "log"):
        raise LookupError(f'getgrnam("{group}") failed')
    return User(name, 33, 4 if group == "log" else 33, (33,))


@cache
def pair_files(stem: str = "a", kind: Kind = "ecdsa") -> dict[str, bytes]:
    """A certificate and its key as files `STEM.crt` and `STEM.key`."""
    pair = self_signed((f"{stem}.test",), kind)
    return {f"{stem}.crt": pair.certificate, f"{stem}.key": pair.key}
