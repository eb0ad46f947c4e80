"""Protocols of lines in which the server greets: SMTP, IMAP and POP3.

Towards the client we greet and answer only what comes before STARTTLS; anything else means that it stays in clear. An
upstream greets as well, which must not reach a client that has been greeted already.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from .prologue import MAX_PROLOGUE, Exchange, Refused, Stage, Starttls, Step

MAX_LINE: Final = 512
"""Bytes of a command (RFC 5321, 4.5.3.1.4)."""
Answers = Callable[[bytes], "tuple[bytes, bool] | None"]
"""A command (upper case, without the line's end): the answer, and whether TLS follows; None: it stays in clear."""


class LineFront:
    """A server that greets, of which only the words before TLS are known."""

    def __init__(self, greeting: bytes, answers: Answers) -> None:
        self.greeting = greeting
        self._answers = answers
        self._said: list[bytes] = []
        self._answered = 0

    def step(self, data: bytes) -> Step:
        """One line."""
        line, end, rest = data.partition(b"\n")
        if not end:
            if len(data) > MAX_LINE:
                return Step(Stage.BROKEN, reason=f"a line of more than {MAX_LINE} bytes")
            return Step(Stage.MORE)
        if data[0] == 0x16 and not self._said:
            return Step(Stage.BROKEN, reason="a TLS hello in place of a command")
        self._answered += len(line) + 1
        if self._answered > MAX_PROLOGUE:
            return Step(Stage.BROKEN, reason="too many commands before STARTTLS")
        found = self._answers(line.rstrip(b"\r"))
        if found is None:
            return Step(Stage.PLAIN)
        answer, tls = found
        if tls and rest:
            # they were not encrypted, whatever the client thinks (CVE-2011-0411)
            return Step(Stage.BROKEN, reason="bytes follow the command for TLS in clear")
        if not tls:
            self._said.append(line + end)
        return Step(Stage.TLS if tls else Stage.MORE, len(line) + 1, answer)

    def replay(self) -> bytes:
        """The commands that were answered here, each of which the upstream answers once more."""
        return b"".join(self._said)


# -- SMTP (RFC 5321, RFC 3207)

SMTP_CODE: Final = re.compile(rb"\d{3}")


def smtp_answers(line: bytes) -> tuple[bytes, bool] | None:
    """EHLO, NOOP and STARTTLS."""
    word = line.upper().split(b" ", 1)[0]
    if word == b"EHLO":
        return b"250-penstock\r\n250-8BITMIME\r\n250 STARTTLS\r\n", False
    if word == b"NOOP":
        return b"250 OK\r\n", False
    if line.upper() == b"STARTTLS":
        return b"220 go ahead\r\n", True
    return None


def smtp_reply(good: bytes, what: str) -> Callable[[bytes], int | None]:
    """The end of a reply, which may have several lines (RFC 5321, 4.2.1)."""

    def end(data: bytes) -> int | None:
        for line, after in lines_of(data):
            if not SMTP_CODE.match(line) or not line.startswith(good):
                raise Refused(f"the upstream answers {what} with {shown(line)}")
            if line[3:4] != b"-":
                return after
        return None

    return end


def smtp_back(tls: bool, replay: bytes) -> tuple[Exchange, ...]:
    """Take the greeting; ask for TLS, or say again what the client has said."""
    greeted = Exchange(b"", smtp_reply(b"2", "a connection"))
    if tls:
        return (
            greeted,
            Exchange(b"EHLO penstock\r\n", smtp_reply(b"2", "EHLO")),
            Exchange(b"STARTTLS\r\n", smtp_reply(b"2", "STARTTLS")),
        )
    return (greeted, *(Exchange(line, smtp_reply(b"2", "EHLO")) for line in replay.splitlines(keepends=True)))


# -- IMAP (RFC 9051, 6.2.1)

IMAP_CAPABILITY: Final = b"IMAP4rev1 STARTTLS LOGINDISABLED"
IMAP_TAG: Final = b"P1"


def imap_answers(line: bytes) -> tuple[bytes, bool] | None:
    """CAPABILITY, ID, NOOP and STARTTLS."""
    tag, _, command = line.partition(b" ")
    word = command.upper().split(b" ", 1)[0]
    if word == b"CAPABILITY":
        return b"* CAPABILITY " + IMAP_CAPABILITY + b"\r\n" + tag + b" OK done\r\n", False
    if word == b"ID":
        return b"* ID NIL\r\n" + tag + b" OK done\r\n", False
    if word == b"NOOP":
        return tag + b" OK done\r\n", False
    if word == b"STARTTLS":
        return tag + b" OK go ahead\r\n", True
    return None


def imap_reply(tag: bytes, what: str) -> Callable[[bytes], int | None]:
    """The end of an answer: the line with the command's tag; a greeting's is `*`."""

    def end(data: bytes) -> int | None:
        for line, after in lines_of(data):
            if line.startswith(tag + b" "):
                if not line[len(tag) + 1 :].upper().startswith((b"OK", b"PREAUTH")):
                    raise Refused(f"the upstream answers {what} with {shown(line)}")
                return after
        return None

    return end


def imap_back(tls: bool, replay: bytes) -> tuple[Exchange, ...]:
    """Take the greeting; ask for TLS, or say again what the client has said."""
    greeted = Exchange(b"", imap_reply(b"*", "a connection"))
    if tls:
        return (greeted, Exchange(IMAP_TAG + b" STARTTLS\r\n", imap_reply(IMAP_TAG, "STARTTLS")))
    lines = replay.splitlines(keepends=True)
    return (greeted, *(Exchange(line, imap_reply(line.partition(b" ")[0], "a command")) for line in lines))


# -- POP3 (RFC 1939, RFC 2595)


def pop3_answers(line: bytes) -> tuple[bytes, bool] | None:
    """CAPA and STLS."""
    word = line.upper()
    if word == b"CAPA":
        return b"+OK\r\nSTLS\r\nUSER\r\n.\r\n", False
    if word == b"STLS":
        return b"+OK go ahead\r\n", True
    return None


def pop3_reply(what: str, several: bool = False) -> Callable[[bytes], int | None]:
    """The end of an answer: a line, or with CAPA the line of one point."""

    def end(data: bytes) -> int | None:
        stop = data.find(b"\n")
        if stop < 0:
            return None
        if not data.startswith(b"+OK"):
            raise Refused(f"the upstream answers {what} with {shown(data[:stop])}")
        if not several:
            return stop + 1
        found = data.find(b"\n.\r\n", stop - 1)
        return None if found < 0 else found + 4

    return end


def pop3_back(tls: bool, replay: bytes) -> tuple[Exchange, ...]:
    """Take the greeting; ask for TLS, or say again what the client has said."""
    greeted = Exchange(b"", pop3_reply("a connection"))
    if tls:
        return (greeted, Exchange(b"STLS\r\n", pop3_reply("STLS")))
    return (greeted, *(Exchange(line, pop3_reply("CAPA", several=True)) for line in replay.splitlines(keepends=True)))


def lines_of(data: bytes) -> Iterator[tuple[bytes, int]]:
    """The whole lines of what has come, each with where the next one begins."""
    at = 0
    while (stop := data.find(b"\n", at)) >= 0:
        yield data[at:stop], stop + 1
        at = stop + 1


def shown(line: bytes) -> str:
    """A line of the upstream's, fit for a log."""
    return repr(line.rstrip(b"\r")[:80].decode("latin-1"))


SMTP: Final = Starttls("smtp", lambda: LineFront(b"220 penstock ESMTP\r\n", smtp_answers), smtp_back)
IMAP: Final = Starttls(
    "imap", lambda: LineFront(b"* OK [CAPABILITY " + IMAP_CAPABILITY + b"] ready\r\n", imap_answers), imap_back
)
POP3: Final = Starttls("pop3", lambda: LineFront(b"+OK ready\r\n", pop3_answers), pop3_back)
