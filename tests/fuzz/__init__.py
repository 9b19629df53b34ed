"""Hostile input: whatever bytes come, nothing but counted dead letters comes of them."""
