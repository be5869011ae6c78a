"""Rows as metrics/evaluation.jsonl and metrics/figures.json hold them, for tests of what is drawn from them."""

from typing import Any

from distill.evaluate.style import profiles

Row = dict[str, Any]

FEATURES = profiles.features("python")
DIFFICULTIES = {"heldout-easy": 1, "heldout-medium": 2, "heldout-hard": 3}

BASE = "```python\ndef clamp(x):\n    return x\n```"
DISTILLED = "First the idea.\n\n```python\ndef clamp(x: int) -> int:\n    return x\n```\n\n**Notes**\n\n- It is short."


def answer(text: str, tokens: int = 10, ended: bool = True) -> Row:
    return {"text": text, "tokens": tokens, "ended": ended}


def verdict(outcome: str, detail: str = "") -> Row:
    whole = {"outcome": outcome, "detail": detail}
    return whole | {"as_written": whole}


def row(
    id_: str = "clamp",
    group: str = "heldout-easy",
    outcomes: tuple[str, str, str] | None = ("wrong_answer", "pass", "pass"),
    nll: tuple[float, float] = (20.0, 10.0),
    texts: tuple[str, str, str] = (BASE, DISTILLED, DISTILLED),
    prompt: str = "Write `clamp`.",
) -> Row:
    """A held-out prompt with one answer a model; the teacher's answer has 10 tokens."""
    models = ("base", "distilled", "teacher")
    styles = ({"typed": 0.0, "words": 0.0}, {"typed": 1.0, "words": 6.0}, {"typed": 1.0, "words": 12.0})
    details = {"wrong_answer": "gave 3, 2 is expected", "exception": "TypeError: no"}
    judged = outcomes and {
        model: [verdict(name, details.get(name, ""))] for model, name in zip(models, outcomes, strict=True)
    }
    return {
        "id": id_,
        "group": group,
        "difficulty": DIFFICULTIES.get(group),
        "prompt": prompt,
        "answers": {model: [answer(text)] for model, text in zip(models, texts, strict=True)},
        "likelihood": {
            model: {"nll": value, "tokens": 10, "correct": 5} for model, value in zip(models[:2], nll, strict=True)
        },
        "outcomes": judged,
        "style": dict(zip(models, styles, strict=True)),
        "health": {model: {"repetition": 0.1, "copied_run": 4} for model in models},
    }


def rows() -> list[Row]:
    """Four prompts: one that the distilled student gained, one lost, one that both solve and one that neither does."""
    return [
        row("clamp", "heldout-easy", ("wrong_answer", "pass", "pass"), (20.0, 10.0)),
        row("is-prime", "heldout-easy", ("pass", "pass", "pass"), (12.0, 9.0)),
        row("word-break", "heldout-hard", ("pass", "exception", "pass"), (15.0, 16.0)),
        row("matrix-multiply", "heldout-medium", ("no_code", "time_out", "pass"), (18.0, 11.0)),
    ]


def metric(base: float, distilled: float, low: float, high: float, verdict_: str, **more: Any) -> Row:
    figures = {"base": base, "distilled": distilled, "difference": round(distilled - base, 4)}
    return figures | {"ci_low": low, "ci_high": high, "verdict": verdict_} | more


def headline() -> Row:
    """Likelihood and style are better; of passing no difference was found."""
    return {
        "heldout": {"prompts": 4, "answer_tokens": 40},
        "nll": metric(1.625, 1.15, -0.8, -0.1, "better"),
        "perplexity": metric(5.08, 3.16, -3.1, -0.4, "better"),
        "token_accuracy": metric(0.7, 0.75, 0.01, 0.09, "better"),
        "pass_at_1": metric(0.5, 0.5, -0.5, 0.5, "no difference found", teacher=1.0),
        "runs_as_written": metric(0.25, 0.5, -0.25, 0.75, "no difference found", teacher=0.75),
        "style_distance": metric(0.4, 0.25, -0.2, -0.1, "better"),
        "ended": metric(0.9, 0.8, -0.15, -0.05, "worse", teacher=1.0),
        "answer_tokens": metric(120.0, 320.0, 150.0, 250.0, "longer", teacher=330.0),
        "longest_copied_run": {"base": 7, "distilled": 12, "teacher": 9},
        "outcomes": {"base": {"pass": 2}, "distilled": {"pass": 2}, "teacher": {"pass": 4}},
        "sandbox": "bubblewrap",
        "sandbox_reason": None,
        "leakage": {"longest_run": 6, "limit": 12},
        "cost_usd": 1.61,
    }


def curve() -> list[Row]:
    """Two updates and a validation after the second."""
    return [
        {"update": 1, "split": "train", "loss": 1.0},
        {"update": 2, "split": "train", "loss": 0.8},
        {"update": 2, "split": "val", "loss": 0.9},
    ]
