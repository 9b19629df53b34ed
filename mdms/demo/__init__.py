"""A small city on one machine: real processes, five weeks in about a minute, and the proof."""
