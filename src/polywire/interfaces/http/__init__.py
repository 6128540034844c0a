"""HTTP: the gate everybody passes, and what stands behind it."""
