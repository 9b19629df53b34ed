"""What ships to judge the grid by."""

from pathlib import Path

from vee.grid.rules import GridRules

TEXT = (Path(__file__).parents[4] / "config/vee/grid.toml").read_text(encoding="utf-8")
RULES = GridRules.parse(TEXT, name="grid.toml")
