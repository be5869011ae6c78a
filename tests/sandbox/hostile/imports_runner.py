"""Imports the modules that run it."""
# expected: exception
def answer():
    from distill.sandbox.inside.runner import Run

    Run.verdict = lambda self: ("pass", "")
