"""The benchmark: every figure beside a limit or a baseline measured in the same run."""
