"""Sets the machine's clock."""
# expected: exception
import time


def answer():
    time.clock_settime(time.CLOCK_REALTIME, 0)
    return "@TOKEN@"
