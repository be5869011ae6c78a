"""Every family's student through train, merge and generate: the text of model.generate, the loss of plain arithmetic.

The adapter is trained by the stage's own code. Its last validation loss, which the fast path or the stock code
computed with the adapter beside the weights, is what the merged model's logits come to.
"""

import contextlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel

import families
import training
from distill.common.config import parse
from distill.common.errors import InputError
from distill.common.jsonl import write_jsonl
from distill.generate.decode import Decoding, Generation, generate
from distill.generate.likelihood import Likelihood, score
from distill.merge import merge
from distill.student.chat import Encoded, encode
from distill.student.model import StudentProfile, load_model
from distill.train import lora
from distill.train.curve import Result
from distill.train.data import Examples, Tokens, to_labels
from distill.train.params import LoraParams, TrainingRun, TrainParams
from distill.train.run import fit
from families import FAMILIES, Family

LONG = " ".join(f"w{number}" for number in range(2 * families.WINDOW))
PROMPTS = ("w1 w2", "w3", f"w4 {LONG}", "w5 w6 w7 w8", f"w9 {LONG} w1")
TOKENS = 16


@dataclass(frozen=True)
class Run:
    """A family's student after two updates: what went in, what came out, what was said, and the adapter merged."""

    family: Family
    student: StudentProfile
    tokenizer: Any
    examples: list[Encoded]
    adapter: Path
    result: Result
    said: str
    merged: Any

    @property
    def prompts(self) -> list[list[int]]:
        return [list(example.ids[: example.prompt_tokens]) for example in self.examples]


@pytest.fixture(scope="module", params=FAMILIES)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    family, folder = FAMILIES[request.param], tmp_path_factory.mktemp(request.param)
    student, tokenizer = families.student(family, folder / "student"), families.tokenizer(family)
    texts = enumerate(PROMPTS)
    examples = [encode(tokenizer, message("user", text), message("assistant", f"w{n} {LONG}")) for n, text in texts]
    result, said = train(family, student, tokenizer, examples, folder)
    merge(student, folder / "adapter", folder / "merged", "float32")
    whole = StudentProfile(source="dir", name=str(folder / "merged"), base_model="x", license="x")
    return Run(family, student, tokenizer, examples, folder / "adapter", result, said, load_model(whole, torch.float32))


def message(role: str, text: str) -> list[dict[str, str]]:
    return [{"role": role, "content": text}]


def train(
    family: Family, student: StudentProfile, tokenizer: Any, examples: list[Encoded], folder: Path
) -> tuple[Result, str]:
    """Train for two updates by the stage's code; the validation examples are the training examples."""
    changes = {"dtype": "float32", "batch_size": len(examples), "lora__targets": family.targets, "lora__dropout": 0.0}
    params = parse(TrainParams, training.params(**changes), "params.yaml")
    rows = Examples(Tokens(one.ids, to_labels(one.ids, one.prompt_tokens, "completion")) for one in examples)
    write_jsonl(folder / "train.jsonl", [{"ids": row.ids} for row in rows])  # a file for the checkpoint's key
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(), contextlib.redirect_stdout(said):
        patch.chdir(folder)
        job = TrainingRun(params, student, tokenizer, rows, rows)
        result = fit(job, (folder / "train.jsonl",), folder / "adapter")
    assert result is not None
    return result, said.getvalue()


def plainly(model: Any, example: Encoded) -> Likelihood:
    """An answer's likelihood, each token from all before it."""
    nll, correct = 0.0, 0
    for place in range(example.prompt_tokens, len(example.ids)):
        with torch.inference_mode():
            logits = model(torch.tensor([example.ids[:place]])).logits[0, -1].float()
        nll -= float(torch.log_softmax(logits, dim=-1)[example.ids[place]])
        correct += int(logits.argmax()) == example.ids[place]
    return Likelihood(nll, example.answer_tokens, correct)


def mean(scores: list[Likelihood]) -> float:
    return sum(one.nll for one in scores) / sum(one.tokens for one in scores)


def test_training_computes_the_loss_of_the_logits_before_and_after(run: Run) -> None:
    assert run.result.updates == 2
    assert ("the stock code of transformers trains this student" in run.said) is not run.family.fast
    losses = run.result.metrics()["val"]["loss"]
    base = load_model(run.student, torch.float32)
    assert losses["first"] == pytest.approx(mean([plainly(base, one) for one in run.examples]), rel=1e-5)
    assert losses["last"] == pytest.approx(mean([plainly(run.merged, one) for one in run.examples]), rel=1e-4)
    assert losses["last"] < losses["first"] - 0.1

    ids = torch.tensor([run.examples[2].ids])
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # PEFT asks transformers for something by an old name
        loaded = PeftModel.from_pretrained(base, str(run.adapter)).eval()
        torch.testing.assert_close(loaded(ids).logits, run.merged(ids).logits, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("budget", [64, 10_000])
def test_likelihood_is_that_of_one_token_at_a_time(run: Run, budget: int) -> None:
    for found, example in zip(score(run.merged, run.examples, budget), run.examples, strict=True):
        expected = plainly(run.merged, example)
        assert found.nll == pytest.approx(expected.nll, rel=1e-4)
        assert (found.tokens, found.correct) == (expected.tokens, expected.correct)


def alone(run: Run, prompt: list[int]) -> list[int]:
    """The tokens that the stock code answers to one prompt."""
    ids = torch.tensor([prompt])
    options = {"attention_mask": torch.ones_like(ids), "max_new_tokens": TOKENS, "do_sample": False, "pad_token_id": 0}
    return list(run.merged.generate(ids, **options)[0, len(prompt) :].tolist())


def test_the_answers_are_those_of_one_prompt_at_a_time(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    # Beside the ends that the family names, two that are reached early: rows leave the batch from its midst.
    settings = run.merged.generation_config
    named, settings.eos_token_id = settings.eos_token_id, None
    assert len(named) == len({run.family.eos, run.family.end_of_turn})  # two for Llama, Gemma and Phi-3
    reached = {alone(run, run.prompts[0])[4], alone(run, run.prompts[3])[6]}
    settings.eos_token_id = sorted({*named, *reached})
    found: dict[int, Generation] = {}
    params = Decoding(max_new_tokens=TOKENS, samples=0, temperature=1.0, seed=0, batch_tokens=10_000)
    generate(run.merged, run.tokenizer, run.prompts, params, lambda prompt, _, answer: found.update({prompt: answer}))
    for number, prompt in enumerate(run.prompts):
        tokens = alone(run, prompt)
        text = run.tokenizer.decode(tokens, skip_special_tokens=True)
        assert found[number] == Generation(text, len(tokens), tokens[-1] in settings.eos_token_id)
    assert len({answer.text for answer in found.values()}) > 3
    assert len({answer.tokens for answer in found.values()}) > 1
    slides = getattr(run.merged.config, "sliding_window", None) is not None
    assert ("use the cache of transformers" in capsys.readouterr().out) is slides


def test_modules_that_a_family_has_not_are_named() -> None:
    params = parse(LoraParams, training.params()["lora"], "params.yaml")
    words = "no q_proj, k_proj, v_proj; choose among down_proj, gate_up_proj, o_proj, qkv_proj, or all-linear"
    with pytest.raises(InputError, match=f"train.lora.targets: this student has {words}"):
        lora.add(families.model(FAMILIES["phi3"]), params)
