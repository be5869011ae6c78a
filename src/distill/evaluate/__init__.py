"""Stage 5: base, distilled student and teacher are compared on held-out prompts; read `stage` first."""
