"""The kinds of checks, seen from outside the sandbox: the form of each one's file, and what decides."""
