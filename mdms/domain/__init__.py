"""Nouns of the field (CIM, IEC 61968-9): values only, no input, no output, no clock."""
