"""Not a plugin: what plugins of this folder share."""

GREETING = b"go away\n"
