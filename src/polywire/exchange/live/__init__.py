"""The exchange's live-data service (RTDS): reference prices, and every trade with its wallet."""
