"""What the main context gives to a worker's process: environment, priority, limits, processors, directory.

Applied in the child and before it becomes another user, as nginx does. What the system refuses is an alert and no
more, except the directory: whoever names one relies on it.
"""

from __future__ import annotations

import errno
import os
import resource
import time
from collections.abc import Collection, Iterable

from ..shared.birth import Birth
from ..shared.errorlog import reason
from ..shared.messages import Verb, encode
from ..shared.model.process import CpuAffinity, Variable


def apply(birth: Birth) -> None:
    """Make the surroundings of a worker; raises SystemExit when it cannot start in them."""
    main = birth.configuration.main
    set_environment(main.environment)
    if main.worker_priority:
        set_priority(birth, main.worker_priority)
    set_limits(birth)
    if main.worker_cpu_affinity is not None:
        set_affinity(birth, main.worker_cpu_affinity)
    if main.working_directory is not None:
        enter_directory(birth, main.working_directory)


def set_environment(wanted: Iterable[Variable]) -> None:
    """`env`: of the master's environment only what is named, and always the time zone."""
    kept: dict[str, str] = {}
    for variable in (*wanted, Variable("TZ")):
        value = os.environ.get(variable.name) if variable.value is None else variable.value
        if value is not None:
            kept.setdefault(variable.name, value)
    os.environ.clear()
    os.environ.update(kept)
    time.tzset()


def set_priority(birth: Birth, priority: int) -> None:
    """`worker_priority`."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, priority)
    except OSError as error:
        birth.log.alert(f"setpriority({priority}) failed {reason(error)}")


def set_limits(birth: Birth) -> None:
    """`worker_rlimit_nofile`, or as many descriptors as the system allows; and `worker_rlimit_core`."""
    main = birth.configuration.main
    files = main.worker_rlimit_nofile
    limit(birth, "NOFILE", resource.getrlimit(resource.RLIMIT_NOFILE)[1] if files is None else files)
    if main.worker_rlimit_core is not None:
        limit(birth, "CORE", main.worker_rlimit_core)


def limit(birth: Birth, name: str, value: int) -> None:
    """Set one of the system's limits."""
    try:
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
    except (OSError, ValueError, OverflowError) as error:
        birth.log.alert(f"setrlimit(RLIMIT_{name}, {value}) failed ({error})")


def set_affinity(birth: Birth, affinity: CpuAffinity) -> None:
    """`worker_cpu_affinity`."""
    processors = affinity.of(birth.slot, os.sched_getaffinity(0))
    for number in sorted(processors):
        birth.log.notice(f"sched_setaffinity(): using cpu #{number}")
    try:
        pin(processors)
    except OSError as error:
        birth.log.alert(f"sched_setaffinity() failed {reason(error)}")


def pin(processors: Collection[int]) -> None:
    """Run on these processors only; raises OSError."""
    if not processors:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    os.sched_setaffinity(0, processors)


def enter_directory(birth: Birth, directory: str) -> None:
    """`working_directory`; the master is told when there is none."""
    try:
        os.chdir(directory)
    except OSError as error:
        birth.log.alert(f'chdir("{directory}") failed {reason(error)}')
        birth.control.send(encode(Verb.FAILED, f'chdir("{directory}") failed: {error.strerror}'))
        raise SystemExit(2) from error
