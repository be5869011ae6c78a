"""Stage 4: train a LoRA adapter on the student; read `stage`, then `run`."""
