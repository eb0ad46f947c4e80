"""Kong's fields in nginx's settings."""

from __future__ import annotations

from penstock.shared.kong_fields import KongFields
from penstock.shared.model.settings import Proxy, Settings
from penstock.shared.model.tls import KeyPair, UpstreamTls

PLAIN = Settings(proxy=Proxy(connect_timeout=7.0, timeout=8.0, next_upstream_tries=9))
TLS = Settings(upstream_tls=UpstreamTls(on=True, verify=True, verify_depth=3, trusted_ca=b"old"))


def test_what_does_not_count_leaves_the_settings_alone() -> None:
    assert KongFields().fold(PLAIN) == PLAIN
    assert KongFields().fold(TLS) == TLS


def test_the_longer_of_two_times_is_the_idle_time() -> None:
    proxy = KongFields(connect_timeout=1.0, read_timeout=2.0, write_timeout=3.0, retries=4).fold(PLAIN).proxy
    assert (proxy.connect_timeout, proxy.timeout, proxy.next_upstream_tries) == (1.0, 3.0, 5)


def test_tls_is_verified_as_the_fields_say() -> None:
    pair = KeyPair(b"", b"", "c", "k")
    tls = KongFields(tls_verify=False, tls_verify_depth=0, authorities=b"new", pair=pair).fold(TLS).upstream_tls
    assert (tls.verify, tls.verify_depth, tls.trusted_ca, tls.pair) == (False, 0, b"new", pair)


def test_without_tls_there_is_nothing_to_verify() -> None:
    assert KongFields(tls_verify=True).fold(PLAIN) == PLAIN
