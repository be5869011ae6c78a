"""Stage 2: the teacher's answer to every prompt; how paid models are asked is in `distill.api`."""
