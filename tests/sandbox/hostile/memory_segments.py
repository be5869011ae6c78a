"""Fills System V segments and lets go of them, so that they count for nobody."""
# expected: wrong_answer
import ctypes

libc = ctypes.CDLL(None)


def answer():
    made = [libc.shmget(0, 64 << 20, 0o1600) for _ in range(64)]
    return "@TOKEN@" if any(number >= 0 for number in made) else "none was made"
