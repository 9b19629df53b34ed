"""What the system does, one module per job: load, call the pure core, store."""
