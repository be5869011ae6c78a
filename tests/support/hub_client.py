"""Run as a program: take students from the hub that HF_ENDPOINT names, and print one line of JSON for each.

A process of its own, because huggingface_hub reads the environment once, when it is imported. An argument is a JSON
object: `token`, the fields of the profile, and `load`: whether the student is loaded, or only its files are fetched.
"""

import json
import os
import sys
from typing import Any

from distill.common.config import parse
from distill.common.errors import InputError
from distill.student import hub
from distill.student.model import StudentProfile, load_model, load_tokenizer


def take(case: dict[str, Any]) -> str:
    """Return what became of a student."""
    os.environ["HF_TOKEN"] = case.pop("token", "")
    load = case.pop("load", False)
    student = parse(StudentProfile, {"source": "hub", "base_model": "x", "license": "x"} | case, "params.yaml")
    try:
        if not load:
            return str(hub.folder(student.name, str(student.revision), hub.WEIGHTS))
        import torch

        tokenizer, model = load_tokenizer(student), load_model(student, torch.float32)
        return f"{len(tokenizer)} tokens, {model.num_parameters()} parameters"
    except InputError as error:
        return f"error: {error}"


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(json.dumps(take(json.loads(argument))), flush=True)
