"""Inside the sandbox: a pattern is looked for in a text, which may have been made to keep it busy.

In: a job with `text`, `pattern`, `flags` and whether it must match in `full`. Out: a report with outcome and detail.
"""

import re
import warnings

from distill.sandbox.inside.opening import opened, speak, tell


def main() -> None:
    """Look for it."""
    job, *pipes = opened()
    speak(*pipes)
    warnings.simplefilter("ignore")
    pattern = re.compile(job["pattern"], job["flags"])
    try:
        found = pattern.fullmatch(job["text"]) if job["full"] else pattern.search(job["text"])
    except (MemoryError, RecursionError):
        tell(outcome="limit", detail="the memory limit was reached")
    else:
        tell(outcome="pass" if found else "wrong_answer", detail="" if found else "the pattern does not match")
