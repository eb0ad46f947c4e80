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
from benchmarks.machine import Neighbours, described
from benchmarks.measure import Figure, Settings
from benchmarks.results import Results
from benchmarks.subjects import ALL, ROOT, Subject

NOISY: Final = 0.05
"""Part of the machine that others may use without being mentioned."""
RESULTS: Final = ROOT / "benchmarks" / "results" / "latest.json"

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
    results = Results(described(), {kind.name: version for kind, version in wanted.items()}, command())
    print(*(f"{what}: {value}" for what, value in results.machine.items()), *wanted.values(), sep="\n")
    began = time.monotonic()
    neighbours = Neighbours()
    with Bench(settings, list(wanted)) as bench:
        for key in options.only:
            for figure in FIGURES[key](bench):
                if (others := neighbours.share()) > NOISY:
                    figure.notes.append(f"other programs used {others:.0%} of the machine meanwhile")
                print("\n".join(report.lines(figure)), flush=True)
                results.figures.append(figure)
                results.seconds = time.monotonic() - began
                results.save(options.json)
    print(f"took {results.seconds:.0f} s; written to {options.json}")


def command() -> str:
    """What was typed, for the page."""
    return " ".join(["python benchmarks/run.py", *sys.argv[1:]])


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="Penstock against nginx and HAProxy.")
    parser.add_argument("--only", type=_keys, default=list(FIGURES), help=f"some of: {','.join(FIGURES)}")
    parser.add_argument("--subjects", default="penstock,nginx,haproxy", help="those to run")
    parser.add_argument("--rounds", type=int, help="measurements of each subject (5)")
    parser.add_argument("--quick", action="store_true", help="a look in under two minutes")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where results are written (%(default)s)")
    parser.add_argument("--no-pin", action="store_true", help="do not keep proxy and load on different processors")
    return parser.parse_args()


def _keys(text: str) -> list[str]:
    keys = text.split(",")
    if unknown := set(keys) - set(FIGURES):
        raise argparse.ArgumentTypeError(f"no figure is called {', '.join(sorted(unknown))}")
    return keys


def installed(wanted: str) -> dict[type[Subject], str]:
    """The subjects that are there, and their versions."""
    versions = {kind: kind.version() for kind in ALL if kind.name in wanted.split(",")}
    for kind, version in versions.items():
        if version is None:
            print(f"{kind.name} is not installed" + (", or its stream module is not" * (kind.name == "nginx")))
    return {kind: version for kind, version in versions.items() if version is not None}


if __name__ == "__main__":
    main()
