"""What customers use: one module per commodity, all from the same people and weather."""
