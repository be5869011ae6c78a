"""Inside the sandbox: an answer's code, run as a script, with arguments, standard input and standard output.

In: a job with `source`, `arguments` and a random `mark`; what comes in behind it is the script's input. Out: what the
script writes to its standard output, and the status it ends with; where it raised, the mark follows, and what was
raised. Nothing that is expected of the script is in here.
"""

import sys
import types

from distill.sandbox.inside.opening import opened, speak


def main() -> None:
    """Run it, and end as it ends."""
    job, *pipes = opened()
    speak(*pipes)
    sys.argv = ["solution.py", *job["arguments"]]
    for name in [name for name in sys.modules if name.startswith("distill")]:
        del sys.modules[name]
    module = sys.modules["__main__"] = types.ModuleType("__main__")
    module.__file__ = sys.argv[0]
    write, mark = sys.stdout.write, job["mark"]
    try:
        exec(compile(job["source"], "solution.py", "exec", dont_inherit=True), module.__dict__)  # noqa: S102 (confined)
    except SystemExit:
        raise
    except BaseException as error:
        write(f"{mark}{type(error).__name__}: {error}".removesuffix(": "))
        sys.exit(1)
