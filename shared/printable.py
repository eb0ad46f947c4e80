"""Text from the network made fit for one line of a log."""

from __future__ import annotations

from typing import Final

LIMIT: Final = 255
"""Characters of a name that are shown: the longest a DNS name can be."""


def printable(text: str, limit: int = LIMIT) -> str:
    r"""`text` with everything but printable ASCII, and `"` and `\`, as `\xHH`; cut after `limit` characters.

    Made for texts of one character per byte; a wider character is written as `\u{HHHH}`.
    """
    if len(text) <= limit and text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return text
    shown = "".join(map(_escaped, text[:limit]))
    return shown if len(text) <= limit else f"{shown}... ({len(text)} characters)"


def _escaped(char: str) -> str:
    if " " <= char <= "~" and char not in '"\\':
        return char
    code = ord(char)
    return f"\\x{code:02X}" if code < 0x100 else f"\\u{{{code:X}}}"
