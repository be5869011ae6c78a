"""Answers' code, run against hidden checks in a sandbox; read `run_checks` first."""
