"""Which certificate a client is shown, of which type, and how it changes under sessions that stay."""

from __future__ import annotations

import re
import signal
import ssl
from collections.abc import Iterator
from pathlib import Path
from ssl import TLSVersion
from typing import Final

import pytest
from certs import Authority
from clients import careless, connect, connect_tls, echoed
from gate import Gate, Tried
from peers import Peer

CONFIG: Final = """
stream {
    stream_listen 127.0.0.1:%%PORT_one%%;
    stream_listen 127.0.0.1:%%PORT_ssl%% ssl;
    %%REST%%
    service echo { url tcp://%%ECHO%%; }
    route all { protocols tls; destinations 127.0.0.1; service echo; }
}
"""
NAMED: Final = """
    certificate { snis exact.web.test one.test two.test; %%exact%% }
    certificate { snis *.web.test;                       %%left%% }
    certificate { snis *.deep.web.test;                  %%deep%% }
    certificate { snis shop.*;                           %%right%% }
    certificate { snis MIXED.Test dotted.test.;          %%mixed%% }
"""
STAR: Final = "certificate { snis *; %%star%% }"
DEFAULT: Final = "certificate { %%default%% }"

CHOICES: Final = {
    "exact.web.test": "exact",
    "EXACT.web.TEST": "exact",
    "exact.web.test.": "exact",
    "one.test": "exact",
    "two.test": "exact",
    "a.web.test": "left",
    "deep.web.test": "left",
    "x.deep.web.test": "deep",
    "x.y.web.test": None,  # the star is one label
    "x.exact.web.test": None,
    "web.test": None,
    "shop.test": "right",
    "shop.com": "right",
    "shop.co.uk": None,
    "shop": None,
    "a.shop.test": None,
    "mixed.test": "mixed",
    "dotted.test": "mixed",
    "stranger.test": None,
    "*.web.test": "left",
    "localhost": None,
    None: None,
}
"""The certificate by the name asked for; None where only the widest one is left."""


def text_of(rest: str, authority: Authority) -> str:
    """The configuration with certificates for `NAME.certificate.test` in the places named."""

    def pair(found: re.Match[str]) -> str:
        crt, key = authority.issue(f"{found[1]}.certificate.test")
        return f"ssl_certificate {crt}; ssl_certificate_key {key};"

    return CONFIG.replace("%%REST%%", re.sub(r"%%([a-z]+)%%", pair, rest))


def shown(gate: Gate, authority: Authority, name: str | None, port: str = "one") -> str:
    """The certificate that a client is shown, without the end that they all have."""
    context = authority.client()
    context.check_hostname = False
    with connect_tls(gate.port(port), context, name) as client:
        certificate = client.getpeercert()
    assert certificate is not None
    return str(certificate["subjectAltName"][0][1]).removesuffix(".certificate.test")


@pytest.fixture(scope="module", params=["star", "default"])
def gate(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, authority: Authority, echo: Peer
) -> Iterator[tuple[Gate, str]]:
    rest = NAMED + DEFAULT + (STAR if request.param == "star" else "")
    with Gate(tmp_path_factory.mktemp("certificates"), text_of(rest, authority), ECHO=echo) as running:
        yield running, request.param


@pytest.mark.parametrize("name", CHOICES, ids=str)
def test_the_nearest_name_s_certificate_is_shown(
    gate: tuple[Gate, str], authority: Authority, name: str | None
) -> None:
    running, widest = gate
    assert shown(running, authority, name) == (CHOICES[name] or widest)


def test_a_listener_for_tls_alone_chooses_the_same(gate: tuple[Gate, str], authority: Authority) -> None:
    assert shown(gate[0], authority, "a.web.test", "ssl") == "left"


def test_a_session_stays_when_certificates_change(tmp_path: Path, authority: Authority, echo: Peer) -> None:
    changed = text_of("certificate { snis one.test; %%newer%% } certificate { %%default%% }", authority)
    with (
        Gate(tmp_path, text_of(NAMED + DEFAULT, authority), ECHO=echo) as gate,
        connect_tls(gate.port("one"), careless(), "one.test") as client,
    ):
        assert echoed(client, b"before") == b"before"
        gate.reload(changed)
        assert shown(gate, authority, "one.test") == "newer"
        assert shown(gate, authority, "two.test") == "default"
        assert echoed(client, b"after") == b"after"


# -- two pairs


@pytest.fixture(scope="module")
def paired(tmp_path_factory: pytest.TempPathFactory, authority: Authority, echo: Peer) -> Iterator[Gate]:
    elliptic, rsa = authority.issue("both.certificate.test"), authority.issue("both.certificate.test", rsa=True)
    rest = (
        f"certificate {{ snis both.test; ssl_certificate {elliptic.crt}; ssl_certificate_key {elliptic.key};"
        f" ssl_certificate {rsa.crt}; ssl_certificate_key {rsa.key}; }} {DEFAULT}"
    )
    with Gate(tmp_path_factory.mktemp("pairs"), text_of(rest, authority), ECHO=echo) as running:
        yield running


@pytest.mark.parametrize(
    ("name", "ciphers", "cipher"),
    [
        ("both.test", "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        ("both.test", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
        ("other.test", "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        ("other.test", "ECDHE-RSA-AES128-GCM-SHA256", None),
    ],
)
def test_the_type_of_key_follows_the_client(paired: Gate, name: str, ciphers: str, cipher: str | None) -> None:
    context = careless(maximum_version=TLSVersion.TLSv1_2)
    context.set_ciphers(ciphers)
    if cipher is None:
        with pytest.raises(ssl.SSLError, match=r"(?i)handshake[ _]failure"):
            connect_tls(paired.port("one"), context, name)
        return
    with connect_tls(paired.port("one"), context, name) as client:
        assert (client.cipher() or [None])[0] == cipher


# -- none, and too many


def test_without_one_there_is_one_for_localhost(tmp_path: Path, echo: Peer) -> None:
    with Gate(tmp_path, CONFIG.replace("%%REST%%", ""), ECHO=echo) as gate:
        for port in ("one", "ssl"):
            with connect_tls(gate.port(port), careless(), "whatever.test") as client:
                assert b"localhost" in (client.getpeercert(binary_form=True) or b"")
        context = careless(maximum_version=TLSVersion.TLSv1_2)
        context.set_ciphers("aRSA")
        with connect_tls(gate.port("one"), context) as client:
            assert echoed(client, b"by RSA too") == b"by RSA too"


@pytest.mark.parametrize(
    ("rest", "field", "said"),
    [
        ("certificate { snis a.test; %%one%% } certificate { snis a.test; %%two%% }", "a.test", "has a certificate"),
        ("certificate { %%one%% } certificate { %%two%% }", "certificate {", "there is a default certificate already"),
        ("certificate { snis a.test; }", "certificate {", 'no "ssl_certificate" is defined for the certificate'),
        ("certificate { snis a.*.test; %%one%% }", "a.*.test", "wildcard"),
        ("certificate { snis 10.0.0.1; %%one%% }", "10.0.0.1", "10.0.0.1"),
        ("certificate { snis a.test; ssl_certificate gone.crt; ssl_certificate_key no; }", "gone.crt", "gone.crt"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(
    tmp_path: Path, authority: Authority, echo: Peer, rest: str, field: str, said: str
) -> None:
    tried = Tried(tmp_path, text_of(rest, authority), "-t", ECHO=echo)
    assert tried.status == 1
    assert said in tried.said
    assert re.search(rf"{re.escape(str(tried.file))}:\d+", tried.said), tried.said
    assert field in tried.said


def test_a_change_that_is_wrong_changes_nothing(tmp_path: Path, authority: Authority, echo: Peer) -> None:
    with Gate(tmp_path, text_of(NAMED + DEFAULT, authority), ECHO=echo) as gate:
        gate.trouble = re.compile("Traceback")
        gate.write(text_of("certificate { snis one.test; ssl_certificate gone; ssl_certificate_key gone; }", authority))
        gate.signal(signal.SIGHUP)
        gate.wait_metric("penstock_config_last_reload_success", 0)
        assert shown(gate, authority, "one.test") == "exact"
        with connect(gate.port("one")) as client:
            client.sendall(b"x")
            assert client.recv(1) == b""
