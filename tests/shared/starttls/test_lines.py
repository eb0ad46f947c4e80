"""SMTP, IMAP and POP3."""

from __future__ import annotations

import pytest

from penstock.shared.starttls.lines import IMAP, POP3, SMTP
from penstock.shared.starttls.prologue import Exchange, Refused, Stage, Starttls


def talk(protocol: Starttls, *commands: bytes) -> list[tuple[Stage, bytes]]:
    front = protocol.front()
    return [(step.stage, step.reply) for step in map(front.step, commands)]


@pytest.mark.parametrize(
    ("protocol", "commands", "last"),
    [
        (SMTP, (b"EHLO me\r\n", b"STARTTLS\r\n"), b"220 go ahead\r\n"),
        (SMTP, (b"ehlo me\r\n", b"NOOP\r\n", b"starttls\r\n"), b"220 go ahead\r\n"),
        (IMAP, (b"a1 CAPABILITY\r\n", b"a2 STARTTLS\r\n"), b"a2 OK go ahead\r\n"),
        (IMAP, (b'a1 ID ("name" "x")\r\n', b"a2 starttls\r\n"), b"a2 OK go ahead\r\n"),
        (POP3, (b"CAPA\r\n", b"STLS\r\n"), b"+OK go ahead\r\n"),
        (POP3, (b"STLS\r\n",), b"+OK go ahead\r\n"),
    ],
)
def test_the_way_to_tls(protocol: Starttls, commands: tuple[bytes, ...], last: bytes) -> None:
    *before, end = talk(protocol, *commands)
    assert all(stage is Stage.MORE and reply for stage, reply in before)
    assert end == (Stage.TLS, last)


@pytest.mark.parametrize(
    ("protocol", "said", "plain"),
    [
        (SMTP, b"EHLO me\r\n", b"MAIL FROM:<a@b>\r\n"),
        (IMAP, b"a CAPABILITY\r\n", b"b LOGIN me secret\r\n"),
        (POP3, b"CAPA\r\n", b"USER me\r\n"),
    ],
)
def test_who_stays_in_clear_is_heard_by_the_upstream_from_the_start(
    protocol: Starttls, said: bytes, plain: bytes
) -> None:
    front = protocol.front()
    front.step(said)
    step = front.step(plain)
    assert (step.stage, step.consumed) == (Stage.PLAIN, 0)
    assert front.replay() == said
    greeted, *again = protocol.back(False, front.replay())
    assert greeted.send == b""
    assert [exchange.send for exchange in again] == [said]


@pytest.mark.parametrize("protocol", [SMTP, IMAP, POP3])
def test_a_line_without_end_is_refused(protocol: Starttls) -> None:
    assert protocol.front().step(b"x" * 400).stage is Stage.MORE
    assert protocol.front().step(b"x" * 600).stage is Stage.BROKEN


def test_commands_without_end_are_refused() -> None:
    front = SMTP.front()
    stages = {front.step(b"NOOP " + b"x" * 100 + b"\r\n").stage for _ in range(60)}
    assert Stage.BROKEN in stages


@pytest.mark.parametrize(
    ("protocol", "command"), [(SMTP, b"STARTTLS\r\n"), (IMAP, b"a STARTTLS\r\n"), (POP3, b"STLS\r\n")]
)
def test_bytes_smuggled_behind_the_command_are_refused(protocol: Starttls, command: bytes) -> None:
    assert protocol.front().step(command + b"x").stage is Stage.BROKEN


def test_a_hello_in_place_of_a_command_is_refused() -> None:
    assert SMTP.front().step(b"\x16\x03\x01\n").stage is Stage.BROKEN


def exchanged(exchanges: tuple[Exchange, ...], answers: list[bytes]) -> list[int | None]:
    return [exchange.end(answer) for exchange, answer in zip(exchanges, answers, strict=True)]


@pytest.mark.parametrize(
    ("protocol", "answers"),
    [
        (SMTP, [b"220-a\r\n220 b\r\n", b"250-a\r\n250 b\r\n", b"220 ok\r\n"]),
        (IMAP, [b"* OK hi\r\n", b"* x\r\nP1 OK\r\n"]),
        (POP3, [b"+OK hi\r\n", b"+OK\r\n"]),
    ],
)
def test_an_upstream_that_agrees(protocol: Starttls, answers: list[bytes]) -> None:
    exchanges = protocol.back(True, b"")
    assert exchanged(exchanges, answers) == [len(answer) for answer in answers]
    assert exchanged(exchanges, [answer[:-1] for answer in answers]) == [None] * len(answers)


@pytest.mark.parametrize(
    ("protocol", "place", "answer"),
    [
        (SMTP, 0, b"554 no\r\n"),
        (SMTP, 2, b"454 later\r\n"),
        (SMTP, 0, b"HTTP/1.1 400\r\n"),
        (IMAP, 0, b"* BYE no\r\n"),
        (IMAP, 1, b"P1 BAD no\r\n"),
        (POP3, 0, b"-ERR no\r\n"),
        (POP3, 1, b"-ERR no\r\n"),
    ],
)
def test_an_upstream_that_refuses(protocol: Starttls, place: int, answer: bytes) -> None:
    with pytest.raises(Refused, match="the upstream answers"):
        protocol.back(True, b"")[place].end(answer)


def test_capabilities_end_with_a_point() -> None:
    (_, again) = POP3.back(False, b"CAPA\r\n")
    assert again.end(b"+OK\r\nSTLS\r\n") is None
    assert again.end(b"+OK\r\nSTLS\r\n.\r\n") == 14
    assert again.end(b"+OK\r\n.\r\n") == 8
