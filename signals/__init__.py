"""What we believe about tomorrow: features, labels, models, and the signal files they leave."""
