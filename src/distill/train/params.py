"""The parameters of a training run; and the run itself, which adds the student and the examples."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from distill.common.config import Model, Number, Strings
from distill.student.model import StudentProfile
from distill.train.data import Examples, LossOn

Positive = Annotated[int, Field(gt=0)]


class LoraParams(Model):
    """The section `train.lora` of params.yaml."""

    r: Positive
    alpha: Positive
    dropout: Annotated[Number, Field(ge=0, lt=1)]
    targets: Strings | Literal["all-linear"]
    rslora: bool
    dora: bool
    init: Literal["default", "gaussian", "orthogonal"]
    lr_ratio: Annotated[Number, Field(ge=1)] | None


class TrainParams(Model):
    """The section `train` of params.yaml."""

    epochs: Positive
    batch_size: Positive
    learning_rate: Annotated[Number, Field(gt=0)]
    weight_decay: Annotated[Number, Field(ge=0)]
    warmup_share: Annotated[Number, Field(ge=0, lt=1)]
    schedule: Literal["linear", "cosine", "constant_with_warmup"]
    max_grad_norm: Annotated[Number, Field(gt=0)]
    loss_on: LossOn
    seed: int
    eval_every: Positive | None
    checkpoint_every: Positive
    dtype: Literal["auto", "float32", "bfloat16"]
    micro_batch: Positive | None
    compile: Literal["auto"] | bool
    gradient_checkpointing: Literal["auto"] | bool
    quantization: Literal["nf4"] | None
    devices: str
    lora: LoraParams


@dataclass(frozen=True)
class TrainingRun:
    """Parameters, the student, its tokenizer, and the examples for training and validation (perhaps none)."""

    params: TrainParams
    student: StudentProfile
    tokenizer: Any
    training: Examples
    validation: Examples
