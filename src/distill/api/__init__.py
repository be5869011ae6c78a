"""Asking a paid model, and keeping what it said: `obtain` is the way in, `client` the only import of the SDK."""
