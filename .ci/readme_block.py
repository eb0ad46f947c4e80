"""Print the n-th fenced block of a language in a Markdown file, so that what is run is what is written."""

from __future__ import annotations

import re
import sys
from pathlib import Path


def block(text: str, language: str, number: int) -> str:
    """The block's lines, counted from 1."""
    return re.findall(rf"^```{re.escape(language)}\n(.*?)^```$", text, re.M | re.S)[number - 1].rstrip()


if __name__ == "__main__":
    print(block(Path(sys.argv[1]).read_text(), sys.argv[2], int(sys.argv[3])))
