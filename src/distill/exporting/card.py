"""README.md of an export, as the hub reads it: the adapter's model card, how other programs use it, what was measured.

In: the card that train wrote, metrics/figures.json if there is one. Out: that card with the headline figures as the
hub's `model-index` and as a table, and with the commands for llama.cpp, Ollama and vLLM.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from distill.common.errors import InputError
from distill.common.jsonl import Row, write_text
from distill.evaluate.report import wording
from distill.student.model import StudentProfile

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM's --max-lora-rank may be."""
FIGURES = ("nll", "perplexity", "token_accuracy", "pass_at_1", "style_distance")
"""The figures of metrics/figures.json that the hub shows."""

FILES = """## Files

| | |
| --- | --- |
{files}

"""
LLAMA = """## llama.cpp

```console
$ llama-server -m {gguf} --lora {lora}
```
{note}
"""
BASE_GGUF = """
`base.gguf` is {base} as a GGUF file: download one, or make it with llama.cpp's `convert_hf_to_gguf.py`.
"""
OLLAMA = """## Ollama

```console
$ ollama create distilled-student -f Modelfile
$ ollama run distilled-student
```

"""
VLLM = """## vLLM

```console
$ vllm serve {base} --enable-lora --max-lora-rank {rank} --lora-modules distilled-student=.
```
{note}
"""
OTHER_WEIGHTS = """
Those are the base's own weights; the adapter was trained on what {gguf} holds of them, so the text is
not quite the same.
"""
SERVE_MERGED = """
`vllm serve ./{merged}` serves the merged model.
"""
RESULTS = """## Results

On {prompts} held-out prompts, none of which was trained on; the intervals are those of the change from the base to this
adapter, by a bootstrap over the prompts.

| | base | this adapter | teacher | 95% interval |
| --- | --- | --- | --- | --- |
{rows}

"""


@dataclass(frozen=True)
class Contents:
    """The names of what an export holds beside the adapter in PEFT's format; None is not there.

    `gguf` is the base's GGUF file, `lora` the adapter's, `merged` the directory of the merged model.
    """

    lora: str
    gguf: str | None
    merged: str | None
    modelfile: str | None


def write(path: Path, card: Path, student: StudentProfile, rank: int, contents: Contents, figures: Row | None) -> None:
    """Write the card.

    Args:
        path: Where to.
        card: The card that train wrote.
        student: The base.
        rank: Of the adapter.
        contents: What lies beside it.
        figures: What metrics/figures.json holds, or None.

    Raises:
        InputError: There is no card of the adapter.
    """
    from huggingface_hub import ModelCard

    if not card.is_file():
        raise InputError(f"{card}: no such file; run `dvc repro train`, which writes the adapter's card")
    found = ModelCard.load(card)
    parts = [
        _files(contents),
        _llama(student, contents),
        OLLAMA if contents.modelfile else "",
        _vllm(student, rank, contents),
    ]
    if figures:
        found.data.model_name = "Distilled student"
        found.data.eval_results = results(figures)
        parts.append(RESULTS.format(prompts=figures["heldout"]["prompts"], rows="\n".join(_rows(figures))))
    body, intended, end = found.text.partition("## Intended use\n")
    found.text = body.replace('"models/distilled-student"', '"."') + "".join(parts) + intended + end
    write_text(path, str(found))


def results(figures: Row) -> "list[EvalResult]":
    """Return the distilled student's figures as `model-index` has them."""
    from huggingface_hub import EvalResult

    return [
        EvalResult(
            task_type="text-generation",
            dataset_type="held-out-prompts",
            dataset_name=f"{figures['heldout']['prompts']} held-out coding prompts",
            metric_type=metric.key,
            metric_name=f"{metric.label} ({metric.meaning})",
            metric_value=metric.numbers["distilled"],
        )
        for metric in wording.metrics(figures)
        if metric.key in FIGURES
    ]


def _rows(figures: Row) -> list[str]:
    found = (metric for metric in wording.metrics(figures) if metric.key in FIGURES)
    return [f"| {m.label}, {m.meaning} | {m.base} | {m.distilled} | {m.teacher} | {m.interval} |" for m in found]


def _files(contents: Contents) -> str:
    rows = {
        "adapter_model.safetensors": "the adapter, for PEFT and vLLM, with adapter_config.json",
        contents.lora: "the adapter, for llama.cpp and Ollama",
        contents.gguf: "the base that it was trained on, as a GGUF file",
        contents.merged
        and f"{contents.merged}/": "base and adapter merged, a model of its own for transformers and vLLM",
        contents.modelfile: "for `ollama create`",
    }
    return FILES.format(files="\n".join(f"| `{name}` | {meaning} |" for name, meaning in rows.items() if name))


def _llama(student: StudentProfile, contents: Contents) -> str:
    note = "" if contents.gguf else BASE_GGUF.format(base=student.base_model)
    return LLAMA.format(gguf=contents.gguf or "base.gguf", lora=contents.lora, note=note)


def _vllm(student: StudentProfile, rank: int, contents: Contents) -> str:
    note = OTHER_WEIGHTS.format(gguf=student.gguf_file) if student.gguf_file else ""
    note += SERVE_MERGED.format(merged=contents.merged) if contents.merged else ""
    allowed = next((number for number in RANKS if number >= rank), rank)
    return VLLM.format(base=student.base_model, rank=allowed, note=note)
