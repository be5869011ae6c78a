"""Makes pytest skip the check while it is loaded."""
# expected: wrong_answer|exception|refused|limit|time_out
import pytest


class answer:
    reason = pytest.skip("all of it", allow_module_level=True)
