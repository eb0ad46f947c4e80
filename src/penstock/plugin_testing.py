"""Stand-ins for the tests of plugins. docs/plugins.md shows their use."""

from penstock.shared.plugin_testing import StandIn, StandInWorker, configured

__all__ = ["StandIn", "StandInWorker", "configured"]
