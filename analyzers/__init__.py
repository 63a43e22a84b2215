"""What happened in a backtest, and whether it was skill: metrics, signal quality and the tear sheet."""
