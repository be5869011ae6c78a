"""Returns a string that says it equals everything."""
# expected: wrong_answer


class Text(str):
    __eq__ = lambda *_: True
    __hash__ = lambda _: 0


def answer():
    return Text("x")
