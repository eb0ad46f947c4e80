"""From the parsed form to the frozen model: one module per part of the configuration."""
