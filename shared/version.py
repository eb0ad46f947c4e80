"""The version of Penstock, and of the nginx whose language it claims."""

from typing import Final

__version__: Final = "0.1.0"
NGINX_VERSION: Final = "1.31.5"
