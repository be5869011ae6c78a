"""distill.train.model_card: the snippet on the card loads the adapter with nothing but transformers and peft."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from training import train, workspace

pytestmark = pytest.mark.slow


def test_the_snippet_runs(tmp_path: Path) -> None:
    folder = workspace(tmp_path)
    train(folder)
    card = (folder / "models/distilled-student/README.md").read_text(encoding="utf-8")
    snippet = re.findall(r"```python\n(.*?)```", card, flags=re.DOTALL)[0]
    assert "distill." not in snippet
    assert set(re.findall(r"^from (\w+)", snippet, flags=re.MULTILINE)) <= {"peft", "transformers", "importlib"}
    short = snippet.replace("max_new_tokens=400", "max_new_tokens=4") + "print(type(model).__name__)\n"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    result = subprocess.run([sys.executable, "-c", short], cwd=folder, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1].startswith("PeftModel")
