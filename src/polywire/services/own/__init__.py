"""The user channel: one's own orders and trades, heard on a socket and reconciled over REST."""
