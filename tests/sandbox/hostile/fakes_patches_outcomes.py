"""Replaces pytest's exceptions, and how it describes an assertion."""
# expected: wrong_answer|exception|refused|limit|time_out
import _pytest.assertion.util
import _pytest.outcomes


def answer():
    _pytest.outcomes.fail = _pytest.outcomes.exit = lambda *_, **__: None
    _pytest.outcomes.Failed = _pytest.outcomes.Skipped
    _pytest.assertion.util._reprcompare = lambda *_: _pytest.outcomes.skip("no")
    _pytest.assertion.util._assertion_pass = lambda *_: None
    return None
