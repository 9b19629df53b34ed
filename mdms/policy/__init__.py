"""The utility's rules as pure functions: facts in, every failing clause out."""
