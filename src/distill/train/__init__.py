"""Stage 4: a LoRA adapter is trained on the student; read `stage`, then `run`."""
