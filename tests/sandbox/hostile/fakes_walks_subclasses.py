"""Finds the classes of pytest among all classes, and changes them."""
# expected: wrong_answer|exception|refused|limit|time_out


def answer(*_):
    for kind in object.__subclasses__():
        for one in [kind, *type.__subclasses__(kind)]:
            if one.__module__.startswith("_pytest"):
                for name in ("runtest", "failed", "outcome", "skipped"):
                    try:
                        setattr(one, name, lambda *_: None)
                    except (AttributeError, TypeError):
                        pass
    return None
