"""What Polywire does: ports and the pure core put together. No concrete I/O."""
