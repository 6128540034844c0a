"""Real sockets, files, processes and clocks: the ports' implementations. Foreign errors become ours here."""
