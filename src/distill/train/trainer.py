"""The fine-tuning itself: a student with a LoRA adapter and TRL's SFTTrainer. The only import of trl.

In: tokenised examples. Out: the trained model and the curve. `run` does the rest.
"""

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from peft.optimizers import create_loraplus_optimizer
from transformers import PrinterCallback
from trl import SFTConfig, SFTTrainer

from distill.shared import device
from distill.train import loss
from distill.train.callbacks import CompleteCheckpoint, FiniteLoss, Progress
from distill.train.kernels.chunked_loss import Score
from distill.train.params import TrainingRun
from distill.train.setup import Setup

if TYPE_CHECKING:
    from distill.train.params import TrainParams


GRAIN = 32
"""On a CPU, lengths are rounded up to multiples of this, because oneDNN generates code for every new shape."""


class Trainer(SFTTrainer):  # type: ignore[misc]
    """SFTTrainer with our own loss, and with sums over tokens where it would average averages."""

    loss_is_scaled_for_ga = True  # compute_loss divides by the labels of the whole update
    optimizer: Any

    def __init__(self, params: "TrainParams", setup: Setup, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._params = params
        self.model_accepts_loss_kwargs = self._loss_shifts_labels = True  # so that the labels of an update are counted
        self._loss = loss.choose(self.model.get_base_model(), setup, sharded=self.is_fsdp_enabled)
        self._sums = torch.zeros(3, dtype=torch.float64)  # nll, right guesses, labels since the last log
        self._seen = 0
        self._since = time.perf_counter()

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the micro-batch's share of the update's mean negative log-likelihood."""
        scored = self._loss.score(model, inputs)
        self._sums += _as_sums(scored)
        self._seen += int(inputs["attention_mask"].sum()) if "attention_mask" in inputs else inputs["input_ids"].numel()
        # Every rank divides by the labels of all ranks, and DDP takes the mean of the ranks' gradients.
        return scored.nll * self.accelerator.num_processes / num_items_in_batch

    def evaluate(self, *args: Any, metric_key_prefix: str = "eval", **kwargs: Any) -> dict[str, float]:
        """Return and log loss and accuracy over all validation tokens; each process scores its share of examples."""
        sums = torch.zeros(3, dtype=torch.float64)
        examples = self.eval_dataset
        with self._loss.measuring(self.model):
            for start in range(0, len(examples), self.accelerator.num_processes):
                index = start + self.accelerator.process_index
                # Past the end, the last example again, uncounted: with FSDP, all processes take part in a forward pass.
                batch = self._prepare_inputs(self.data_collator([examples[min(index, len(examples) - 1)]]))
                scored = _as_sums(self._loss.score(self.model, batch, learn=False))
                sums += scored if index < len(examples) else 0
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in self._means(sums).items()}
        self.log(metrics)
        self.control: Any = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        self._since = time.perf_counter()
        return metrics

    def create_optimizer(self, model: Any = None) -> Any:
        """Return the optimizer; made here, because with FSDP the trainer accepts none from outside."""
        if self.optimizer is None:
            self.optimizer = _optimizer(self._params, self.model if model is None else model)
        return super().create_optimizer(model)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log an update's loss and accuracy, from this class's own sums."""
        if "loss" in logs:
            now = time.perf_counter()
            logs |= self._means(self._sums)
            logs["tokens_per_s"] = self._seen * self.accelerator.num_processes / (now - self._since)
            self._sums, self._seen, self._since = torch.zeros_like(self._sums), 0, now
        super().log(logs, start_time)

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Write no card: the adapter gets its own (`model_card`), and checkpoints need none."""

    def _means(self, sums: torch.Tensor) -> dict[str, float]:
        if self.accelerator.num_processes > 1:
            sums = self.accelerator.reduce(sums.to(self.accelerator.device)).cpu()
        nll, correct, tokens = sums.tolist()
        return {"loss": nll / tokens, "token_accuracy": correct / tokens}


def build(run: TrainingRun, setup: Setup, model: Any, options: SFTConfig, resume: bool) -> Trainer:
    """Return a trainer for `model`, which has its adapter already; `options` come from `arguments`."""
    options.eval_on_start = bool(run.validation) and not resume
    trainer = Trainer(
        run.params,
        setup,
        model=model,
        args=options,
        processing_class=run.tokenizer,
        train_dataset=run.training.dataset,
        eval_dataset=run.validation.dataset if run.validation else None,
        callbacks=[FiniteLoss(), CompleteCheckpoint(), Progress()],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def arguments(run: TrainingRun, setup: Setup, checkpoints: Path) -> SFTConfig:
    """Return the trainer's options; this also connects the processes if there are several."""
    params = run.params
    updates_an_epoch = -(-len(run.training) // params.batch_size)
    warmup = math.ceil(params.warmup_share * updates_an_epoch * params.epochs)
    options = SFTConfig(
        output_dir=str(checkpoints),
        num_train_epochs=params.epochs,
        per_device_train_batch_size=setup.micro_batch,
        gradient_accumulation_steps=setup.accumulation,
        learning_rate=params.learning_rate,
        weight_decay=params.weight_decay,
        lr_scheduler_type=params.schedule,
        warmup_steps=warmup
        if warmup > 1
        else 0,  # a warm-up begins at a rate of zero, so one update would learn nothing
        max_grad_norm=params.max_grad_norm,
        seed=params.seed,
        data_seed=params.seed,
        max_length=None,  # the stage `format` has dropped longer examples
        pad_to_multiple_of=None if device.is_gpu() else GRAIN,
        padding_free=setup.packing,
        bf16=device.autocasts(setup.dtype),
        use_cpu=not device.is_gpu(),
        gradient_checkpointing=setup.checkpointing,
        logging_steps=1,
        logging_nan_inf_filter=False,
        eval_strategy="steps" if run.validation else "no",
        eval_steps=params.eval_every or updates_an_epoch,
        save_strategy="steps",
        save_steps=params.checkpoint_every,
        save_total_limit=2,
        dataloader_pin_memory=device.pins_memory(),
        ddp_find_unused_parameters=False,
        disable_tqdm=True,
        report_to="none",
    )
    if options.n_gpu > 1:  # or it would split every batch among all GPUs (DataParallel); `single` means one device
        options._n_gpu = 1
    return options


def _optimizer(params: "TrainParams", model: Any) -> Any:
    """Return LoRA+'s optimizer, whose learning rate for B is a multiple of A's; None for the trainer's own AdamW."""
    if params.lora.lr_ratio is None:
        return None
    return create_loraplus_optimizer(
        model,
        torch.optim.AdamW,
        lr=params.learning_rate,
        loraplus_lr_ratio=params.lora.lr_ratio,
        weight_decay=params.weight_decay,
    )


def _as_sums(scored: Score) -> torch.Tensor:
    return torch.stack([value.detach().cpu().double() for value in scored])
