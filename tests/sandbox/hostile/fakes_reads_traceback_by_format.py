"""Reads its caller's names by the attributes that a format string may name."""
# expected: wrong_answer|exception|refused|limit|time_out


def answer(*_):
    try:
        raise ValueError
    except ValueError as error:
        return "{0.__traceback__.tb_frame.f_back.f_globals[TOKEN]}".format(error)
