"""The command: `python benchmarks/run.py` measures everything, in under a quarter of an hour on two processors."""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

if __package__ in (None, ""):  # run as a file
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    sys.path.remove(str(Path(__file__).resolve().parent))

from benchmarks import report
from benchmarks.bench import Bench
from benchmarks.figures import bulk, connections, handshakes, latency, memory, names, reload, scaling
from benchmarks.measure import Figure, Settings
from benchmarks.subjects import ALL, Subject

FIGURES: Final[dict[str, Callable[[Bench], Iterator[Figure]]]] = {
    "plain": connections.plain,
    "request": connections.request,
    "bulk": bulk.bulk,
    "sni": names.sni,
    "handshake": handshakes.handshakes,
    "tls-bulk": bulk.tls_bulk,
    "idle": memory.idle,
    "reload": reload.reload,
    "workers": scaling.workers,
    "latency": latency.latency,
}


def main() -> None:
    """Measure what was asked for."""
    options = arguments()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    settings = Settings.pick(options.quick, options.rounds, not options.no_pin)
    wanted = installed(options.subjects)
    began = time.monotonic()
    with Bench(settings, wanted) as bench:
        for key in options.only:
            for figure in FIGURES[key](bench):
                print("\n".join(report.lines(figure)), flush=True)
    print(f"took {time.monotonic() - began:.0f} s")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="Penstock against nginx and HAProxy.")
    parser.add_argument("--only", type=_keys, default=list(FIGURES), help=f"some of: {','.join(FIGURES)}")
    parser.add_argument("--subjects", default="penstock,nginx,haproxy", help="those to run")
    parser.add_argument("--rounds", type=int, help="measurements of each subject (5)")
    parser.add_argument("--quick", action="store_true", help="a look in under two minutes")
    parser.add_argument("--no-pin", action="store_true", help="do not keep proxy and load on different processors")
    return parser.parse_args()


def _keys(text: str) -> list[str]:
    keys = text.split(",")
    if unknown := set(keys) - set(FIGURES):
        raise argparse.ArgumentTypeError(f"no figure is called {', '.join(sorted(unknown))}")
    return keys


def installed(wanted: str) -> list[type[Subject]]:
    """The subjects that are there."""
    found = []
    for kind in ALL:
        if kind.name in wanted.split(","):
            version = kind.version()
            print(version or f"{kind.name}: not installed (nginx needs its stream module)")
            found += [kind] if version else []
    return found


if __name__ == "__main__":
    main()
