"""Starts a pool of processes."""
# expected: exception|limit
import multiprocessing


def answer():
    with multiprocessing.Pool(64) as pool:
        return pool.map(str, ["@NOTHING@"])[0]
