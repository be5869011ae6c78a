"""A class made at run time whose instances equal everything."""
# expected: wrong_answer|exception|refused|limit|time_out


def answer():
    methods = {"__" + name + "__": lambda *_: name != "ne" for name in ("eq", "le", "ge")}
    return type("Yes", (), methods)()
