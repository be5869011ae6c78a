"""distill.exporting.card: what the hub reads from it, and the commands for what is there."""

from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from distill.common.errors import InputError
from distill.common.jsonl import Row
from distill.exporting.card import Contents, write
from distill.student.model import StudentProfile

HUB = StudentProfile(source="hub", name="o/base", revision="1", base_model="o/base", license="mit")
PACKAGE = StudentProfile(
    source="package", name="p", revision="1", gguf_file="base.Q4_1.gguf", base_model="o/base", license="mit"
)
ALL = Contents("lora.gguf", "base.Q4_1.gguf", "merged", "Modelfile")
FIGURES: Row = {
    "heldout": {"prompts": 48},
    "nll": {"base": 2.065, "distilled": 1.8528, "difference": -0.2122, "ci_low": -0.2217, "ci_high": -0.2032},
    "pass_at_1": {"base": 0.0208, "distilled": 0.0625, "teacher": 1.0, "ci_low": -0.0417, "ci_high": 0.125},
    "token_accuracy": None,
    "repetition": {"base": 0.3, "distilled": 0.2},
}
TRAINED = """---
base_model: o/base
license: mit
tags:
- lora
---

# Distilled student

adapter = "models/distilled-student"  # this folder

## Intended use

Read and test.
"""


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    path = tmp_path / "trained.md"
    path.write_text(TRAINED)
    return path


def test_the_hub_reads_the_metrics(trained: Path, tmp_path: Path) -> None:
    write(tmp_path / "README.md", trained, PACKAGE, 16, ALL, FIGURES)
    card = ModelCard.load(tmp_path / "README.md")
    assert (card.data.base_model, card.data.license, card.data.tags) == ("o/base", "mit", ["lora"])
    assert card.data.eval_results
    found = {result.metric_type: result for result in card.data.eval_results}
    assert {name: result.metric_value for name, result in found.items()} == {"nll": 1.8528, "pass_at_1": 0.0625}
    assert found["pass_at_1"].metric_name == "Pass@1 (share of tasks whose checks all pass, with 1 attempt)"
    assert found["nll"].dataset_name == "48 held-out coding prompts"
    row = "| Pass@1, share of tasks whose checks all pass, with 1 attempt | 2.1% | 6.2% | 100.0% | −4.2 to +12.5 pts |"
    assert row in card.text
    assert card.text.endswith("## Intended use\n\nRead and test.\n")


def test_commands_for_what_is_there(trained: Path, tmp_path: Path) -> None:
    write(tmp_path / "README.md", trained, PACKAGE, 16, ALL, None)
    card = ModelCard.load(tmp_path / "README.md")
    assert card.data.eval_results is None
    assert "## Results" not in card.text
    for line in (
        'adapter = "."  # this folder',
        "$ llama-server -m base.Q4_1.gguf --lora lora.gguf",
        "$ ollama create distilled-student -f Modelfile",
        "$ vllm serve o/base --enable-lora --max-lora-rank 16 --lora-modules distilled-student=.",
        "`vllm serve ./merged` serves the merged model.",
    ):
        assert f"\n{line}\n" in card.text
    assert "trained on what base.Q4_1.gguf holds of them" in card.text


def test_without_a_gguf_file_and_a_merged_model(trained: Path, tmp_path: Path) -> None:
    write(tmp_path / "README.md", trained, HUB, 20, Contents("lora.gguf", None, None, None), None)
    text = (tmp_path / "README.md").read_text()
    assert "$ llama-server -m base.gguf --lora lora.gguf\n" in text
    assert "`base.gguf` is o/base as a GGUF file" in text
    assert "--max-lora-rank 32 " in text
    for absent in ("ollama create", "merged", "Modelfile", "not quite the same"):
        assert absent not in text


def test_an_adapter_without_a_card(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run `dvc repro train`, which writes the adapter's card"):
        write(tmp_path / "README.md", tmp_path / "none.md", HUB, 16, ALL, None)
