"""One training run: load the student, add the adapter, train, check, write the adapter's folder."""

import logging
import shutil
import warnings
from pathlib import Path
from typing import Any

import torch
from transformers.trainer_utils import set_seed
from transformers.utils import logging as transformers_logging

from distill.common.errors import TrainingError
from distill.common.jsonl import replace
from distill.shared import device
from distill.shared.memory import Size, check, enough
from distill.student.model import fingerprint, load_config, load_model
from distill.train import checkpoint, forecast, lora, loss, model_card, trainer
from distill.train.callbacks import Progress
from distill.train.curve import Result, points
from distill.train.memory import Plan
from distill.train.params import TrainingRun
from distill.train.setup import Setup, choose


def fit(run: TrainingRun, files: tuple[Path, ...], output: Path) -> Result | None:
    """Train, and replace `output` by the adapter's folder.

    Returns:
        Losses and counts; None on all processes but the main one.

    Raises:
        TrainingError: The loss was not finite, or the adapter did not change.
        InputError: The student or the adapter's options cannot be used, or there is not enough memory.
    """
    quiet()
    size = Size.of(load_config(run.student))
    setup = choose(run.params, size.parameters, run.training.tokens)
    what, plan = f"train: {run.student.identity}", Plan(run, setup, size, run.params.quantization == "nf4")
    check(what, plan.need(), plan.changes())
    with enough(what, plan.changes):
        return _fit(run, setup, files, output)


def _fit(run: TrainingRun, setup: Setup, files: tuple[Path, ...], output: Path) -> Result | None:
    if setup.checkpointing:
        device.release_at_once()
    model = _adapted(run, setup)
    before = lora.digest(lora.gather(model))
    place = checkpoint.place(_key(run, files, setup))
    options = trainer.arguments(run, setup, place)
    with checkpoint.turn(place):
        last = checkpoint.last(place)
        _announce(run, setup, model, last)
        state = _train(trainer.build(run, setup, model, options, resume=last is not None), last)
        values = lora.gather(model)
        if lora.digest(values) == before:
            raise TrainingError("train: the adapter's weights did not change; raise train.learning_rate in params.yaml")
        if not checkpoint.first():
            return None
        result = _result(run, model, state)
        _write(run, model, values, result, output)
        return result


def _adapted(run: TrainingRun, setup: Setup) -> Any:
    options = lora.quantization(run.params.quantization)
    if setup.packing:
        options |= {"attn_implementation": "flash_attention_2"}
    base = load_model(run.student, device.dtype(run.params.dtype), **options)
    set_seed(run.params.seed)  # the adapter's initial weights are random
    return lora.add(base, run.params.lora)


def _key(run: TrainingRun, files: tuple[Path, ...], setup: Setup) -> str:
    facts = (setup.describe(), f"{torch.get_num_threads()} threads", fingerprint(run.student))
    return checkpoint.key((run.params, run.student), (*files, *checkpoint.code()), facts)


def _announce(run: TrainingRun, setup: Setup, model: Any, last: str | None) -> None:
    """Print how and how long it will train, where it resumes, and what makes it slow."""
    time = forecast.describe(run, setup, model.num_parameters(), last)
    start = f", resuming from {Path(last).name}" if last else ""
    _say(f"training on {setup.describe()}{start}: {time} if the machine does nothing else")
    if note := loss.slower(model.get_base_model(), setup):
        _say(note)
    if warning := device.slow_dtype("train.dtype", run.params.dtype):
        _say(warning)


def _train(running: trainer.Trainer, last: str | None) -> Any:
    """Train, and return the trainer's state."""
    try:
        running.train(resume_from_checkpoint=last)
    finally:
        running.pop_callback(Progress).close()  # an error must not be printed on the bar's line
    return running.state


def _say(line: str) -> None:
    if checkpoint.first():
        print(line, flush=True)


def _result(run: TrainingRun, model: Any, state: Any) -> Result:
    return Result(
        history=points(state.log_history),
        updates=state.global_step,
        epochs=run.params.epochs,
        examples=len(run.training),
        validation_examples=len(run.validation),
        trained_tokens=run.training.trained,
        trainable=sum(parameter.numel() for parameter in lora.trainable(model).values()),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
    )


def _write(run: TrainingRun, model: Any, values: dict[str, Any], result: Result, output: Path) -> None:
    beside = output.with_name(f".{output.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    lora.save(model, values, beside, run.student)
    run.tokenizer.save_pretrained(beside)
    model_card.write(beside / "README.md", run.params, run.student, result)
    replace(beside, output)


def quiet() -> None:
    """Let libraries print only errors, which leaves the bar, the summary and errors on the terminal."""
    transformers_logging.set_verbosity_error()
    logging.getLogger("trl").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="torch|transformers|peft|accelerate|trl")
