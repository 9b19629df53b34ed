"""PostgreSQL, with TimescaleDB where it is there: the one durable store."""
