"""The plugins that come with Penstock: one in each module, named like it with `-` for `_`."""
