"""The version of Penstock, and of the nginx whose language it claims."""

from typing import Final

__version__ = "0.1.0"  # without an annotation: the build finds it by a pattern
NGINX_VERSION: Final = "1.31.5"
