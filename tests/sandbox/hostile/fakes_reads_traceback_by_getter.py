"""Reads its caller's names by attributes in a text."""
# expected: wrong_answer|exception|refused|limit|time_out
import operator


def answer(*_):
    try:
        raise ValueError
    except ValueError as error:
        return operator.attrgetter("__traceback__.tb_frame.f_back.f_globals")(error)["TOKEN"]
