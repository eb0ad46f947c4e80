"""Records of the Admin API (Kong's JSON shapes) made into what sessions obey, change by change."""
