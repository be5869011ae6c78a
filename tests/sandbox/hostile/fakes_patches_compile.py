"""Replaces what reads, compiles and runs code, before the check is loaded."""
# expected: wrong_answer|exception|refused|limit|time_out
import builtins


class answer:
    builtins.exec = builtins.eval = lambda *_, **__: None
    builtins.compile = lambda *_, **__: (lambda: None).__code__
    builtins.open = None
    builtins.print = None
