"""The configuration as frozen values: what the language builds and both processes read."""
