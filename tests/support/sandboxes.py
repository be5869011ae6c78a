"""What tests of the sandboxes share: limits, and skipping a sandbox that does not work here."""

import pytest

from distill.sandbox.run_checks import available

LIMITS = {
    "wall_s": 60.0,
    "cpu_s": 1,
    "memory_mib": 256,
    "processes": 16,
    "file_kib": 1024,
}


def needs(sandbox: str) -> None:
    """Skip the test where a sandbox does not work."""
    if reason := available((sandbox,))[1]:
        pytest.skip(reason)
