"""`penstock -t` of a gateway: warnings of what is of no use, and mistakes with their place and the rule."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from certs import Authority
from gate import Tried

HEAD: Final = (
    "stream_listen 127.0.0.1:%%PORT_one%%; certificate { ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; }"
)
USELESS: Final = """
stream {
    %%HEAD%%
    certificate { snis other.test *.elsewhere.test; ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; }
    certificate { snis used.test; ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; }
    service used   { url tcp://127.0.0.1:1; }
    service unused { url tcp://127.0.0.1:1; }
    service off    { url tcp://127.0.0.1:1; enabled off; }
    route first    { protocols tls; snis used.test two.test; service used; }
    route shadowed { protocols tls; snis two.test; service used; }
    route kept     { protocols tls; snis two.test three.test; service used; }
    route net      { protocols tcp; sources 10.0.0.0/8 10.1.0.0/16; service used; }
    route same-net { protocols tcp; sources 10.1.2.3/16; service used; }
    route narrower { protocols tcp; sources 10.1.2.0/24; service used; }
    route behind   { protocols tls_passthrough; snis two.test; service used; }
}
"""


def tried(folder: Path, authority: Authority, text: str) -> Tried:
    """A test of a configuration."""
    pair = authority.issue("used.test")
    return Tried(folder, text.replace("%%HEAD%%", HEAD), "-t", CRT=pair.crt, KEY=pair.key)


def test_what_is_of_no_use_is_a_warning(tmp_path: Path, authority: Authority) -> None:
    found = tried(tmp_path, authority, USELESS)
    assert found.status == 0, found.said
    told = re.findall(r"\[warn\] (.*?) in (\S+):(\d+)", found.said)
    assert [(text, int(line)) for text, file, line in told if file == str(found.file)] == [
        ('no route ends TLS for "other.test", "*.elsewhere.test"', found.line_of("other.test")),
        ('no route goes to service "unused"', found.line_of("service unused")),
        *[
            (
                f'route "{route}" can never match: route "{by}" has its conditions and is asked first',
                found.line_of(f"route {route}"),
            )
            for route, by in (("shadowed", "first"), ("same-net", "net"), ("behind", "first"))
        ],
    ]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("route r { protocols tls; snis a.test; service nobdy; }", 'unknown service "nobdy".*did you mean "nobody"'),
        ("route r { protocols tls; service nobody; }", "must set one of 'sources', 'destinations', 'snis'"),
        ("route r { snis a.test; service nobody; }", 'no "protocols" in route "r"'),
        ("route r { protocols tls tls_passthrough; snis a.test; }", "these sets are mutually exclusive"),
        ("route r { protocols tls_passthrough; sources 10.0.0.1; }", "must set snis when 'protocols' is"),
        ("route r { protocols tcp; snis a.test; }", "'snis' can only be set when 'protocols' is 'tls'"),
        ("route r { protocols udp; sources 10.0.0.1; }", 'invalid value "udp".*tcp'),
        ("route r { protocols tls; snis a.*.test; }", "wildcard must be leftmost or rightmost"),
        ("route r { protocols tls; snis *; }", '"\\*"'),
        ("route r { protocols tcp; sources 10.0.0.0/33; }", "10.0.0.0/33"),
        ("route r { protocols tcp; destinations :0x50; }", ":0x50"),
        ("route r { protocols tls; snis a.test; snis b.test; }", '"snis" directive is duplicate'),
        ("route a { protocols tls; snis a; } route a { protocols tls; snis b; }", "duplicate route.*the first is at"),
        ("service nobody { url tcp://127.0.0.1:2; }", "duplicate service"),
        ("service s { url http://127.0.0.1:2; }", "invalid url.*tcp://HOST:PORT or tls://HOST:PORT"),
        ("service s { url tcp://127.0.0.1:2/path; }", "a stream service has no path"),
        ("service s { url tcp://127.0.0.1:2; port 3; }", '"port" is already given by "url"'),
        ("service s { host pool; retries 40000; }", "retries.*(32767|between)"),
        ("service s { host nowhere.test; }", 'no port for the service\'s host "nowhere.test"'),
        ("service s { url tls://127.0.0.1:2; ca_certificates gone.pem; }", "gone.pem"),
        ("port_maps 443;", 'port_maps.*443|"443"'),
        ("plugin nobody { }", 'plugin "nobody"|unknown plugin'),
        ("plugin ip-restriction { deny 10.0.0.300; }", "deny.*10.0.0.300"),
        ("sniff_limit pending=0;", "pending=0"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_the_rule(
    tmp_path: Path, authority: Authority, wrong: str, said: str
) -> None:
    text = f"stream {{\n%%HEAD%%\nservice nobody {{ url tcp://127.0.0.1:1; }}\n{wrong}\n}}\n"
    found = tried(tmp_path, authority, text)
    assert found.status == 1
    line = found.file.read_text().splitlines().index(wrong) + 1
    assert f"{found.file}:{line}" in found.said, found.said
    assert re.search(said, found.said, re.S), found.said
    if not wrong.startswith("plugin"):  # what plugins take, a process of their own has found
        assert wrong in found.said  # the line itself, with a caret below
