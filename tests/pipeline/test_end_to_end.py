"""All stages on the real embedded student, at small size, by the real dvc: the whole chain once, for real."""

import json
from pathlib import Path

import pytest

from workspace import copy_repository, dvc, load, repro, set_params

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
SMALL = {
    "expand_prompts.modifiers": [],
    "expand_prompts.max_train_bases": 10,
    "expand_prompts.max_heldout": 3,
    "train.batch_size": 2,
    "train.epochs": 1,
    "generate.max_new_tokens": 32,
}


def test_the_embedded_student_learns_from_the_reference_answers(tmp_path: Path) -> None:
    folder = tmp_path / "repo"
    folder.mkdir()
    copy_repository(folder)
    set_params(folder, SMALL)
    assert sorted(repro(folder)) == sorted(
        ["expand_prompts", "collect", "format", "train", "generate@base", "generate@distilled", "evaluate"]
    )
    assert "up to date" in dvc(folder, "status").stdout

    formatted, trained, result = (load(folder / f"metrics/{name}.json") for name in ("format", "train", "evaluate"))
    assert formatted["train"]["examples"] + formatted["val"]["examples"] == 10
    # 30 layers; on each, rank 16 times inputs and outputs of q, k, v and o (576 wide, 192 for keys and values).
    assert trained["trainable_parameters"] == 30 * 16 * (2 * (576 + 576) + 2 * (576 + 192))
    assert result["nll"]["distilled"] < result["nll"]["base"] < 4
    assert result["token_accuracy"]["base"] > 0.4
    assert result["val_loss"] == round(trained["val"]["loss"]["last"], 4)
    assert load(folder / "metrics/figures.json")["heldout"]["prompts"] == 3

    details = [json.loads(line) for line in (folder / "metrics/evaluation.jsonl").read_text().splitlines()]
    assert all(0 < row["answers"][side][0]["tokens"] <= 32 for row in details for side in ("base", "distilled"))
    assert (folder / "models/distilled-student/adapter_model.safetensors").stat().st_size > 1_000_000
    assert "</html>" in (folder / "metrics/report.html").read_text()
