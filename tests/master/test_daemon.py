"""Descriptors 0, 1 and 2, and the way to the background."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from deadline import seconds, wait_for
from processes import alive

OPENS = """
import os
for fd in {closed}: os.close(fd)
from penstock.master.daemon import open_descriptors
open_descriptors()
import sys
assert [os.readlink(f'/proc/self/fd/{{fd}}') for fd in {closed}] == ['/dev/null'] * len({closed})
assert os.open('/', os.O_RDONLY) > 2
print('said', file=sys.stderr)
os._exit(42)
"""
GOES = """
import os, sys
from penstock.master.daemon import detach
place = detach(keeps_stderr={keeps})
os.write(place.stderr, b'%d\\n' % os.getpid())
{then}
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-c", code)
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds(20), check=False)


def test_closed_descriptors_become_dev_null() -> None:
    for closed in ((0,), (1,), (2,), (0, 1, 2)):
        assert run(OPENS.format(closed=closed)).returncode == 42, closed


def test_the_started_process_ends_when_the_other_serves() -> None:
    """`run` returns only once nobody holds its pipes: the one in the background has let them go."""
    result = run(GOES.format(keeps=False, then="place.started(); import signal; signal.pause()"))
    assert result.returncode == 0
    pid = int(result.stderr)
    assert alive(pid)
    assert os.getsid(pid) == pid
    assert [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in range(3)] == ["/dev/null"] * 3
    os.kill(pid, 9)
    wait_for(lambda: not alive(pid), "the one in the background has ended")


def test_the_started_process_ends_as_the_other_failed() -> None:
    assert run(GOES.format(keeps=False, then="sys.exit(3)")).returncode == 3
    assert run(GOES.format(keeps=False, then="sys.exit(0)")).returncode == 1
    assert run(GOES.format(keeps=False, then="os.kill(os.getpid(), 9)")).returncode == 1


def test_who_logs_there_keeps_the_descriptor() -> None:
    then = "place.started(); os.write(place.stderr, b'later\\n')"
    assert run(GOES.format(keeps=True, then=then)).stderr.endswith("later\n")
    assert not run(GOES.format(keeps=False, then=then)).stderr.endswith("later\n")


SUCCEEDS = """
import os, sys
from penstock.master.daemon import STARTED, succeed
reading, report = os.pipe()
output = os.open({output!r}, os.O_WRONLY | os.O_CREAT)
stderr = os.dup(2)
os.dup2(report, 2)
os.close(report)
os.write(2, b"before ")
place = succeed(stderr, output)
os.write(2, b"after")
os.write(place.complaints, b"a complaint")
assert place.stderr == stderr
{then}
place.started()
assert os.read(reading, 99) == b"before a complaint" + STARTED and os.read(reading, 99) == b""
"""


def test_descriptor_2_of_a_new_program_is_the_old_one_s_once_it_runs(tmp_path: Path) -> None:
    output = tmp_path / "output"
    result = run(SUCCEEDS.format(output=str(output), then=""))
    assert (result.returncode, output.read_text()) == (0, "after"), result.stderr


def test_an_old_program_that_has_ended_is_told_nothing(tmp_path: Path) -> None:
    then = "os.close(reading); place.started(); sys.exit(5)"
    assert run(SUCCEEDS.format(output=str(tmp_path / "output"), then=then)).returncode == 5
