"""Whether anything looks ahead: the future is drawn anew, and what came before it must stay the same, bit for bit."""
