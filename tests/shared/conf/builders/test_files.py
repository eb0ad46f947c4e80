"""Certificates, lists and passwords in files."""

from __future__ import annotations

from builds import DIRECTORY, NOW, mistake, pair_files, server, server_mistake, stream, warnings

from penstock.shared.model.tls import KeyPair

TLS = "server { listen 1 ssl; return x; ssl_certificate %s; ssl_certificate_key %s; }"


def test_a_pair_is_read_beside_the_configuration() -> None:
    (pair,) = stream(TLS % ("a.crt", "a.key"), pair_files()).servers[0].settings.tls.pairs
    assert (pair.certificate_path, pair.key_path) == (f"{DIRECTORY}/a.crt", f"{DIRECTORY}/a.key")
    assert pair.certificate == pair_files()["a.crt"]
    assert pair.subject == "CN=a.test"
    assert pair.where.line == 1


def test_two_servers_with_the_same_files_have_the_same_pair() -> None:
    files = pair_files()
    servers = stream(TLS % ("a.crt", "a.key") + TLS.replace("1 ssl", "2 ssl") % ("a.crt", "a.key"), files).servers
    pairs: list[KeyPair] = [server.settings.tls.pairs[0] for server in servers]
    assert pairs[0] is pairs[1]


def test_a_missing_certificate() -> None:
    error = mistake(TLS % ("nope.crt", "a.key"), pair_files())
    path = f"{DIRECTORY}/nope.crt"
    assert error.text == f'cannot load certificate "{path}": BIO_new_file() failed (2: No such file or directory)'


def test_an_unreadable_key_is_blamed_at_the_key() -> None:
    error = mistake(TLS % ("a.crt", "a.crt"), pair_files())
    assert error.text.startswith(f'cannot load certificate key "{DIRECTORY}/a.crt"')
    assert error.where is not None
    assert error.line[error.where.column - 1 :].startswith("a.crt; }")


def test_a_key_that_does_not_fit() -> None:
    error = mistake(TLS % ("a.crt", "b.key"), pair_files() | pair_files("b"))
    assert error.text.startswith(f'SSL_CTX_use_PrivateKey("{DIRECTORY}/b.key") failed (key values mismatch')
    assert error.where is not None
    assert error.line[error.where.column - 1 :].startswith("b.key;")


def test_an_expired_certificate_is_warned_about_once() -> None:
    text = TLS % ("a.crt", "a.key") + TLS.replace("1 ssl", "2 ssl") % ("a.crt", "a.key")
    assert warnings(text, pair_files()) == []
    (warning,) = warnings(text, pair_files(), now=lambda: NOW * 1000)
    assert warning.startswith(f'certificate "{DIRECTORY}/a.crt" (CN=a.test) expired on 9999-12-31')


def test_variables_in_paths_are_refused_in_the_gateway() -> None:
    text = "certificate { ssl_certificate $ssl_server_name.crt; ssl_certificate_key a.key; } stream_listen 1;"
    assert "variables" in mistake(text, pair_files()).text


def test_certificates_of_authorities() -> None:
    text = "proxy_ssl on; proxy_ssl_verify on; proxy_ssl_trusted_certificate a.crt;"
    assert server(text, files=pair_files()).settings.upstream_tls.trusted_ca == pair_files()["a.crt"]


def test_a_file_of_authorities_without_a_certificate() -> None:
    text = "proxy_ssl on; proxy_ssl_trusted_certificate a.key;"
    failed = f'SSL_CTX_load_verify_locations("{DIRECTORY}/a.key") failed'
    assert server_mistake(text, files=pair_files()).text == f"{failed} (no certificate found)"


def test_a_revocation_list_that_is_none() -> None:
    text = "proxy_ssl on; proxy_ssl_crl a.crt;"
    failed = f'X509_LOOKUP_load_file("{DIRECTORY}/a.crt") failed'
    assert server_mistake(text, files=pair_files()).text == f"{failed} (no crl found)"


def test_parameters_of_diffie_and_hellman_that_are_none() -> None:
    text = (TLS % ("a.crt", "a.key")).replace("return x;", "return x; ssl_dhparam a.key;")
    assert mistake(text, pair_files()).text == f'PEM_read_bio_DHparams("{DIRECTORY}/a.key") failed (no start line)'


def test_passwords_are_the_lines_of_a_file() -> None:
    text = (TLS % ("a.crt", "a.key")).replace("return x;", "return x; ssl_password_file secrets;")
    assert stream(text, pair_files() | {"secrets": "one\r\ntwo\n\n"}).servers[0].settings.tls.pairs
    missing = mistake(text, pair_files())
    assert missing.text == f'open() "{DIRECTORY}/secrets" failed (2: No such file or directory)'
