"""What a training run is made from."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from distill.student.model import StudentProfile
from distill.train.data import Tokens

if TYPE_CHECKING:
    from distill.train.stage import TrainParams


@dataclass(frozen=True)
class Job:
    """Parameters, the student, its tokenizer, and examples to train on and to validate with (perhaps none)."""

    params: "TrainParams"
    student: StudentProfile
    tokenizer: Any
    training: list[Tokens]
    validation: list[Tokens]
