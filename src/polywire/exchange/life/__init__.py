"""The life of the exchange: what is listed, what it is worth, and who trades it. All of it follows from a seed."""
