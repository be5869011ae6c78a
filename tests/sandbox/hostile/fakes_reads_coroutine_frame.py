"""Reads its caller's frame from that of a coroutine that runs."""
# expected: wrong_answer|exception|refused|limit|time_out


def answer():
    found = []

    async def look():
        frame = coroutine.cr_frame
        while frame:
            found.append(frame.f_globals.get("TOKEN"))
            frame = frame.f_back

    coroutine = look()
    try:
        coroutine.send(None)
    except StopIteration:
        pass
    return next(filter(None, found), None)
