"""From wanted shares to fills: the account, the clock and the fees."""
