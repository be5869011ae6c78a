"""Optional stage: a model judges which of the two students answers better; it is paid for, and off by default."""
