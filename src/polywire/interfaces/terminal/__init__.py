"""The terminal: a live board, progress bars, tables. Everything but results goes to standard error."""
