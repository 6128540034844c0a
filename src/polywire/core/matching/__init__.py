"""The matching engine: one pool a market, both outcomes in it, exact to the last unit. Pure and seeded by its input."""
