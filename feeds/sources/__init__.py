"""Where market data comes from; each source fills the tables of :mod:`feeds.tables`."""
