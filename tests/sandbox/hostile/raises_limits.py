"""Tries to raise every limit."""
# expected: wrong_answer
import resource


def answer():
    for name in dir(resource):
        if name.startswith("RLIMIT_"):
            _, hard = resource.getrlimit(getattr(resource, name))
            if hard == resource.RLIM_INFINITY:
                continue
            try:
                resource.setrlimit(getattr(resource, name), (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            except (OSError, ValueError):
                continue
            return "@TOKEN@"
    return "none was raised"
