from __future__ import annotations

from pathlib import Path
from socket import AF_INET, AF_INET6, AF_UNIX

import pytest
from hypothesis import given
from hypothesis import strategies as st
from needs import requires
from verdict import complaint

from penstock.shared.conf import values
from penstock.shared.conf.tree import Word
from penstock.shared.errors import ConfigError
from penstock.shared.model.address import ipv4, ipv6, unix
from penstock.shared.model.where import Where

HERE = Where("f", 3, 5)


def word(text: str) -> Word:
    return Word(text, HERE)


def accepted(text: str) -> bool:
    try:
        values.time(word(text))
    except ConfigError:
        return False
    return True


@pytest.mark.parametrize(("text", "expected"), [("on", True), ("OFF", False), ("On", True)])
def test_flags(text: str, expected: bool) -> None:
    assert values.flag(word(text)) is expected


def test_a_wrong_flag_names_the_directive() -> None:
    with pytest.raises(ConfigError) as caught:
        values.flag(word("yes"), "daemon")
    assert caught.value.text == 'invalid value "yes" in "daemon" directive, it must be "on" or "off"'
    assert caught.value.where == HERE


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "0x10", "١", "1 ", "9" * 19, "9" * 4000])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ConfigError, match=r'^"x" directive invalid number$'):
        values.number(word(text), "x")


def test_a_number_has_its_limits() -> None:
    assert values.number(word("7"), least=7, most=7) == 7
    for text in ("6", "8"):
        with pytest.raises(ConfigError) as caught:
            values.number(word(text), least=7, most=7)
        assert caught.value.hint == "expected a whole number from 7 to 7"


@pytest.mark.parametrize(
    ("text", "expected"), [("0", 0), ("512", 512), ("1k", 1024), ("2K", 2048), ("1m", 1024**2), ("3G", 3 * 1024**3)]
)
def test_sizes(text: str, expected: int) -> None:
    assert values.size(word(text)) == expected


@pytest.mark.parametrize("text", ["", "k", "1kb", "-1", "1 k", "9223372036854775807k", "1t"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^invalid value"):
        values.size(word(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30", 30),
        ("0", 0),
        ("500ms", 0.5),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("1w2d", 777600),
        ("1M", 2592000),
        ("1m", 60),
        ("1y1M1w1d1h1m1s1ms", 31536000 + 2592000 + 604800 + 86400 + 3600 + 60 + 1.001),
        ("1h30", 3630),
    ],
)
def test_times(text: str, expected: float) -> None:
    assert values.time(word(text)) == pytest.approx(expected)


@pytest.mark.parametrize(("text", "expected"), [("2000", 2), ("1", 0.001), ("2s", 2), ("1m500", 60.5), ("5ms", 0.005)])
def test_a_bare_number_is_milliseconds_in_kong_fields(text: str, expected: float) -> None:
    assert values.kong_time(word(text)) == pytest.approx(expected)


def test_whole_seconds_have_no_milliseconds() -> None:
    assert values.whole_seconds(word("1m5")) == 65
    with pytest.raises(ConfigError, match='"x" directive invalid value'):
        values.whole_seconds(word("5ms"), "x")


TIMES = (
    *("1h30", "1s30", "1m1h", "1h 30m", "1 2", "1 2 ", "1ms", "1ms1s", "1s1ms", "1 ", "", "-1", "1x", "1w1d", "1H"),
    *("1h5ms", "1h30s20", "1m 1m", "1ms1ms", "1m1ms", "1s1", "1 s", "ms", "1  h", "1h 2 3", "1 1ms", "1h  30m"),
    *("1h\t30m", "1hh", "1ms5", "1ms ", "1d1w", "99999999999s"),
)


@requires("nginx-stream")
@pytest.mark.parametrize("text", TIMES)
def test_nginx_takes_the_same_times(text: str, tmp_path: Path) -> None:
    theirs = complaint(f'events {{}} stream {{ proxy_timeout "{text}"; }}', tmp_path)
    assert accepted(text) is (theirs is None)


@given(st.integers(0, 10**6), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_a_written_time_is_read_back(hours: int, minutes: int, seconds: int, milliseconds: int) -> None:
    text = f"{hours}h{minutes}m{seconds}s{milliseconds}ms"
    expected = hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
    assert values.time(word(text)) == pytest.approx(expected)


def test_an_enum_gives_the_choice_as_listed() -> None:
    assert values.enum(word("tlsV1.2"), ("TLSv1.2", "TLSv1.3")) == "TLSv1.2"


def test_a_wrong_enum_says_what_was_meant() -> None:
    with pytest.raises(ConfigError) as caught:
        values.enum(word("optionl"), ("on", "off", "optional"))
    assert (caught.value.text, caught.value.hint) == ('invalid value "optionl"', 'did you mean "optional"?')
    with pytest.raises(ConfigError) as caught:
        values.enum(word("zzz"), ("on", "off"))
    assert caught.value.hint == "expected one of: on, off"


@pytest.mark.parametrize("text", ["0", "65536", "x", "", "-1", "999999999"])
def test_what_is_no_port(text: str) -> None:
    with pytest.raises(ConfigError, match=f'^invalid port in "{text}"$'):
        values.port(word(text))


@pytest.mark.parametrize(
    ("text", "default", "expected"),
    [
        ("127.0.0.1:80", None, ipv4("127.0.0.1", 80)),
        ("12345", None, ipv4("0.0.0.0", 12345)),
        ("*:80", None, ipv4("0.0.0.0", 80)),
        ("127.0.0.1", 9, ipv4("127.0.0.1", 9)),
        ("[::1]:80", None, ipv6("::1", 80)),
        ("[::]", 9, ipv6("::", 9)),
        ("unix:/run/x.sock", None, unix("/run/x.sock")),
        ("127.0.0.1:080", None, ipv4("127.0.0.1", 80)),
    ],
)
def test_addresses(text: str, default: int | None, expected: object) -> None:
    assert values.address(word(text), default) == expected


WRONG_LISTENS = (
    *("70000", "0", "*:0", "::1", ":80", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:80-", "127.0.0.1:1-99999", "82-80"),
    *("unix:", "[::g]:80", "[::1", "[::1]x", "[]:80", "[::1]:0", "nohost.invalid:80"),
)


@requires("nginx-stream")
@pytest.mark.parametrize("text", WRONG_LISTENS)
def test_nginx_says_the_same_of_a_wrong_listen(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        values.address(word(text), None, "listen")
    theirs = complaint(f"events {{}} stream {{ server {{ listen {text}; return x; }} }}", tmp_path)
    assert caught.value.text == theirs


def test_a_missing_port_without_default_is_an_error() -> None:
    for text in ("127.0.0.1", "[::1]"):
        with pytest.raises(ConfigError, match=r"^no port in"):
            values.address(word(text), None)


def test_a_range_of_ports_gives_an_address_each() -> None:
    found = values.host_port(word("127.0.0.1:80-82"), None, listen=True)
    assert found.addresses() == tuple(ipv4("127.0.0.1", port) for port in (80, 81, 82))
    assert values.host_port(word("[::1]:80-81"), None, listen=True).last == 81
    assert values.host_port(word("80-82"), None, listen=True).addresses()[2] == ipv4("0.0.0.0", 82)
    with pytest.raises(ConfigError, match=r"^invalid port in"):
        values.address(word("80-82"), None)


def test_a_peer_is_no_listener() -> None:
    """In `proxy_pass` and `server` a bare number is a name, and there are no wildcards or ranges."""
    assert values.host_port(word("80"), 9).family is None
    assert values.host_port(word("*:80"), None).family is None
    for text in ("127.0.0.1:80-82", "[::1]:80-82"):
        with pytest.raises(ConfigError, match=r"^invalid port in"):
            values.host_port(word(text), None)


@pytest.mark.parametrize(
    ("text", "family", "host"),
    [
        ("db.internal:5432", None, "db.internal"),
        ("10.0.0.1:5432", AF_INET, "10.0.0.1"),
        ("[2001:db8::1]:5432", AF_INET6, "2001:db8::1"),
        ("unix:relative:1.sock", AF_UNIX, "relative:1.sock"),
    ],
)
def test_a_peer_is_cut_at_its_port(text: str, family: int | None, host: str) -> None:
    found = values.host_port(word(text), None)
    assert (found.family, found.host) == (family, host)
    assert found.first == found.last == (0 if family == AF_UNIX else 5432)


NETWORKS = (
    *("10.0.0.1/8", "10/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0.0/255.0.0.0", "0.0.0.0/0", "1.2.3.4"),
    *("1.2.3.4/32", "1.2.3", "::/0", "::1/64", "[::1]", "fe80::1%lo", "::ffff:1.2.3.4", "x", ""),
)


@requires("nginx-stream")
@pytest.mark.parametrize("text", NETWORKS)
def test_nginx_takes_the_same_networks(text: str, tmp_path: Path) -> None:
    try:
        values.network(word(text))
        ours = None
    except ConfigError as error:
        ours = error.text
    assert ours == complaint(f'events {{}} stream {{ allow "{text}"; }}', tmp_path)


def test_host_bits_of_a_network_are_masked_and_mentioned() -> None:
    network, notice = values.network(word("10.1.2.3/8"))
    assert str(network) == "10.0.0.0/8"
    assert notice is not None
    assert (notice.level, notice.text) == ("warn", "low address bits of 10.1.2.3/8 are meaningless")
    assert notice.where == HERE
    assert values.network(word("10.0.0.0/8"))[1] is None
