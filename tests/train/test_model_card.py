"""distill.train.model_card: the snippet on the card loads the adapter with nothing but transformers and peft."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from distill.student.model import StudentProfile
from distill.train import model_card
from training import train, workspace


@pytest.mark.slow
def test_the_snippet_runs(tmp_path: Path) -> None:
    folder = workspace(tmp_path)
    train(folder)
    card = (folder / "models/distilled-student/README.md").read_text(encoding="utf-8")
    assert "tiny, loaded from a local directory" in card
    snippet = re.findall(r"```python\n(.*?)```", card, flags=re.DOTALL)[0]
    assert "distill." not in snippet
    assert set(re.findall(r"^from (\w+)", snippet, flags=re.MULTILINE)) <= {"peft", "transformers", "importlib"}
    short = snippet.replace("max_new_tokens=400", "max_new_tokens=4") + "print(type(model).__name__)\n"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    result = subprocess.run([sys.executable, "-c", short], cwd=folder, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1].startswith("PeftModel")


@pytest.mark.parametrize(("source", "place"), [
    ("hub", '"our-model", revision="1", gguf_file="b.gguf"'),
    ("package", 'find_spec("our-model").submodule_search_locations[0], gguf_file="b.gguf"'),
    ("dir", '"o/base"'),  # a path of this machine is of no use elsewhere
])  # fmt: skip
def test_the_base_is_found_where_others_have_it(source: Any, place: str) -> None:
    student = StudentProfile(
        source=source, name="our-model", revision="1", gguf_file="b.gguf", base_model="o/base", license="mit"
    )
    assert f"from_pretrained({place})\n" in model_card.snippet(student)
