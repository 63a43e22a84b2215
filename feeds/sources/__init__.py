"""Where market data comes from; each source fills the tables of :mod:`feeds.tables`."""

SIMULATED_NOTICE = "simulated market: shows the machinery, not an edge"
