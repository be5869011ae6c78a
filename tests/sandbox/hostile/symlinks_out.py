"""Makes symbolic and hard links to what it may not read, and goes up from where it is."""
# expected: exception
import os


def answer():
    for make in (os.symlink, os.link):
        for place in ("/tmp/link", "link", "/dev/link"):
            try:
                make("@SECRET@", place)
                return open(place).read()
            except OSError:
                pass
    return open("../" * 40 + "@SECRET@").read()
