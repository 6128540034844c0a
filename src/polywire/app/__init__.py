"""The composition root: the only place that builds `io` and hands it to services and interfaces.

Nothing is imported here: a command pays for what it uses, and an assistant waits while its server starts.
"""
