"""ClientHellos for tests: those recorded from real clients, and ones made to measure."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from penstock.shared.proxy_protocol import parse

FOLDER: Final = Path(__file__).parent.parent / "data" / "clienthellos"
VERSIONS: Final = {"1.3": 0x0304, "1.2": 0x0303, "1.1": 0x0302, "1.0": 0x0301, "SSLv3": 0x0300, "SSLv2": 0x0002}


@dataclass(frozen=True)
class Recorded:
    """A row of the index with its bytes, those of a PROXY header taken off."""

    file: str
    format: str
    data: bytes
    sni: str | None
    alpn: tuple[str, ...]
    versions: tuple[int, ...]
    legacy_version: int
    key_shares: int
    flags: frozenset[str]

    @property
    def is_tls(self) -> bool:
        """Whether it is a ClientHello of a stream, in whatever framing."""
        return self.format in ("TLS", "SSLv2 record")

    def __str__(self) -> str:
        return self.file.removesuffix(".bin")


def recorded() -> list[Recorded]:
    """Every row of the index."""
    with (FOLDER / "INDEX.tsv").open(newline="") as file:
        return [_read(row) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


def _read(row: dict[str, str]) -> Recorded:
    flags = frozenset(filter(None, row["flags"].split(",")))
    data = (FOLDER / row["file"]).read_bytes()
    if "preface_in_file" in flags:
        header = parse(data).header
        assert header is not None
        data = data[header.length :]
    return Recorded(
        file=row["file"],
        format=row["format"],
        data=data,
        sni=None if row["sni"] == "-" else row["sni"].replace("\\n", "\n"),
        alpn=tuple(filter(None, row["alpn"].split(","))),
        versions=tuple(VERSIONS[word] for word in row["versions"].split(",") if word not in ("", "GREASE")),
        legacy_version=VERSIONS.get(row["legacy_version"], 0),
        key_shares=len([word for word in row["key_shares"].split(",") if word]),
        flags=flags,
    )


HELLOS: Final = recorded()
TLS_HELLOS: Final = [hello for hello in HELLOS if hello.is_tls]
RECORD_HELLOS: Final = [hello for hello in HELLOS if hello.format == "TLS"]


def named(file: str) -> Recorded:
    """The recording of a file."""
    return next(hello for hello in HELLOS if hello.file == file)


def block(content: bytes, width: int = 2) -> bytes:
    """`content` behind its length."""
    return len(content).to_bytes(width) + content


def extension(kind: int, content: bytes) -> bytes:
    """One extension."""
    return kind.to_bytes(2) + block(content)


def server_name(name: bytes, kind: int = 0) -> bytes:
    """A server_name extension with one entry."""
    return extension(0, block(bytes((kind,)) + block(name)))


def alpn(*protocols: bytes) -> bytes:
    """An ALPN extension."""
    return extension(16, block(b"".join(block(protocol, 1) for protocol in protocols)))


def supported_versions(*versions: int) -> bytes:
    """A supported_versions extension."""
    return extension(43, block(b"".join(version.to_bytes(2) for version in versions), 1))


def body(
    *extensions: bytes, session_id: bytes = b"", ciphers: bytes = b"\x13\x01", compressions: bytes = b"\0"
) -> bytes:
    """A ClientHello's body; without extensions it ends before their block."""
    fixed = b"\x03\x03" + bytes(32) + block(session_id, 1) + block(ciphers) + block(compressions, 1)
    return fixed + block(b"".join(extensions)) if extensions else fixed


def message(content: bytes) -> bytes:
    """The handshake message around a body."""
    return b"\x01" + block(content, 3)


def records(content: bytes, sizes: Iterable[int] = ()) -> bytes:
    """`content` in handshake records of these sizes, the rest in the last one."""
    out = []
    for size in sizes:
        out.append(b"\x16\x03\x01" + block(content[:size]))
        content = content[size:]
    if content:
        out.append(b"\x16\x03\x01" + block(content))
    return b"".join(out)


def message_of(data: bytes) -> bytes:
    """The handshake message of a recording that is one record."""
    size = int.from_bytes(data[3:5])
    return data[5 : 5 + size]


def one_byte_records(content: bytes) -> bytes:
    """`content` in records of one byte each."""
    return records(content, [1] * len(content))


def names(hellos: Sequence[Recorded]) -> list[str]:
    """Test ids."""
    return [str(hello) for hello in hellos]
