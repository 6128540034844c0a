"""What was traded and is held, told by address to whoever asks: the Data API, and the history of prices."""
