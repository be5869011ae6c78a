"""What the base and the distilled student answer, and how likely they find the teacher's answers."""
