"""Callbacks of a training run: a guard against a loss that is not finite, marks for checkpoints, a progress bar."""

import math
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm
from transformers import TrainerCallback

from distill.common.errors import TrainingError
from distill.train.checkpoint import mark_complete


class FiniteLoss(TrainerCallback):  # type: ignore[misc]
    """Stops the run at the first loss or gradient that is not finite, before it gets into a checkpoint."""

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        for name in ("loss", "eval_loss", "grad_norm"):
            value = (logs or {}).get(name)
            if value is not None and not math.isfinite(value):
                raise TrainingError(
                    f"train: {name} is {value} after {state.global_step} updates; in params.yaml, lower "
                    "train.learning_rate, or set train.dtype to float32"
                )


class CompleteCheckpoint(TrainerCallback):  # type: ignore[misc]
    """Marks a checkpoint once it is completely on disk, so that one cut short by a kill is never used."""

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        mark_complete(Path(args.output_dir) / f"checkpoint-{state.global_step}")


class Progress(TrainerCallback):  # type: ignore[misc]
    """A bar over updates with loss, tokens per second and time left, on the terminal of the main process."""

    def __init__(self) -> None:
        self.bar: tqdm[Any] | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.is_world_process_zero:
            interval = 0.5 if sys.stderr.isatty() else 30
            self.bar = tqdm(total=state.max_steps, initial=state.global_step, desc="train", unit="update",
                            mininterval=interval, dynamic_ncols=True)  # fmt: skip

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        if self.bar is None or not logs:
            return
        shown = {"loss": "loss", "eval_loss": "val", "tokens_per_s": "tokens/s"}
        post = {label: f"{logs[key]:.4g}" for key, label in shown.items() if key in logs}
        if post:
            self._last = {**getattr(self, "_last", {}), **post}
            self.bar.set_postfix(self._last, refresh=False)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.bar is not None:
            self.bar.update(state.global_step - self.bar.n)

    def close(self) -> None:
        """Leave the bar as it is, and start a new line for what is printed next."""
        if self.bar is not None:
            self.bar.close()
