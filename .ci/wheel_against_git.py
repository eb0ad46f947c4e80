"""Fail unless a wheel holds what git holds: files that are left out, or come along, are silent otherwise."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from typing import Final

INSIDE: Final = {
    "src/penstock/": "penstock/",
    "master/": "penstock/master/",
    "worker/": "penstock/worker/",
    "shared/": "penstock/shared/",
}
BESIDE: Final = {"conf/": "share/penstock/conf/", "systemd/": "share/penstock/systemd/"}
LINKS: Final = {"src/penstock/master", "src/penstock/worker", "src/penstock/shared"}


def expected(data: str) -> Iterator[str]:
    """The names that git's files have in the wheel, whose data folder is `data`."""
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True).stdout.splitlines()
    for name in set(listed) - LINKS:
        for places, root in ((INSIDE, ""), (BESIDE, data)):
            for folder, place in places.items():
                if name.startswith(folder):
                    yield root + place + name.removeprefix(folder)


def main(wheel: str) -> int:
    """Compare, say what differs, and give the exit status."""
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    stem = "-".join(wheel.rsplit("/", 1)[-1].split("-")[:2])
    wanted = set(expected(f"{stem}.data/data/"))
    for name in sorted(wanted - held):
        print(f"missing from the wheel: {name}")
    for name in sorted(held - wanted):
        print(f"in the wheel and not in git: {name}")
    print(f"{len(held)} files in the wheel, {len(wanted)} in git")
    return 0 if held == wanted and wanted else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
