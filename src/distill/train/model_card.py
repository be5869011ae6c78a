"""The adapter's model card: README.md in models/distilled-student."""

from pathlib import Path
from typing import TYPE_CHECKING

from distill.common.jsonl import write_text
from distill.student.model import StudentProfile
from distill.train.curve import Result

if TYPE_CHECKING:
    from distill.train.params import TrainParams

CARD = """---
base_model: {base_model}
library_name: peft
license: {license}
pipeline_tag: text-generation
tags:
- lora
- distillation
---

# Distilled student

A LoRA adapter for [{base_model}](https://huggingface.co/{base_model}), trained to answer coding prompts in a teacher's
style.

| | |
| --- | --- |
| Base model | {base_model}, loaded from {origin} |
| Base model's licence | {license} |
| Training data | {examples} prompts with the teacher's answers, {trained_tokens:,} trained tokens in {epochs} epochs |
| Validation data | {validation_examples} prompts that share no base prompt with the training data |
| Loss on | {loss_on} |
| Updates | {updates}, {batch_size} examples each |
| Learning rate | {learning_rate:g}, {schedule}, warm-up {warmup_share:.0%}, weight decay {weight_decay:g} |
| LoRA | r {r}, alpha {alpha}, dropout {dropout:g}, on {targets} |
| Trainable parameters | {trainable:,} of {parameters:,} ({share:.2%}) |

{losses}
## Use

```python
{snippet}
```

## Intended use

To show that a small student takes over a teacher's coding style, and as a start for your own. Its answers can be
wrong: read and test them before use, and run them in a sandbox. A provider's terms may restrict what may be trained
on its model's output; that holds for this adapter as well.
"""

LOSSES = """| | before | after |
| --- | --- | --- |
| Validation loss (nats a token) | {loss[first]:.3f} | {loss[last]:.3f} |
| Validation token accuracy | {token_accuracy[first]:.1%} | {token_accuracy[last]:.1%} |

"""

SNIPPET = """from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
{imports}
adapter = "models/distilled-student"  # this folder
tokenizer = AutoTokenizer.from_pretrained(adapter)
base = AutoModelForCausalLM.from_pretrained({place})
model = PeftModel.from_pretrained(base, adapter)

messages = [{{"role": "user", "content": "Write a Python function that reverses a string."}}]
inputs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True, return_tensors="pt")
output = model.generate(**inputs, max_new_tokens=400, do_sample=False)
print(tokenizer.decode(output[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True))"""


def write(path: Path, params: "TrainParams", student: StudentProfile, result: Result) -> None:
    """Write the card."""
    facts = {**params.model_dump(exclude={"lora"}), **params.lora.model_dump(), **student.model_dump()}
    metrics = result.metrics()
    validation = metrics.pop("val")
    targets = params.lora.targets
    facts |= {
        **metrics,
        "origin": "a local directory" if student.source == "dir" else f"`{student.identity}`",
        "targets": targets if isinstance(targets, str) else ", ".join(targets),
        "trainable": result.trainable,
        "share": metrics["trainable_share"],
        "losses": LOSSES.format(**validation) if validation else "",
        "snippet": snippet(student),
        "trained_tokens": result.trained_tokens,
    }
    write_text(path, CARD.format(**facts))


def snippet(student: StudentProfile) -> str:
    """Return code that loads base and adapter with transformers and peft alone.

    A local directory is of no use to whoever reads the card elsewhere, so the model that it is a copy of is named.
    """
    imports, place, options = "", f'"{student.name}"', []
    if student.source == "dir":
        return SNIPPET.format(imports=imports, place=f'"{student.base_model}"')
    if student.source == "package":
        imports = "from importlib.util import find_spec\n"
        place = f'find_spec("{student.name}").submodule_search_locations[0]'
    if student.source == "hub":
        options.append(f'revision="{student.revision}"')
    if student.gguf_file:
        options.append(f'gguf_file="{student.gguf_file}"')
    return SNIPPET.format(imports=imports, place=", ".join([place, *options]))
