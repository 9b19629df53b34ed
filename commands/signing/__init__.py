"""The signer: keys, budgets and a judgement of its own, behind a Unix socket."""
