"""Stage 1: the base prompts, modifiers and templates of data/prompts become one row a prompt."""
