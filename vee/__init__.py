"""Validation, estimation and editing of interval data: pure functions of arrays."""
