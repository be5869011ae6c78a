"""Asking a paid model, and keeping its answers; read `obtain` first. Only `client` imports the SDK."""
