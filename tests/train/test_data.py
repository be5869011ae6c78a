"""distill.train.data: which tokens are learned, and that a batch of several examples learns them as one by one does."""

from pathlib import Path
from typing import Any

import pytest
import torch

import tiny
from distill.common.config import parse, profile
from distill.common.errors import InputError
from distill.common.jsonl import write_jsonl
from distill.student.model import StudentProfile, load_tokenizer
from distill.train.data import IGNORED, Examples, Tokens, read_examples, to_labels
from distill.train.params import TrainingRun, TrainParams
from distill.train.setup import Setup
from repository import ROOT
from training import params, rows, tokens


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return load_tokenizer(profile(StudentProfile, "student", ROOT / "params.yaml")[1])


def test_labels_by_hand() -> None:
    assert to_labels([7, 8, 9, 2], 2, "completion") == (IGNORED, IGNORED, 9, 2)
    assert to_labels([7, 8, 9, 2], 2, "text") == (7, 8, 9, 2)


def test_the_first_token_of_a_text_is_predicted_by_nothing() -> None:
    assert Tokens((7, 8, 9), (7, 8, 9)).trained == 2
    assert Tokens((7, 8, 9), (IGNORED, 8, 9)).trained == 2


def test_the_answer_and_its_end_of_turn_are_learned_and_nothing_else(tmp_path: Path, tokenizer: Any) -> None:
    write_jsonl(tmp_path / "train.jsonl", rows(1, start=3))
    (example,) = read_examples(tmp_path / "train.jsonl", tokenizer, "completion")
    learned = [label for label in example.labels if label != IGNORED]
    assert tokenizer.decode(learned) == "1 2 3 4 5<|im_end|>"
    assert example.ids[-len(learned) :] == tuple(learned)
    assert example.trained == len(learned)


def test_the_whole_text_on_demand(tmp_path: Path, tokenizer: Any) -> None:
    write_jsonl(tmp_path / "train.jsonl", rows(1))
    (example,) = read_examples(tmp_path / "train.jsonl", tokenizer, "text")
    assert example.labels == example.ids


@pytest.mark.parametrize(
    ("completion", "words"),
    [
        ([], "renders the prompt"),
        ([{"role": "assistant", "content": "Yes.<|im_end|>"}], r"<\|im_end\|> in its text"),
    ],
)
def test_an_example_that_cannot_be_encoded_is_named(
    tmp_path: Path, tokenizer: Any, completion: list[dict[str, str]], words: str
) -> None:
    broken = {"id": "odd", "prompt": [{"role": "user", "content": "Hi."}], "completion": completion}
    write_jsonl(tmp_path / "train.jsonl", [broken])
    with pytest.raises(InputError, match=rf"train\.jsonl: odd: .*{words}.*; remake the file"):
        read_examples(tmp_path / "train.jsonl", tokenizer, "completion")


def test_examples_are_read_from_a_file_without_a_name(tmp_path: Path) -> None:
    lengths = [1 + 7 * number % 13 for number in range(2_500)]  # more than two batches
    made = [tokens([*range(4, 4 + length), 2], 1) for length in lengths]
    examples = Examples(iter(made), tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert list(examples) == made
    assert examples[-2:] == made[-2:]
    assert examples.dataset[2_499] == {"input_ids": list(made[-1].ids), "labels": list(made[-1].labels)}
    assert (len(examples), examples.tokens, examples.longest) == (2_500, sum(lengths) + 2_500, 14)
    assert examples.trained == sum(lengths)


def test_no_examples(tmp_path: Path) -> None:
    examples = Examples([], tmp_path)
    assert not examples
    assert list(examples) == []
    assert (examples.tokens, examples.trained, examples.longest) == (0, 0, 0)


EXAMPLES = [
    tokens([5, 6, 7, 2], 2),
    tokens([9, *range(10, 50), 2], 3),
    tokens([5] * 20 + [8, 2], 20),
    tokens([6, 7, 8, 9, 10, 11, 12, 2], 4),
]


@pytest.fixture(params=["a CPU's", "a GPU's (TRL's)"])
def loss_of(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss that training computes: by our code, or by TRL's, which is for other devices."""
    if request.param != "a CPU's":
        monkeypatch.setattr("distill.train.loss.chunked_loss.fits", lambda model: False)


def trainer_of(micro_batch: int, folder: Path) -> Any:
    """The trainer of a tiny student in float32, whose adapter does something and drops nothing."""
    from distill.train import lora, trainer

    section = parse(TrainParams, params(micro_batch=micro_batch, dtype="float32", lora__dropout=0.0), "params.yaml")
    run = TrainingRun(
        section,
        StudentProfile(source="dir", name="x", base_model="x", license="x"),
        tiny.tokenizer(),
        Examples(EXAMPLES),
        Examples([]),
    )
    setup = Setup("cpu", torch.float32, 1, micro_batch, 4 // micro_batch, False, False)
    model = lora.add(tiny.model(), section.lora)
    torch.manual_seed(1)
    for parameter in lora.trainable(model).values():
        parameter.data.normal_(0, 0.2)
    return trainer.build(run, setup, model, trainer.arguments(run, setup, folder), resume=False)


def learn(running: Any, size: int) -> tuple[float, dict[str, torch.Tensor]]:
    """The loss and the gradients of an update from all examples, `size` a forward pass."""
    from distill.train import lora

    wanted = torch.tensor(sum(example.trained for example in EXAMPLES))
    loss = torch.zeros(())
    running.model.train()
    for start in range(0, len(EXAMPLES), size):
        batch = running.data_collator([running.train_dataset[n] for n in range(start, start + size)])
        share = running.compute_loss(running.model, running._prepare_inputs(batch), num_items_in_batch=wanted)
        share.backward()
        loss += share.detach()
    return loss.item(), {name: p.grad.clone() for name, p in lora.trainable(running.model).items()}


@pytest.mark.usefixtures("loss_of")
@pytest.mark.filterwarnings("ignore:`gradient_checkpointing` is deprecated")
def test_a_batch_of_four_learns_what_four_batches_of_one_learn(tmp_path: Path) -> None:
    loss, gradients = learn(trainer_of(1, tmp_path), 1)
    together = trainer_of(4, tmp_path)
    batched_loss, batched_gradients = learn(together, 4)
    assert batched_loss == pytest.approx(loss, rel=1e-5)
    for name, gradient in gradients.items():
        largest = gradient.abs().max().item()
        assert largest > 0
        torch.testing.assert_close(batched_gradients[name], gradient, rtol=0, atol=1e-4 * largest)


@pytest.mark.usefixtures("loss_of")
@pytest.mark.filterwarnings("ignore:`gradient_checkpointing` is deprecated")
def test_padding_leaves_each_examples_loss_as_it_is(tmp_path: Path) -> None:
    running = trainer_of(4, tmp_path)
    rows = [running.train_dataset[index] for index in range(4)]
    for index, example in enumerate(EXAMPLES):
        alone = running._loss.score(running.model, running.data_collator([rows[index]]), learn=False)
        batch = running.data_collator(rows)
        others = torch.arange(4) != index
        batch["labels"][others] = IGNORED
        assert batch["input_ids"].shape[1] > len(example.ids)
        padded = running._loss.score(running.model, batch, learn=False)
        torch.testing.assert_close(padded.nll, alone.nll, rtol=1e-5, atol=1e-6)
        assert padded.correct == alone.correct
        assert padded.tokens == alone.tokens == example.trained
