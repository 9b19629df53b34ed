"""From validated reads to what a bill counts: pure values in, pure values and bytes out."""
