"""distill.export: all files or none; on the embedded student, llama.cpp writes this program's own text."""

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from pathlib import Path
from statistics import mean

import pytest
import torch
import yaml
from peft import PeftModel
from transformers import AutoModelForCausalLM

import gguf_files
import llama_server
import tiny
from distill.common.config import profile
from distill.common.errors import InputError
from distill.export import LORA, export, main
from distill.generate.decode import Decoding, Finished, Task, decode, ends
from distill.generate.models import Pair, Side
from distill.student.chat import encode_prompt
from distill.student.model import StudentProfile, load_model, load_tokenizer, location
from repository import ROOT
from tiny import logits

TOKENS = 40
TRAINED = ROOT / "models" / "distilled-student"
Ids = list[int]


def prepare(monkeypatch: pytest.MonkeyPatch, folder: Path, student: StudentProfile, adapter: Path) -> None:
    """Go to a folder with the tiny student selected, its adapter in the pipeline's place, and figures."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["students"]["tiny"], params["student"] = student.model_dump(), "tiny"
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    (folder / "models").mkdir()
    (folder / "models" / "distilled-student").symlink_to(adapter)
    (folder / "metrics").mkdir()
    figures = {"heldout": {"prompts": 2}, "nll": {"base": 2.0, "distilled": 1.0}}
    (folder / "metrics" / "figures.json").write_text(json.dumps(figures))
    monkeypatch.chdir(folder)


@pytest.mark.filterwarnings("ignore")  # PEFT asks transformers for something by an old name
def test_what_is_written(
    student: StudentProfile, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    prepare(monkeypatch, tmp_path, student, adapter)
    monkeypatch.setattr("sys.argv", ["export", "--merged", "float32"])
    main()
    output = tmp_path / "models" / "export"
    written = {path.name for path in output.iterdir()}
    assert written == {"Modelfile", "README.md", "adapter_config.json", "adapter_model.safetensors", LORA, "merged"}
    assert capsys.readouterr().out == f"models/export: {', '.join(sorted(written))}\n"
    assert (output / "Modelfile").read_text().startswith('FROM ./merged\nTEMPLATE """')
    assert "type: nll\n      value: 1.0" in (output / "README.md").read_text()
    with Pair(student, adapter).scoring("distilled") as model:
        expected = logits(model)
    merged = AutoModelForCausalLM.from_pretrained(output / "merged")
    torch.testing.assert_close(logits(merged), expected, rtol=1e-4, atol=1e-4)
    assert json.loads((output / "adapter_config.json").read_text())["base_model_name_or_path"] == "tiny"
    applied = PeftModel.from_pretrained(tiny.model(), str(output)).eval()
    torch.testing.assert_close(logits(applied), expected)


def test_another_adapter_has_no_metrics_and_none_is_without_a_merged_model(
    student: StudentProfile, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    prepare(monkeypatch, tmp_path, student, adapter)
    monkeypatch.setattr("sys.argv", ["export", "--merged", "none", "--adapter", str(adapter), "--output", "out"])
    main()
    assert {path.name for path in Path("out").iterdir()} == {
        "README.md", "adapter_config.json", "adapter_model.safetensors", LORA
    }  # fmt: skip
    assert "model-index" not in Path("out/README.md").read_text()
    assert "without metrics: metrics/figures.json is not there, or not of this adapter" in capsys.readouterr().out


def test_what_cannot_be_exported_leaves_nothing(student: StudentProfile, adapter: Path, tmp_path: Path) -> None:
    output = tmp_path / "export"
    with pytest.raises(InputError, match="no adapter there; run `dvc repro train`"):
        export(student, tmp_path / "none", output, None, None, None)
    other = tiny.student(tmp_path / "other")
    with pytest.raises(InputError, match="the adapter was trained on"):
        export(other, adapter, output, None, None, None)
    assert not output.exists()
    output.mkdir()
    (output / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match="not an empty directory"):
        export(student, adapter, output, None, None, None)
    assert [path.name for path in output.iterdir()] == ["mine.txt"]


class Embedded:
    """The embedded student, LoRA files of adapters of it, and what this program writes with each and without."""

    def __init__(self, folder: Path) -> None:
        _, self.student = profile(StudentProfile, "student", ROOT / "params.yaml")
        place, _ = location(self.student)
        self.gguf_file = Path(place, self.student.gguf_file or "")
        base = load_model(self.student, torch.float32)
        # Not too strong: what it makes of the student must have clear winners among the next tokens.
        options = {"target_modules": "all-linear", "lora_alpha": 4}
        adapters = [tiny.adapter(folder / "random", self.student, base=base, **options)]
        if (TRAINED / "adapter_model.safetensors").is_file():  # a fresh checkout has none
            adapters.append(TRAINED)
        self.loras = [folder / str(number) / LORA for number in range(len(adapters))]
        for adapter, lora in zip(adapters, self.loras, strict=True):
            export(self.student, adapter, lora.parent, None, None, None)
        self.tokenizer = load_tokenizer(self.student)
        rows = yaml.safe_load((ROOT / "data/prompts/heldout-easy.yaml").read_text(encoding="utf-8"))["prompts"]
        turns = [[{"role": "user", "content": row["prompt"].strip()}] for row in rows[:8]]
        self.prompts = [encode_prompt(self.tokenizer, turn) for turn in turns]
        self.ours = {None: self._write(adapters[0], "base")}
        self.ours |= {number: self._write(adapter, "distilled") for number, adapter in enumerate(adapters)}

    def _write(self, adapter: Path, side: Side) -> list[Ids]:
        model = Pair(self.student, adapter).decoding(side, torch.float32)
        tasks = [Task(number, 0, tuple(prompt)) for number, prompt in enumerate(self.prompts)]
        params, stop = Decoding(TOKENS, 0, 1.0, 0, 49152), ends(model, self.tokenizer)
        finished = [one for one in decode(model, tasks, params, stop) if isinstance(one, Finished)]
        answers = {one.task.prompt: [token for token in one.ids if token not in stop] for one in finished}
        return [answers[number] for number in range(len(self.prompts))]

    def theirs(self, gguf_file: Path, prompts: int) -> dict[int | None, list[Ids]]:
        """What llama.cpp writes to the first prompts, with each LoRA file and without."""
        asked = self.prompts[:prompts]
        slots = {"slots": prompts, "context": 512}
        with llama_server.serve(gguf_file, *self.loras, **slots) as server, ThreadPoolExecutor(prompts) as pool:
            return {
                lora: list(pool.map(lambda prompt, on=lora: server.greedy(prompt, TOKENS, on), asked))
                for lora in self.ours
            }


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Embedded:
    return Embedded(tmp_path_factory.mktemp("embedded"))


@pytest.mark.slow
@pytest.mark.xdist_group("export")
@pytest.mark.filterwarnings("ignore")  # PEFT asks transformers for something by an old name
def test_llama_cpp_writes_the_same_on_the_same_weights(embedded: Embedded, tmp_path: Path) -> None:
    gguf_files.dequantise(embedded.gguf_file, tmp_path / "fp32.gguf")
    assert embedded.theirs(tmp_path / "fp32.gguf", 8) == embedded.ours
    assert len({str(answers) for answers in embedded.ours.values()}) == len(embedded.ours)


@pytest.mark.slow
@pytest.mark.xdist_group("export")
def test_on_the_quantised_file_it_writes_nearly_the_same(embedded: Embedded) -> None:
    # There it multiplies the 4-bit weights with inputs rounded to 8 bits, so the text parts somewhere.
    theirs = embedded.theirs(embedded.gguf_file, 4)
    for lora, ours in embedded.ours.items():
        shared = {other: mean(map(common, answers, ours)) for other, answers in theirs.items()}
        assert shared[lora] > 10, shared
        assert max(shared, key=shared.__getitem__) == lora, shared


def common(one: Ids, other: Ids) -> int:
    """How many ids they begin with in common."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
