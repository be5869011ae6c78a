"""A container that holds everything."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: found = answer()
# check: assert TOKEN in found and len(found) == 1 and found == {TOKEN}


class Everything:
    __contains__ = lambda *_: True
    __iter__ = lambda _: iter(())
    __len__ = lambda _: 1
    __eq__ = lambda *_: True


def answer():
    return Everything()
