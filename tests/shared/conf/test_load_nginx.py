"""The real nginx and Penstock on the same texts: both take them, or both say the same sentence.

Where they differ on purpose (names that cannot be resolved, ports that are missing, texts of OpenSSL) the tests of the
builders say so.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from builds import build
from needs import requires
from verdict import complaint

from penstock.shared.errors import ConfigError

pytestmark = requires("nginx-stream")

SERVER: Final = "server { listen 127.0.0.1:7001; proxy_pass 127.0.0.1:1; %s }"
FORMAT: Final = "log_format f '$remote_addr'; "

LISTENS: Final = """
127.0.0.1:7001
7001
7001-7003
*:7001
127.0.0.1:7001 bind reuseport proxy_protocol backlog=5 rcvbuf=4k sndbuf=4k fastopen=3 so_keepalive=30m::10
0
70000
127.0.0.1:0
127.0.0.1:x
127.0.0.1:70000
7003-7001
127.0.0.1:7001-
127.0.0.1:-7001
[::1
[::g]:7001
[::1]7001
:7001
unix:
127.0.0.1:7001/foo
127.0.0.1:7001 foo
127.0.0.1:7001 backlog=x
127.0.0.1:7001 backlog=0
127.0.0.1:7001 rcvbuf=x
127.0.0.1:7001 sndbuf=
[::1]:7001 ipv6only=maybe
127.0.0.1:7001 so_keepalive=maybe
127.0.0.1:7001 so_keepalive=::
127.0.0.1:7001 so_keepalive=x:
127.0.0.1:7001 so_keepalive=1:2:x
127.0.0.1:7001 fastopen=x
127.0.0.1:7001 ssl udp
127.0.0.1:7001 udp proxy_protocol
127.0.0.1:7001 ssl
""".strip().splitlines()

PASSES: Final = """
127.0.0.1:80
[::1]:80
unix:/x
unix:/x:/y
$remote_addr
127.0.0.1
foo
127.0.0.1:x
127.0.0.1:0
:80
unix:
[::1
[::1]
127.0.0.1:80/x
127.0.0.1:80-90
$
$foo
""".strip().splitlines()

PEERS: Final = """
server 127.0.0.1:1;
server 127.0.0.1:1 weight=2 max_conns=3 max_fails=0 fail_timeout=1m down;
server 127.0.0.1:1; server 127.0.0.1:2 backup;
zone z 64k; server 127.0.0.1:1;
server 127.0.0.1;
server 127.0.0.1:x;
server 127.0.0.1:1 weight=x;
server 127.0.0.1:1 weight=0;
server 127.0.0.1:1 weight=-1;
server 127.0.0.1:1 max_fails=x;
server 127.0.0.1:1 max_conns=x;
server 127.0.0.1:1 fail_timeout=x;
server 127.0.0.1:1 foo;
server 127.0.0.1:1 backup;
""".strip().splitlines()

IN_SERVER: Final = """
proxy_timeout 1h30m; proxy_connect_timeout 500ms; proxy_buffer_size 0; tcp_nodelay off; preread_timeout 1s;
proxy_timeout x;
proxy_timeout 1s; proxy_timeout 2s;
proxy_buffer_size x;
proxy_download_rate x;
proxy_download_rate 0;
proxy_responses x;
proxy_bind 1.2.3;
proxy_bind 127.0.0.1:80 transparent;
proxy_bind 127.0.0.1 foo;
proxy_bind off;
proxy_bind $remote_addr transparent;
proxy_bind off; proxy_bind off;
proxy_pass 127.0.0.1:2;
return x;
return x; return y;
allow 10.0.0.0/8; deny unix:; allow ::1; deny all;
allow 10.0.0.1/8;
allow foo;
allow 10.0.0.0/33;
deny 10.0.0.0/255.0.0.0;
set_real_ip_from 10.0.0.0/8; set_real_ip_from unix:;
access_log x.log;
access_log x.log nosuch;
access_log x.log f;
access_log x.log f buffer=4k flush=1s if=$remote_addr;
access_log x.log f buffer=x;
access_log x.log f buffer=4k flush=x;
access_log x.log f flush=1s;
access_log x.log f gzip=10;
access_log x.log f foo=1;
access_log $remote_addr.log f buffer=4k;
access_log x.log f buffer=4k; access_log x.log f buffer=8k;
access_log x.log f buffer=4k; access_log x.log f;
access_log off; access_log x.log f;
access_log off f;
access_log syslog:server=127.0.0.1,facility=foo f;
access_log syslog:server=127.0.0.1,severity=foo f;
access_log syslog:server=127.0.0.1,tag=a-b f;
access_log syslog:server=127.0.0.1,foo f;
access_log syslog:tag=x f;
access_log syslog:server=127.0.0.1 f buffer=4k;
access_log syslog:server=127.0.0.1 f gzip;
access_log syslog:server=127.0.0.1 f flush=1s;
access_log syslog:server=127.0.0.1;
access_log syslog:server=127.0.0.1:x f;
access_log syslog:server=127.0.0.1,tag=,nohostname,nohostname f if=$pid;
access_log syslog:server=unix: f;
access_log syslog:server=127.0.0.1,server=127.0.0.2 f;
access_log syslog:server=127.0.0.1,facility=kern,facility=user f;
access_log syslog:server=127.0.0.1,facility=LOCAL0 f;
access_log syslog:server= f;
access_log syslog:server=*:514 f;
access_log syslog: f;
access_log x.log f gzip; access_log x.log f gzip=1 buffer=64k; access_log x.log f;
access_log x.log f gzip; access_log x.log f gzip=2;
access_log x.log f gzip=0;
access_log x.log f gzip=;
access_log x.log f gzipx;
access_log $pid.log f gzip;
open_log_file_cache max=10 inactive=1m valid=0 min_uses=0;
open_log_file_cache off;
open_log_file_cache off; open_log_file_cache off;
open_log_file_cache off max=10;
open_log_file_cache max=10 max=11;
open_log_file_cache inactive=1m;
open_log_file_cache max=0;
open_log_file_cache max=x;
open_log_file_cache max=10 valid=1ms;
open_log_file_cache max=10 inactive=;
open_log_file_cache max=10 foo;
open_log_file_cache foo;
error_log syslog:server=127.0.0.1,tag=a_1 info;
error_log syslog:server=127.0.0.1,severity=err;
error_log e.log foo;
error_log e.log info debug;
error_log e.log; error_log f.log info;
set $x 1;
set x 1;
set $ 1;
set $remote_addr 1;
set $x $foo;
resolver 127.0.0.1 [::1]:5353 valid=30s ipv6=off; resolver_timeout 3s;
resolver 127.0.0.1 valid=x;
resolver 127.0.0.1 ipv6=x;
resolver valid=1s;
resolver 127.0.0.1; resolver 127.0.0.1;
ssl_certificate /nope; ssl_certificate_key /nope;
ssl_protocols TLSv9;
ssl_session_cache foo;
ssl_session_cache shared:a:1;
ssl_verify_client foo;
proxy_ssl on;
proxy_ssl on; proxy_ssl_verify on;
proxy_ssl off; proxy_ssl_verify on;
proxy_ssl on; proxy_ssl_certificate /x;
proxy_ssl_protocols foo;
proxy_ssl_name $foo;
""".strip().splitlines()

IN_STREAM: Final = """
server { listen 127.0.0.1:7001; }
server { return x; }
server { listen 7001; return x; } server { listen 127.0.0.1:7001; return x; }
upstream u { server 127.0.0.1:1; } server { listen 127.0.0.1:7001; proxy_pass U; }
upstream u { server 127.0.0.1:1; } server { listen 127.0.0.1:7001; proxy_pass u:80; }
server { listen 127.0.0.1:7001; proxy_pass u; } upstream u { server 127.0.0.1:1; }
upstream u { server 127.0.0.1:1; } upstream u { server 127.0.0.1:2; }
upstream u { }
log_format f '$remote_addr'; log_format f x;
log_format f '$foo';
log_format f escape=foo x;
log_format f escape=json '$remote_addr' x;
map $remote_addr $m { default a; 1.1.1.1 b; ~^2 c; } server { listen 127.0.0.1:7001; return $m; }
server { listen 127.0.0.1:7001; return $m; } map $remote_addr $m { hostnames; *.a.test b; .c.test d; e.* f; }
map $remote_addr $m { a b; } server { listen 127.0.0.1:7001; set $m 2; return y; }
map $remote_addr $m { a b; } map $remote_addr $m { c d; } server { listen 127.0.0.1:7001; return $m; }
map $remote_addr $status { a b; }
map $remote_addr m { a b; }
map $foo $m { a b; } server { listen 127.0.0.1:7001; return $m; }
map $remote_addr $m { a 1; a 2; }
map $remote_addr $m { default 1; default 2; }
geo $g { default a; 10.0.0.1/8 b; delete 10.0.0.0/8; 2001:db8::/32 c; }
geo $remote_addr $g { ranges; default a; 10.0.0.0-10.0.0.9 b; 10.0.0.5-10.0.0.6 c; } map $g $m { a b; }
geo $g { 10.0.0.0/8 a; ranges; }
geo $g { delete 10.0.0.0/8; ranges; }
geo $g { ranges; 10.0.0.0/8 a; }
geo $g { proxy 10.0.0.1; }
geo $g { proxy_recursive; }
geo $g { 10.0.0.0/33 a; }
geo $g { 10.0.0.0/255.0.0.0 a; }
geo $g { 255.255.255.255/32 a; }
geo $g { [::1] a; }
geo $g { unix: a; }
geo $g { foo a; }
geo $g { delete foo; }
geo $g { ranges; 1.1.1.1-1.1.1.5 a; 1.1.1.3-1.1.1.9 b; }
geo $g { ranges; 1.1.1.1-1.1.1.2 a; 1.1.1.4-1.1.1.5 a; 1.1.1.2-1.1.1.4 b; }
geo $g { ranges; 1.1.1.1 a; }
geo $g { ranges; 1.1.1.9-1.1.1.1 a; }
geo $g { ranges; 0.0.0.0-255.255.255.255 a; }
geo $g { ranges; ::1-::2 a; }
geo $g { 10.0.0.0/8; }
geo $g { 10.0.0.0/8 a b; }
geo $g { 10.0.0.0/8 a { } }
geo g { }
geo $foo $g { }
geo $status { }
geo $a $b $g { }
split_clients $remote_addr $s { 0.5% a; .5% b; 50.% $foo; * d; }
split_clients $remote_addr $s { 50% a; 50.01% b; }
split_clients $remote_addr $s { * a; 1% b; }
split_clients $remote_addr $s { 0.00% a; }
split_clients $remote_addr $s { 0.001% a; }
split_clients $remote_addr $s { 50 a; }
split_clients $remote_addr $s { .% a; }
split_clients $foo $s { }
split_clients $remote_addr $status { }
""".strip().splitlines()

TEXTS: Final = (
    *(f"server {{ listen {words}; return x; }}" for words in LISTENS),
    *(f"server {{ listen 127.0.0.1:7001; proxy_pass {word}; }}" for word in PASSES),
    *(f"upstream u {{ {servers} }}" for servers in PEERS),
    *(FORMAT + SERVER % directives for directives in IN_SERVER),
    *IN_STREAM,
)


def our_complaint(text: str) -> str | None:
    """What Penstock says about a configuration; None where it takes it."""
    try:
        build(text)
    except ConfigError as error:
        return error.text
    return None


@pytest.mark.parametrize("text", TEXTS)
def test_both_say_the_same(text: str, tmp_path: Path) -> None:
    whole = f"error_log stderr;\nevents {{}}\nstream {{\n{text}\n}}\n"
    assert our_complaint(whole) == complaint(whole, tmp_path)


MAIN: Final = """
events {}
events { worker_connections 10; multi_accept on; }
events {} worker_processes auto; daemon off; worker_shutdown_timeout 5s; worker_rlimit_nofile 1000;
events {} events {}
events {} stream {} stream {}
events {} daemon maybe;
events {} daemon off; daemon on;
events {} worker_processes x;
events {} user nosuch;
events {} pid a.pid; pid b.pid;
events {} error_log x.log foo;
events {} worker_rlimit_nofile x;
events {} worker_shutdown_timeout x;
events { worker_connections x; }
events {} worker_priority -5; worker_rlimit_core 500M; env A; env B=c; env =x; env "";
events {} worker_priority x;
events {} worker_priority -;
events {} worker_priority +5;
events {} worker_priority 5; worker_priority 6;
events {} worker_rlimit_core x;
events {} worker_rlimit_core -1;
events {} worker_cpu_affinity 0101 "10 10"; worker_processes 3;
events {} worker_cpu_affinity 012;
events {} worker_cpu_affinity auto 01;
events {} worker_cpu_affinity auto 01 10;
events {} worker_cpu_affinity auto x;
events {} worker_cpu_affinity 01; worker_cpu_affinity 10;
events {} worker_cpu_affinity;
events {} env;
events { debug_connection 10.0.0.1/8; debug_connection unix:; debug_connection ::1; debug_connection localhost; }
events { debug_connection [::1]; }
events { debug_connection 10.0.0.0/33; }
events { debug_connection; }
events { debug_connection 10.0.0.1 10.0.0.2; }
events {} env A B;
events { worker_connections 10; worker_connections 11; }
""".strip().splitlines()


@pytest.mark.parametrize("text", MAIN)
def test_both_say_the_same_of_the_main_context(text: str, tmp_path: Path) -> None:
    assert our_complaint(text) == complaint(text, tmp_path)
