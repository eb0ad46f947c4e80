"""OpenSSL's errors as OpenSSL writes them, and with it nginx: `error:0A00009C:SSL routines::http request`.

Python keeps an error's reason by name. The numbers are in a table of CPython's own; without it the name has to do.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any, Final

SSL_LIBRARY: Final = 20
"""ERR_LIB_SSL; OpenSSL 3 packs it above 23 bits of reason (err.h)."""
LIBRARY_SHIFT: Final = 23
ALERTS: Final = 1000
"""SSL_AD_REASON_OFFSET: the reason of an alert received is its number and this."""


def numbers() -> Mapping[str, tuple[int, int]]:
    """The library and reason of each name."""
    import _ssl

    known: Any = getattr(_ssl, "err_names_to_codes", {})
    return dict(known)


NUMBERS: Final = numbers()


def told(error: ssl.SSLError) -> str:
    """An error as it stands in a log line."""
    name = getattr(error, "reason", None) or ""  # an error of Python's own making has neither
    library, reason = NUMBERS.get(name, (0, 0))
    text = name.lower().replace("_", " ") or str(error)
    if getattr(error, "library", None) != "SSL" or library != SSL_LIBRARY:
        return text
    alert = f":SSL alert number {reason - ALERTS}" if reason > ALERTS else ""
    return f"error:{library << LIBRARY_SHIFT | reason:08X}:SSL routines::{text}{alert}"
