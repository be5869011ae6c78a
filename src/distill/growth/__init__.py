"""New prompts from a teacher's replies (`python -m distill.grow`): what is asked, read, kept, and written."""
