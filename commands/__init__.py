"""The way out: commands to meters, from the first judgement to the meter's own answer."""
