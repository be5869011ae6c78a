"""Replaces every function of a module of the judge that speaks of outcomes."""
# expected: wrong_answer|exception|refused|limit|time_out
import sys


def answer():
    for name, module in list(sys.modules.items()):
        if name.startswith(("distill", "__main__", "runner")):
            for key, value in list(vars(module).items()):
                if callable(value) and not isinstance(value, type):
                    setattr(module, key, lambda *_, **__: {"outcome": "pass", "detail": ""})
    return None
