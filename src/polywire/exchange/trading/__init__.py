"""The private half of the exchange: keys, signed orders, what each wallet holds and did, and how it is told."""
