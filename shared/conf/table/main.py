"""The main context and `events {}`."""

from __future__ import annotations

from typing import Final

from .spec import (
    ADDRESS,
    CORES,
    FILE,
    FLAG,
    INTEGER,
    NAME,
    NUMBER,
    PLAIN_NUMBER,
    POOL_SIZE,
    SIZE,
    TEXT,
    TIME,
    Spec,
    block,
    choice,
    simple,
)

LEVELS: Final = ("debug", "info", "notice", "warn", "error", "crit", "alert", "emerg")
EVERYWHERE: Final = "main events stream server upstream map geo service route certificate"

MAIN: Final[tuple[Spec, ...]] = (
    block("events", "main", "0", "Settings of how connections are handled.", since="0.1", repeatable=False),
    block("stream", "main", "0", "The servers and routes for TCP and TLS streams.", repeatable=False),
    simple(
        "include",
        EVERYWHERE,
        "1",
        FILE,
        "Puts another file, or all that match a pattern, in this place; relative to the main file's directory.",
        since="0.1",
        syntax="file | pattern",
        repeatable=True,
    ),
    simple("daemon", "main", "1", FLAG, "Whether the master goes to the background.", default="on", since="0.1"),
    simple("master_process", "main", "1", FLAG, "Whether workers are started.", default="on", since="0.1"),
    simple(
        "user", "main", "1-2", NAME, "Whom workers become when the master is root.", since="0.1", syntax="user [group]"
    ),
    simple("worker_processes", "main", "1", CORES, "How many workers run.", default="1", since="0.1"),
    simple(
        "worker_shutdown_timeout",
        "main",
        "1",
        TIME,
        "How long open sessions may go on after a reload or a graceful stop.",
        since="1.11.11",
    ),
    simple("worker_rlimit_nofile", "main", "1", NUMBER, "How many descriptors a worker may have open.", since="0.1"),
    simple("worker_rlimit_core", "main", "1", SIZE, "How large a worker's core file may be.", since="0.1"),
    simple(
        "worker_cpu_affinity",
        "main",
        "1+",
        TEXT,
        "Which processors each worker may run on.",
        since="0.1",
        syntax="mask ... | auto [mask]",
    ),
    simple(
        "worker_priority",
        "main",
        "1",
        INTEGER,
        "The workers' scheduling priority (nice).",
        default="0",
        since="0.1",
    ),
    simple("working_directory", "main", "1", FILE, "The workers' current directory.", since="0.1", syntax="directory"),
    simple(
        "pid", "main", "1", FILE, "The file that holds the master's process id.", default="logs/nginx.pid", since="0.1"
    ),
    simple(
        "error_log",
        "main stream server service route",
        "1+",
        (FILE, choice(*LEVELS, complaint="invalid log level")),
        "Where errors are written, and from which level on; may be given several times.",
        default="logs/error.log error",
        since="0.1",
        syntax="file | stderr | syslog:server=address[,parameter=value] [level]",
        repeatable=True,
    ),
    simple(
        "env",
        "main",
        "1",
        TEXT,
        "What workers keep of the environment beside TZ, or are given.",
        since="0.1",
        syntax="name[=value]",
        repeatable=True,
    ),
    simple(
        "load_module",
        "main",
        "1",
        FILE,
        "nginx's own stream modules are built in: naming one is accepted, any other is refused.",
        since="1.9.11",
        repeatable=True,
        meaningless=True,
    ),
    simple("lock_file", "main", "1", FILE, "nginx's lock file.", since="0.1", meaningless=True),
    simple("timer_resolution", "main", "1", TIME, "How often nginx asks for the time.", since="0.1", meaningless=True),
    simple(
        "pcre_jit", "main", "1", FLAG, "nginx's compiling of regular expressions.", since="1.1.12", meaningless=True
    ),
    simple(
        "thread_pool",
        "main",
        "2-3",
        (NAME, POOL_SIZE),
        "nginx's threads for reading files.",
        since="1.7.11",
        syntax="name threads=number [max_queue=number]",
        repeatable=True,
        meaningless=True,
    ),
    simple(
        "debug_points", "main", "1", choice("stop", "abort"), "nginx's debugging stops.", since="0.1", meaningless=True
    ),
)

EVENTS: Final[tuple[Spec, ...]] = (
    simple(
        "worker_connections",
        "events",
        "1",
        PLAIN_NUMBER,
        "How many connections a worker may hold.",
        default="512",
        since="0.1",
    ),
    simple(
        "multi_accept",
        "events",
        "1",
        FLAG,
        "Connections are always accepted in batches.",
        since="0.1",
        meaningless=True,
    ),
    simple(
        "accept_mutex", "events", "1", FLAG, "Each worker has its own listening sockets.", since="0.1", meaningless=True
    ),
    simple("worker_aio_requests", "events", "1", NUMBER, "nginx's reads of files.", since="1.1.4", meaningless=True),
    simple("accept_mutex_delay", "events", "1", TIME, "nginx's pause between accepts.", since="0.1", meaningless=True),
    simple(
        "use",
        "events",
        "1",
        choice("epoll", "poll", "select", "kqueue", "eventport", "/dev/poll", complaint="invalid event type"),
        "Events always come from epoll.",
        since="0.1",
        meaningless=True,
    ),
    simple(
        "debug_connection",
        "events",
        "1",
        ADDRESS,
        "Clients whose sessions are logged at level debug, whatever the level of their logs.",
        since="0.1",
        syntax="address | network | unix:",
        repeatable=True,
    ),
)
