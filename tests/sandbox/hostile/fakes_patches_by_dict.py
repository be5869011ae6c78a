"""Replaces a builtin by the dictionary that every module holds."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: found = answer()
# check: assert sum(found) == 6


def answer(*_):
    name = "__builtins__"
    space = globals()[name]
    space = space if isinstance(space, dict) else vars(space)
    space["sum"] = lambda *_: 6
    return []
