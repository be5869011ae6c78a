"""distill.train.forecast: what is left to multiply, by hand, and how a duration is said."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from distill.common.config import parse
from distill.shared import device
from distill.student.model import StudentProfile
from distill.train import forecast
from distill.train.data import Examples
from distill.train.params import TrainingRun
from distill.train.setup import Setup
from distill.train.stage import TrainParams
from training import params, tokens

SETUP = Setup("cpu", torch.float32, 1, 1, 4, False, False)


def run(**changes: Any) -> TrainingRun:
    """5 examples of 10 tokens, 4 an update: 2 updates an epoch, 2 epochs; 3 examples of 4 tokens to validate with."""
    student = StudentProfile(source="dir", name="x", base_model="x", license="x")
    training = Examples([tokens([4] * 10, 3)] * 5)
    validation = Examples([tokens([4] * 4, 2)] * 3)
    return TrainingRun(parse(TrainParams, params(**changes), "params.yaml"), student, None, training, validation)


def test_what_is_left_to_multiply() -> None:
    # 50 tokens twice, 4 operations a weight; 12 tokens before the first epoch and after both, 2 a weight.
    whole = 100 * (50 * 2 * 4 + 12 * 3 * 2)
    assert forecast.work(run(), SETUP, 100, 0) == whole
    assert forecast.work(run(), SETUP, 100, 1) == whole * 3 / 4
    assert forecast.work(run(), SETUP, 100, 4) == 0
    assert forecast.work(run(), replace(SETUP, checkpointing=True), 100, 0) == 100 * (50 * 2 * 6 + 12 * 3 * 2)
    assert forecast.work(run(eval_every=1), SETUP, 100, 0) == 100 * (50 * 2 * 4 + 12 * 5 * 2)


def test_the_time_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    work = forecast.work(run(), SETUP, 100, 0)
    monkeypatch.setattr(device, "speed", lambda dtype: work / forecast.SHARE[dtype] / 240)
    assert forecast.describe(run(), SETUP, 100, None) == "about 4 minutes"
    assert forecast.describe(run(), SETUP, 100, "somewhere/checkpoint-2") == "about 2 minutes"
    assert forecast.describe(run(), replace(SETUP, processes=2), 100, None) == "about 2 minutes"
    monkeypatch.setattr(forecast, "COMPILATION_S", 60)
    compiled = replace(SETUP, compile=True)
    assert forecast.describe(run(), compiled, 100, None) == "about 5 minutes"
    assert forecast.describe(run(), compiled, 100, "somewhere/checkpoint-4") == "less than a minute"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "less than a minute"), (59, "less than a minute"), (60, "about 1 minute"), (100, "about 2 minutes"),
        (89 * 60, "about 89 minutes"), (90 * 60, "about 1.5 hours"), (36_000, "about 10.0 hours"),
    ],
)  # fmt: skip
def test_durations(seconds: float, said: str) -> None:
    assert forecast.words(seconds) == said
