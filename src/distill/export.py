"""Take the distilled student out into the world: models/distilled-student → models/export, for llama.cpp, Ollama, vLLM.

In: the adapter's folder, the selected student, and metrics/figures.json if there is one. Out: a directory with

- the adapter as PEFT and vLLM take it (its base named as the hub names it), and its tokenizer;
- distilled-lora.gguf, the adapter as llama.cpp and Ollama take it;
- where the student came from a GGUF file, that file;
- merged/, base and adapter as one model (`--merged none` leaves it out: it is as large as the base);
- Modelfile, for `ollama create`, if there is a GGUF file or a merged model to start from;
- README.md, a model card with the commands for each of them, and the metrics as the hub reads them.

It is there complete, or not at all. A directory that is not empty is refused, and so is an adapter that llama.cpp
cannot apply.
"""

import os
import shutil
from pathlib import Path
from typing import Any

from distill import merge
from distill.common import cli
from distill.common.config import profile, section
from distill.common.jsonl import Row, read_json, write_json, write_text
from distill.exporting import card, lora_gguf, modelfile
from distill.exporting.card import Contents
from distill.exporting.fresh import fresh
from distill.format.stage import FormatParams
from distill.student.model import StudentProfile, load_config, load_tokenizer, location

OUTPUT = Path("models/export")
FIGURES = Path("metrics/figures.json")
LORA, MERGED, MODELFILE, CARD = "distilled-lora.gguf", "merged", "Modelfile", "README.md"


def main() -> None:
    """Command line: `python -m distill.export`."""
    parser = cli.parser(__doc__)
    parser.add_argument("--adapter", type=Path, default=merge.ADAPTER,
                        help="the adapter's folder (default: %(default)s)")  # fmt: skip
    parser.add_argument("--output", type=Path, default=OUTPUT, help="an empty or new directory (default: %(default)s)")
    parser.add_argument("--merged", choices=(*merge.DTYPES, "none"), default="bfloat16",
                        help="the type of the merged model's weights, or none (default: %(default)s)")  # fmt: skip
    args = parser.parse_args()
    _, student = profile(StudentProfile, "student", args.params)
    system = section(FormatParams, "format", args.params).system
    # They are of the pipeline's adapter, and of no other.
    figures = read_json(FIGURES) if args.adapter == merge.ADAPTER and FIGURES.is_file() else None
    export(student, args.adapter, args.output, None if args.merged == "none" else args.merged, system, figures)
    names = ", ".join(sorted(path.name for path in args.output.iterdir()))
    print(
        f"{args.output}: {names}"
        + ("" if figures else f"; without metrics: {FIGURES} is not there, or not of this adapter")
    )


def export(
    student: StudentProfile, adapter: Path, output: Path, merged: str | None, system: str | None, figures: Row | None
) -> None:
    """Write everything to `output`.

    Args:
        student: The base.
        adapter: The adapter's folder.
        output: An empty or new directory.
        merged: The type of the merged model's weights; None: without it.
        system: The system prompt that the student was trained with, or None.
        figures: What metrics/figures.json holds of this adapter, or None.

    Raises:
        InputError: `output` holds something, or the adapter is missing, another student's, or one that llama.cpp
            cannot apply.
    """
    from distill.generate.models import check_adapter

    with fresh(output) as folder:
        check_adapter(adapter, student)
        tokenizer = load_tokenizer(student)
        config = load_config(student)
        lora_gguf.write(folder / LORA, adapter, student, lora_gguf.base_of(config, student))
        rank = _copy_adapter(adapter, folder, student)
        gguf_file = _add_gguf(folder, student)
        if merged:
            merge.merge(student, adapter, folder / MERGED, merged)
        start, lora = (gguf_file, LORA) if gguf_file else (MERGED if merged else None, None)
        if start:
            stops = _stops(tokenizer, config)
            write_text(folder / MODELFILE, modelfile.text(tokenizer, start, lora, stops, system))
        contents = Contents(LORA, gguf_file, MERGED if merged else None, MODELFILE if start else None)
        card.write(folder / CARD, adapter / CARD, student, rank, contents, figures)


def _copy_adapter(adapter: Path, folder: Path, student: StudentProfile) -> int:
    """Copy the adapter in PEFT's format, its base by its name on the hub, and return its rank."""
    shutil.copytree(adapter, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(CARD, ".*"))
    path = folder / "adapter_config.json"
    config = read_json(path)
    write_json(path, config | {"base_model_name_or_path": student.base_model})
    return int(config["r"])


def _add_gguf(folder: Path, student: StudentProfile) -> str | None:
    """Put the GGUF file that the student came from into `folder`, if it came from one, and return its name."""
    if not student.gguf_file:
        return None
    place, _ = location(student)
    path = Path(place, student.gguf_file)
    if student.source == "hub":
        from huggingface_hub import hf_hub_download

        path = Path(hf_hub_download(student.name, student.gguf_file, revision=student.revision))
    try:
        os.link(path.resolve(), folder / path.name)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(path, folder / path.name)
    return path.name


def _stops(tokenizer: Any, config: Any) -> list[str]:
    """Return the texts of the tokens that end an answer."""
    named = config.eos_token_id
    ids = [tokenizer.eos_token_id, *(named if isinstance(named, list) else [named])]
    return list(dict.fromkeys(tokenizer.convert_ids_to_tokens(token) for token in ids if token is not None))


if __name__ == "__main__":
    cli.run(main)
