"""The errors a person can fix. Each carries one line: what is wrong, where, and what to do about it.

Any other exception that leaves a stage is a bug, and shows its traceback.
"""


class DistillError(Exception):
    """A failure that a person can fix; its text is a single line that is shown to the user as it is."""


class InputError(DistillError, ValueError):
    """A file, a parameter or an environment variable holds something that cannot be used."""


class TeacherError(DistillError, RuntimeError):
    """The teacher could not be asked, or did not answer; earlier answers are kept."""


class TrainingError(DistillError, ArithmeticError):
    """Training or evaluation produced something that must not count as a result."""
