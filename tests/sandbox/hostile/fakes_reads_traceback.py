"""Reads its caller's frame from the traceback of an exception."""
# expected: wrong_answer|exception|refused|limit|time_out


def answer(*_):
    try:
        raise ValueError
    except ValueError as error:
        frame = error.__traceback__.tb_frame
    while frame:
        for space in (frame.f_locals, frame.f_globals):
            if "TOKEN" in space:
                return space["TOKEN"]
        frame = frame.f_back
    return None
