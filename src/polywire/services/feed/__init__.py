"""The feed: sockets kept open, books kept right, events handed to whoever reads them."""
