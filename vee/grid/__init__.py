"""
What meters tell about the grid that feeds them: outages, voltage, loading, signs of tampering.

Pure functions of arrays, for all meters at once: vee.md 9. Times are seconds since 1970-01-01 UTC.
"""
