"""Finds the loop that answers requests and changes it."""
# expected: wrong_answer|exception
import gc

for thing in gc.get_objects():
    if type(thing).__name__ == "Server":
        type(thing).answer = lambda self, message: {"ok": True, "args": ["l", ["l"], ["d"]]}


def answer():
    return None
