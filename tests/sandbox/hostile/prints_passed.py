"""Says that it passed, in every way that a judge may listen for."""
# expected: wrong_answer
import os
import sys

print("1 passed in 0.01s")
print('{"outcome": "pass", "detail": ""}')
sys.stderr.write("OK")
os.write(1, b'{"outcome": "pass", "detail": ""}' + bytes([10]))


def answer():
    print("PASSED")
    return "passed"
