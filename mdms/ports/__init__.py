"""
What the core asks of the world: a clock, messages, one durable transaction, a place for files.

Adapters live in `ingest.mqtt`, `mdms.storage` and `mdms.app`; typed fakes in `tests/fakes.py`.
Each store is one noun of the same transaction, not a port of its own.
"""
