"""The composition root: the one layer that knows every adapter, and that holds the real clock."""
