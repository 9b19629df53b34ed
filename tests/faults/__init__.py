"""Whole runs in which things break at seeded moments; the seed is printed."""
