"""Reads its caller's names by attributes in a text."""
# expected: wrong_answer|exception|refused|limit|time_out
import operator


def answer(*_):
    try:
        raise ValueError
    except ValueError as error:
        path = "__trace" + "back__.tb_fr" + "ame.f_ba" + "ck.f_glo" + "bals"
        return operator.attrgetter(path)(error)["TOKEN"]
