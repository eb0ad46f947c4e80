"""`ssl_*`, the client's side of TLS, and `proxy_ssl_*`, the upstream's."""

from __future__ import annotations

from typing import Final

from .core import BOTH, SESSION
from .spec import FILE, FLAG, NUMBER, SECONDS, TEXT, TIME, Spec, choice, simple

PROTOCOLS: Final = choice("SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")

SSL: Final[tuple[Spec, ...]] = (
    simple(
        "ssl_certificate",
        "stream server certificate",
        "1",
        FILE,
        "The certificate with its chain, in PEM; may be given for several key types.",
        repeatable=True,
    ),
    simple(
        "ssl_certificate_key",
        "stream server certificate",
        "1",
        FILE,
        "The private key of the certificate in the same place of the order.",
        repeatable=True,
    ),
    simple("ssl_password_file", BOTH, "1", FILE, "The passwords of private keys, one a line."),
    simple(
        "ssl_protocols",
        SESSION,
        "1+",
        PROTOCOLS,
        "The versions of TLS that clients may speak.",
        default="TLSv1.2 TLSv1.3",
        syntax="[TLSv1] [TLSv1.1] [TLSv1.2] [TLSv1.3]",
        repeatable=True,
    ),
    simple(
        "ssl_ciphers", SESSION, "1", TEXT, "The ciphers for clients, in OpenSSL's form.", default="HIGH:!aNULL:!MD5"
    ),
    simple(
        "ssl_prefer_server_ciphers", SESSION, "1", FLAG, "Whether the server's order of ciphers decides.", default="off"
    ),
    simple(
        "ssl_ecdh_curve", SESSION, "1", TEXT, "The curves for key exchange.", default="auto", syntax="curve[:curve...]"
    ),
    simple("ssl_dhparam", SESSION, "1", FILE, "The parameters of DHE ciphers."),
    simple("ssl_alpn", SESSION, "1+", TEXT, "The ALPN protocols offered to clients.", since="1.21.4"),
    simple(
        "ssl_handshake_timeout", SESSION, "1", TIME, "How long the handshake with a client may take.", default="60s"
    ),
    simple(
        "ssl_session_tickets",
        SESSION,
        "1",
        FLAG,
        "Whether sessions are resumed by tickets, on any worker.",
        default="on",
    ),
    simple("ssl_session_timeout", SESSION, "1", SECONDS, "How long a session may be resumed.", default="5m"),
    simple(
        "ssl_session_cache",
        SESSION,
        "1-2",
        TEXT,
        "How many sessions without tickets each worker remembers for itself (4000 a megabyte).",
        default="none",
        syntax="off | none | [builtin[:size]] [shared:name:size]",
        repeatable=True,
    ),
    simple(
        "ssl_session_ticket_key",
        SESSION,
        "1",
        FILE,
        "A file of 48 or 80 bytes with keys for tickets, to share them between machines; the first encrypts.",
        repeatable=True,
    ),
    simple(
        "ssl_verify_client",
        SESSION,
        "1",
        choice("off", "on", "optional", "optional_no_ca"),
        "Whether clients are asked for a certificate.",
        default="off",
        since="1.11.8",
    ),
    simple("ssl_verify_depth", SESSION, "1", NUMBER, "How long a client's chain may be.", default="1", since="1.11.8"),
    simple(
        "ssl_client_certificate",
        SESSION,
        "1",
        FILE,
        "The authorities for clients' certificates; their names are sent.",
        since="1.11.8",
    ),
    simple(
        "ssl_trusted_certificate",
        SESSION,
        "1",
        FILE,
        "The authorities for clients' certificates; their names are not sent.",
        since="1.11.8",
    ),
    simple("ssl_crl", SESSION, "1", FILE, "Certificates of clients that were revoked.", since="1.11.8"),
    simple(
        "ssl_reject_handshake",
        BOTH,
        "1",
        FLAG,
        "Whether every handshake is refused.",
        default="off",
        since="1.25.5",
    ),
    simple(
        "ssl_conf_command",
        SESSION,
        "2",
        TEXT,
        "Any command of OpenSSL's configuration.",
        since="1.19.4",
        syntax="name value",
        repeatable=True,
    ),
    simple(
        "ssl_key_log",
        SESSION,
        "1",
        FILE,
        "Where session keys are written, for debugging.",
        since="1.27.2",
    ),
    simple(
        "ssl_certificate_cache",
        BOTH,
        "1-3",
        TEXT,
        "How many certificates named by variables are kept.",
        default="off",
        since="1.27.4",
        syntax="off | max=number [inactive=time] [valid=time]",
    ),
    *(
        simple(
            name,
            BOTH,
            arguments,
            kind,
            doc,
            since=since,
            meaningless=True,
            remark=f'"{name}" is ignored: not supported by this version of Penstock',
            remark_level="warn",
        )
        for name, arguments, kind, doc, since in (
            ("ssl_stapling", "1", FLAG, "Whether OCSP answers are sent with the certificate.", "1.27.2"),
            ("ssl_stapling_file", "1", FILE, "A file with the OCSP answer.", "1.27.2"),
            ("ssl_stapling_responder", "1", TEXT, "The OCSP responder.", "1.27.2"),
            ("ssl_stapling_verify", "1", FLAG, "Whether OCSP answers are verified.", "1.27.2"),
            (
                "ssl_ocsp",
                "1",
                choice("off", "on", "leaf"),
                "Whether clients' certificates are checked by OCSP.",
                "1.27.2",
            ),
            ("ssl_ocsp_cache", "1", TEXT, "The memory of OCSP answers.", "1.27.2"),
            ("ssl_ocsp_responder", "1", TEXT, "The OCSP responder for clients' certificates.", "1.27.2"),
            ("ssl_certificate_compression", "1", FLAG, "Whether certificates are compressed.", "1.29.1"),
            ("ssl_ech_file", "1", FILE, "The key of Encrypted Client Hello.", "1.29.4"),
        )
    ),
)

PROXY_SSL: Final[tuple[Spec, ...]] = (
    simple("proxy_ssl", BOTH, "1", FLAG, "Whether the upstream is spoken to with TLS.", default="off"),
    simple("proxy_ssl_alpn", SESSION, "1+", TEXT, "The ALPN protocols offered to the upstream.", since="1.31"),
    simple("proxy_ssl_certificate", SESSION, "1", FILE, "The certificate shown to the upstream."),
    simple("proxy_ssl_certificate_key", SESSION, "1", FILE, "Its private key."),
    simple("proxy_ssl_password_file", SESSION, "1", FILE, "The passwords of the private key, one a line."),
    simple(
        "proxy_ssl_protocols",
        SESSION,
        "1+",
        PROTOCOLS,
        "The versions of TLS spoken to the upstream.",
        default="TLSv1.2 TLSv1.3",
        syntax="[TLSv1] [TLSv1.1] [TLSv1.2] [TLSv1.3]",
        repeatable=True,
    ),
    simple(
        "proxy_ssl_ciphers", SESSION, "1", TEXT, "The ciphers for the upstream, in OpenSSL's form.", default="DEFAULT"
    ),
    simple(
        "proxy_ssl_name",
        SESSION,
        "1",
        TEXT,
        "The name verified in the upstream's certificate, and sent as SNI.",
        default="the host of proxy_pass",
    ),
    simple("proxy_ssl_server_name", SESSION, "1", FLAG, "Whether the name is sent as SNI.", default="off"),
    simple("proxy_ssl_session_reuse", SESSION, "1", FLAG, "Whether TLS sessions are resumed.", default="on"),
    simple("proxy_ssl_verify", SESSION, "1", FLAG, "Whether the upstream's certificate is verified.", default="off"),
    simple("proxy_ssl_verify_depth", SESSION, "1", NUMBER, "How long its chain may be.", default="1"),
    simple("proxy_ssl_trusted_certificate", SESSION, "1", FILE, "The authorities it is verified against."),
    simple("proxy_ssl_crl", SESSION, "1", FILE, "Certificates of upstreams that were revoked."),
    simple(
        "proxy_ssl_conf_command",
        SESSION,
        "2",
        TEXT,
        "Any command of OpenSSL's configuration.",
        since="1.19.4",
        syntax="name value",
        repeatable=True,
    ),
    simple(
        "proxy_ssl_key_log",
        SESSION,
        "1",
        FILE,
        "Where session keys are written, for debugging.",
        since="1.27.2",
    ),
    simple(
        "proxy_ssl_certificate_cache",
        SESSION,
        "1-3",
        TEXT,
        "How many certificates named by variables are kept.",
        default="off",
        since="1.27.4",
        syntax="off | max=number [inactive=time] [valid=time]",
    ),
)
