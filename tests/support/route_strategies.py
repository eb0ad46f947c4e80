"""Random routes, certificates and connections that meet each other often."""

from __future__ import annotations

from hypothesis import strategies as st
from route_making import SETTINGS, entry, service

from penstock.shared.model.stream import Certificate, Route

NAMES = st.sampled_from(["a.b.test", "b.test", "test", "a.b.c.test", "A.B.test.", "a.c"])
PATTERNS = st.sampled_from(["a.b.test", "b.test", "*.test", "*.b.test", "a.*", "a.b.*", "*.c", "a.c"])
ENTRIES = st.sampled_from(
    ["10.0.0.1", "10.0.0.1:1", "10.0.0.0/8", "10.0.0.0/24", "10.0.0.0/24:1", "2001:db8::/32", ":1", ":2", ""]
).map(entry)
ENDS = st.tuples(st.sampled_from(["10.0.0.1", "10.0.0.2", "10.1.0.1", "2001:db8::1"]), st.sampled_from([1, 2]))
PROTOCOLS = st.sampled_from([{"tls"}, {"tls_passthrough"}, {"tcp"}, {"tcp", "tls"}]).map(frozenset)
SERVICES = st.sampled_from([None, None, service(), service(enabled=False)])
ROUTES = st.builds(
    lambda protocols, to, snis, sources, destinations: Route(
        "r", protocols, to, SETTINGS, tuple(snis), tuple(sources), tuple(destinations)
    ),
    PROTOCOLS,
    SERVICES,
    st.lists(PATTERNS, max_size=3),
    st.lists(ENTRIES, max_size=3),
    st.lists(ENTRIES, max_size=2),
)
CERTIFICATES = st.lists(PATTERNS | st.just("*"), max_size=3).map(lambda names: Certificate((), tuple(names)))
CONNECTIONS = st.tuples(st.booleans(), st.none() | NAMES, ENDS, ENDS)
STEPS = st.lists(st.tuples(st.integers(0, 11), st.booleans()), max_size=24)
"""Which of twelve things comes or goes next: goes if it is there, else comes; the flag is for a change in place."""
