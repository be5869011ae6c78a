"""What `export` writes for other programs: the adapter as GGUF, Ollama's Modelfile, the model card."""
