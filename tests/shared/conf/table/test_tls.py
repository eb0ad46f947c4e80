from __future__ import annotations

import pytest
from directives import checked, complaint_of_ours

from penstock.shared.conf.table.tls import PROXY_SSL, SSL


def test_pairs_of_several_key_types_may_be_given() -> None:
    pair = "ssl_certificate a; ssl_certificate_key b; "
    checked(f"stream {{ {pair * 2} server {{ {pair * 2} }} certificate {{ {pair * 2} }} }}")


def test_certificates_of_routes_stand_in_certificate_blocks() -> None:
    assert complaint_of_ours("stream { route r { ssl_certificate a; } }") == (
        '"ssl_certificate" directive is not allowed here'
    )


@pytest.mark.parametrize("side", ["ssl", "proxy_ssl"])
def test_an_unknown_version_of_tls_is_refused(side: str) -> None:
    checked(f"stream {{ {side}_protocols TLSv1.2 TLSv1.3; }}")
    assert complaint_of_ours(f"stream {{ {side}_protocols TLSv1.2 TLSv1.4; }}") == 'invalid value "TLSv1.4"'


def test_whether_tls_is_spoken_to_a_service_is_said_by_its_url() -> None:
    assert complaint_of_ours("stream { service s { proxy_ssl on; } }") == '"proxy_ssl" directive is not allowed here'


def test_what_is_ignored_with_a_warning_says_so() -> None:
    (notice,) = checked("stream { ssl_ocsp leaf; }")
    assert notice.text == '"ssl_ocsp" is ignored: not supported by this version of Penstock'


def test_names_tell_the_two_sides_apart() -> None:
    assert all(spec.name.startswith("ssl_") for spec in SSL)
    assert all(spec.name.startswith("proxy_ssl") for spec in PROXY_SSL)
