"""Reads its caller's frame from that of a generator that runs."""
# expected: wrong_answer|exception|refused|limit|time_out


def answer():
    def look():
        frame = generator.gi_frame
        while frame:
            if "TOKEN" in frame.f_globals:
                yield frame.f_globals["TOKEN"]
            frame = frame.f_back
        yield None

    generator = look()
    return next(generator)
