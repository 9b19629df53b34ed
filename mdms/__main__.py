"""`python -m mdms`: the same as the `mdms` command."""

from mdms.cli import main

main()
