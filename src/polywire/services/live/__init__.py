"""Our feed of the live-data service (RTDS): trades with their wallets, reference prices, comments."""
