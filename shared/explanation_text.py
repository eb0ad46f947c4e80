"""An explanation for people: one line per decision, in the order in which a session meets them."""

from __future__ import annotations

from collections.abc import Iterator

from .explanation import Answer

WIDTH = 14


def readable(answer: Answer) -> str:
    """The text, ending with what becomes of the connection."""
    return "".join(f"{label:<{WIDTH}}{text}\n" for label, text in _lines(answer))


def _lines(answer: Answer) -> Iterator[tuple[str, str]]:
    connection = answer["connection"]
    yield "connection", _seen(connection)
    if answer["listener"] is not None:
        listener = answer["listener"]
        told = ", as a PROXY header tells" if listener.get("proxied") else ""
        yield "listener", f"{listener['address']} ({listener['mode']}){told}{_place(listener)}"
    if "sniff" in answer:
        yield "sniff", answer["sniff"]
    if "server" in answer:
        yield "server", f"{' '.join(answer['server']['names']) or 'without a name'}{_place(answer['server'])}"
    if answer.get("route") is not None:
        route = answer["route"]
        yield "route", f"{route['name']} ({', '.join(route['protocols'])}){_place(route)}"
        for beaten in answer["beats"]:
            yield "  beats", f"{beaten['route']}: {beaten['because']}"
    yield from _tls(answer)
    for plugin in answer.get("plugins", ()):
        yield "plugin", f"{plugin['name']} ({plugin['scope']}){_place(plugin)}"
    if "service" in answer:
        service = answer["service"]
        port = f":{service['port']}" if service["port"] else ""  # none where the host is an upstream
        yield (
            "service",
            f"{service['name']} ({service['protocol']}://{service['host']}{port}){_place(service)}",
        )
    if "proxy_pass" in answer:
        rendered = f" = {answer['rendered']}" if "rendered" in answer else ""
        yield "proxy_pass", answer["proxy_pass"] + rendered
    yield from _upstream(answer)
    yield "outcome", _outcome(answer)


def _seen(connection: Answer) -> str:
    what = "plain TCP"
    if connection["tls"]:
        what = f"TLS, SNI {connection['sni']}" if connection["sni"] else "TLS without SNI"
        if connection["alpn"]:
            what += f", ALPN {','.join(connection['alpn'])}"
    return f"{what}, from {connection['from']} to {connection['to']}"


def _tls(answer: Answer) -> Iterator[tuple[str, str]]:
    if "client_tls" in answer:
        yield "client TLS", answer["client_tls"]
    if "certificate" in answer:
        certificate = answer["certificate"]
        names = f", for {' '.join(certificate['names'])}" if certificate.get("names") else ""
        default = ", the default" if certificate.get("default") else ""
        own = ", made at start because none is configured" if certificate.get("self_signed") else ""
        subjects = " and ".join(certificate["subject"]) or "named by variables"
        yield "certificate", f"{subjects}{names}{default}{own}{_place(certificate)}"
    if answer.get("client_verify", "off") != "off":
        yield "client cert.", answer["client_verify"]


def _upstream(answer: Answer) -> Iterator[tuple[str, str]]:
    if "upstream" not in answer:
        return
    upstream = answer["upstream"]
    yield "upstream", f"{upstream['name']} ({upstream['balancing'].replace('_', ' ')})"
    for peer in upstream["peers"]:
        address = peer["address"] or "not resolved yet"
        words = [f"weight {peer['weight']}", *(word for word in ("backup", "down") if peer.get(word))]
        shown = address if address == peer["peer"] else f"{peer['peer']} = {address}"
        yield "  peer", f"{shown}, {', '.join(words)}"
    tls = answer.get("upstream_tls")
    if tls is None:
        yield "upstream TLS", "none"
    else:
        verified = f"verified as {tls['name']}" if tls["verify"] else "not verified"
        yield "upstream TLS", f"{verified}, {'SNI ' + tls['sni'] if tls['sni'] else 'no SNI'}"


def _outcome(answer: Answer) -> str:
    outcome = answer["outcome"]
    if "refusal" in answer:
        place = _place(answer)
        return f"{outcome}: {answer['refusal']}, status {answer['status']}: {answer['reason']}{place}"
    if outcome == "answered":
        return f"answered: {answer['text']!r}"
    if outcome == "handed over":
        return f"handed over to the listener {answer['to']}"
    if "reason" in answer:
        return f"{outcome}: {answer['reason']}"
    return str(outcome)


def _place(part: Answer) -> str:
    return f" at {part['where']}" if "where" in part else ""
