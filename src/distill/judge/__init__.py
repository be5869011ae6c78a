"""Optional: a paid model judges which of the two students answers better; off by default."""
