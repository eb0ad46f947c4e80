"""Where the entities of the Admin API are kept: SQLite for one node, PostgreSQL for several."""
