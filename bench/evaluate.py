"""This project's batched generation against one prompt at a time, on the embedded student: speed, and the same text.

    python bench/evaluate.py                     # a few minutes: 8 prompts one at a time, 48 in batches
    python bench/evaluate.py --one 48 --tokens 256

- one at a time: transformers' `generate`, greedy, fp32, one prompt a call, as the plain script does it;
- batched, float32 and bfloat16: `distill.generate`, as the stage `generate` uses it, on all held-out prompts.

Tokens that were generated per second, loading left out. Then: how many of the answers have the same text as one at a
time in fp32, and where bf16 changes the text, how often. Without an adapter: both sides decode plain weights.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import torch

from distill.common.config import profile
from distill.common.jsonl import read_jsonl
from distill.generate import models
from distill.generate.decode import Decoding, Generation, generate
from distill.student.chat import encode_prompt
from distill.student.model import StudentProfile, load_model, load_tokenizer

PROMPTS = Path("data/prompts.jsonl")


def main() -> None:
    """Run all three, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--one", type=int, default=8, help="prompts answered one at a time (default: %(default)s)")
    parser.add_argument("--tokens", type=int, default=768, help="of an answer at most (default: %(default)s)")
    args = parser.parse_args()
    _, student = profile(StudentProfile, "student")
    tokenizer = load_tokenizer(student)
    rows = [row for row in read_jsonl(PROMPTS) if row["split"] == "heldout"]
    prompts = [encode_prompt(tokenizer, [{"role": "user", "content": row["prompt"]}]) for row in rows]
    # Spread over the groups, so that short and long answers are among them.
    chosen = list(range(0, len(prompts), max(1, len(prompts) // args.one)))[: args.one]

    plain_model = load_model(student, torch.float32)
    plain, plain_speed = one_at_a_time(plain_model, tokenizer, [prompts[index] for index in chosen], args.tokens)
    print(f"one at a time, float32: {plain_speed:.0f} tokens/s ({len(chosen)} prompts)", flush=True)
    for dtype in (torch.float32, torch.bfloat16):
        model = models.load(student, None, dtype)
        batched, speed = in_batches(model, tokenizer, prompts, args.tokens)
        same = sum(batched[index].text == text for index, text in zip(chosen, plain, strict=True))
        name = str(dtype).removeprefix("torch.")
        print(f"batched, {name}: {speed:.0f} tokens/s ({len(prompts)} prompts), {speed / plain_speed:.1f} ×, "
              f"same text {same} of {len(chosen)}", flush=True)  # fmt: skip


def one_at_a_time(model: Any, tokenizer: Any, prompts: list[list[int]], tokens: int) -> tuple[list[str], float]:
    """Return the answers of transformers' `generate`, and tokens per second."""
    texts, count, start = [], 0, time.perf_counter()
    for prompt in prompts:
        ids = torch.tensor([prompt])
        with torch.inference_mode():
            stops = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
            output = model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False, **stops
            )
        answer = output[0, len(prompt) :]
        count += len(answer)
        texts.append(str(tokenizer.decode(answer, skip_special_tokens=True)))
    return texts, count / (time.perf_counter() - start)


def in_batches(
    model: Any, tokenizer: Any, prompts: list[list[int]], tokens: int
) -> tuple[dict[int, Generation], float]:
    """Return the answers of `distill.generate` by prompt, and tokens per second."""
    found: dict[int, Generation] = {}
    params = Decoding(max_new_tokens=tokens, samples=0, temperature=1.0, seed=0, batch_tokens=49152)
    start = time.perf_counter()
    generate(model, tokenizer, prompts, params, lambda prompt, sample, answer: found.update({prompt: answer}))
    return found, sum(answer.tokens for answer in found.values()) / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
