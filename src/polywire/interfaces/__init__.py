"""Ways in and out: each parses, calls one service, and shapes the reply. They do not know one another."""
