"""The fine-tuning itself: a student with a LoRA adapter and TRL's SFTTrainer. The only import of trl.

In: tokenised examples. Out: the trained model and the curve. See `distill.train` for the rest.
"""

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from distill import loss
from distill.batching import Tokens
from distill.callbacks import CompleteCheckpoint, FiniteLoss, Progress
from distill.device import Setup

if TYPE_CHECKING:
    from distill.train import TrainParams


class Trainer(SFTTrainer):  # type: ignore[misc]
    """SFTTrainer with a loss that builds logits only for labels, and sums where it would average averages."""

    loss_is_scaled_for_ga = True  # compute_loss divides by the labels of the whole update

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.model_accepts_loss_kwargs = self._loss_shifts_labels = True  # so that the labels of an update are counted
        causal = self.model.get_base_model()
        self._own_loss = self.args.device.type == "cpu" and not self.is_fsdp_enabled and loss.fits(causal)
        if self._own_loss:
            loss.attach(causal)
        self._sums = torch.zeros(3, dtype=torch.float64)  # nll, right guesses, labels since the last log
        self._seen = 0
        self._since = time.perf_counter()

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the micro-batch's share of the update's mean negative log-likelihood."""
        scored = self._score(model, inputs)
        self._sums += _as_sums(scored)
        self._seen += inputs["input_ids"].numel()
        # Every rank divides by the labels of all ranks, and DDP takes the mean of the ranks' gradients.
        return scored.nll * self.accelerator.num_processes / num_items_in_batch

    def evaluate(self, *args: Any, metric_key_prefix: str = "eval", **kwargs: Any) -> dict[str, float]:
        """Return and log loss and accuracy over all validation tokens; each process scores its share of examples."""
        self.model.eval()
        sums = torch.zeros(3, dtype=torch.float64)
        with torch.no_grad():
            for index in range(self.accelerator.process_index, len(self.eval_dataset), self.accelerator.num_processes):
                batch = self._prepare_inputs(self.data_collator([self.eval_dataset[index]]))
                sums += _as_sums(self._score(self.model, batch))
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in self._means(sums).items()}
        self.log(metrics)
        self.control: Any = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        self._since = time.perf_counter()
        return metrics

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log an update's loss and accuracy from its own sums."""
        if "loss" in logs:
            now = time.perf_counter()
            logs |= self._means(self._sums)
            logs["tokens_per_s"] = self._seen * self.accelerator.num_processes / (now - self._since)
            self._sums, self._seen, self._since = torch.zeros_like(self._sums), 0, now
        super().log(logs, start_time)

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Write none: the adapter gets a card of its own, and checkpoints need none."""

    def _score(self, model: Any, inputs: dict[str, Any]) -> loss.Score:
        if self._own_loss:
            if inputs["input_ids"].shape[0] == 1:  # nothing is padded, so nothing need be masked
                inputs = {key: value for key, value in inputs.items() if key != "attention_mask"}
            return model(**inputs, use_cache=False, scored=True)  # type: ignore[no-any-return]
        outputs = model(**inputs, use_cache=False, fused_lm_head=True)
        return loss.Score(-outputs.log_probs.sum(), outputs.is_top1.sum(), outputs.label_mask.sum())

    def _means(self, sums: torch.Tensor) -> dict[str, float]:
        if self.accelerator.num_processes > 1:
            sums = self.accelerator.reduce(sums.to(self.accelerator.device)).cpu()
        nll, correct, tokens = sums.tolist()
        return {"loss": nll / tokens, "token_accuracy": correct / tokens}


def build(
    params: "TrainParams",
    setup: Setup,
    model: Any,
    tokenizer: Any,
    training: list[Tokens],
    validation: list[Tokens],
    checkpoints: Path,
) -> Trainer:
    """Return a trainer ready to run on `model`, which has its adapter already."""
    trainer = Trainer(
        model=model,
        args=_arguments(params, setup, len(training), bool(validation), checkpoints),
        processing_class=tokenizer,
        train_dataset=_dataset(training),
        eval_dataset=_dataset(validation) if validation else None,
        callbacks=[FiniteLoss(), CompleteCheckpoint(), Progress()],
    )
    for callback in list(trainer.callback_handler.callbacks):
        if type(callback).__name__ in ("PrinterCallback", "ProgressCallback"):
            trainer.remove_callback(callback)
    return trainer


def _arguments(params: "TrainParams", setup: Setup, examples: int, validate: bool, checkpoints: Path) -> SFTConfig:
    accumulation = params.batch_size // setup.micro_batch
    updates_an_epoch = -(-examples // params.batch_size)
    warmup = math.ceil(params.warmup_share * updates_an_epoch * params.epochs)
    return SFTConfig(
        output_dir=str(checkpoints),
        num_train_epochs=params.epochs,
        per_device_train_batch_size=setup.micro_batch,
        gradient_accumulation_steps=accumulation,
        learning_rate=params.learning_rate,
        weight_decay=params.weight_decay,
        lr_scheduler_type=params.schedule,
        warmup_steps=warmup if warmup > 1 else 0,  # the first of several updates has a rate of zero
        max_grad_norm=params.max_grad_norm,
        seed=params.seed,
        data_seed=params.seed,
        max_length=None,
        bf16=False,  # the frozen weights have their type; autocast would cast the adapter's as well
        use_cpu=setup.cpu,
        gradient_checkpointing=False,
        logging_steps=1,
        logging_nan_inf_filter=False,
        eval_strategy="steps" if validate else "no",
        eval_steps=params.eval_every or updates_an_epoch,
        eval_on_start=validate,
        save_strategy="steps",
        save_steps=params.checkpoint_every,
        save_total_limit=2,
        dataloader_pin_memory=False,
        disable_tqdm=True,
        report_to="none",
    )


def _dataset(examples: list[Tokens]) -> Dataset:
    return Dataset.from_dict(
        {
            "input_ids": [list(example.ids) for example in examples],
            "labels": [list(example.labels) for example in examples],
        }
    )


def _as_sums(scored: loss.Score) -> torch.Tensor:
    return torch.stack([value.detach().cpu().double() for value in scored])
