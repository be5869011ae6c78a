"""Makes every report of pytest say that the test passed."""
# expected: wrong_answer|exception|refused|limit|time_out
from _pytest.reports import BaseReport, TestReport


def answer():
    TestReport.outcome = property(lambda self: "passed", lambda self, value: None)
    BaseReport.passed = property(lambda self: True)
    BaseReport.failed = property(lambda self: False)
    return None
