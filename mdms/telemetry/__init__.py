"""Logs and metrics: set up once, named in one place."""
