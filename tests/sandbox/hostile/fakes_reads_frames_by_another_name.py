"""Reads its caller's frame by names that are put together."""
# expected: wrong_answer|exception|refused|limit|time_out


def answer(*_):
    frame = getattr(__import__("s" + "ys"), "_get" + "frame")()
    while frame:
        for space in (frame.f_locals, frame.f_globals):
            if "TOKEN" in space:
                return space["TOKEN"]
        frame = frame.f_back
    return None
