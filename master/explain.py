"""`penstock explain`: what a configuration would do with a connection, and why."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from ipaddress import ip_address

from ..shared.errors import ConfigError, StartError
from ..shared.explanation import Answer, explain, first_destination
from ..shared.explanation_text import readable
from ..shared.imagined import Question
from ..shared.model.stream import Configuration, Stream
from ..shared.plugin_order import explained
from ..shared.sources import sources
from .launch import Launch
from .plugin_trial import has_plugins, priorities
from .speech import explanation
from .start import say

SOURCE = ("127.0.0.1", 0)


class BadEnd(ValueError):
    """A text that is no `IP[:PORT]`; `args[0]` says what is wrong."""


def run(launch: Launch, words: Answer, as_json: bool) -> int:
    """Explain under the configuration's file; the exit status: 0 whatever becomes of the connection."""
    sources.install(time.time, os.getpid, socket.gethostname())
    try:
        configuration = launch.load()
        stream = configuration.stream
        answer = explain(stream, question_of(words, stream))
        if has_plugins(configuration):
            answer |= plugins_of(configuration, answer)
    except BadEnd as error:
        print(f"penstock: {error}", file=sys.stderr)
        return 1
    except (ConfigError, StartError) as error:
        say(2, "emerg", explanation(error))
        return 1
    show(answer, as_json)
    return 0


def plugins_of(configuration: Configuration, answer: Answer) -> Answer:
    """The plugins that such a connection meets; what they would decide is theirs."""
    if answer.get("listener") is None or answer.get("route", answer) is None:
        return {}
    name = answer["route"]["name"] if "route" in answer else ""
    route = next((route for route in configuration.stream.gateway.routes if route.name == name), None)
    return {"plugins": explained(configuration.stream, route, priorities(configuration))}


def show(answer: Answer, as_json: bool) -> None:
    """Print an answer."""
    print(
        json.dumps(answer, indent=2, ensure_ascii=False) if as_json else readable(answer), end="\n" if as_json else ""
    )


def question_of(words: Answer, stream: Stream) -> Question:
    """A question out of `sni`, `alpn`, `from`, `to` and `plain` as they were given; raises BadEnd."""
    source = end_of(words["from"]) if words.get("from") else SOURCE
    destination = end_of(words["to"], needs_port=True) if words.get("to") else first_destination(stream)
    tls = not words.get("plain")
    return Question(tls, words.get("sni") or None, tuple(words.get("alpn") or ()), source, destination)


def end_of(text: str, *, needs_port: bool = False) -> tuple[str, int]:
    """`IP`, `IP:PORT`, `[IPv6]:PORT` or `:PORT`; raises BadEnd."""
    host, port = text, ""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if host:
        try:
            host = str(ip_address(host))
        except ValueError:
            raise BadEnd(f'"{text}" has no IP address, expected IP:PORT') from None
    if not port and not needs_port:
        return host, 0
    if not (port.isascii() and port.isdecimal() and int(port) < 65536):
        raise BadEnd(f'"{text}" has no port, expected IP:PORT or :PORT')
    return host, int(port)
