"""The market: its prices, days and rules."""
