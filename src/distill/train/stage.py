"""Stage 4: data/train.jsonl, data/val.jsonl → models/distilled-student, a LoRA adapter on the student.

It also writes metrics/train.json (first, best and last loss and token accuracy, counts) and metrics/plots/train.tsv
(the curve, with one row for each update and split). The loss is the mean negative log-likelihood, in nats, of an
update's answer tokens, including the end of turn. After a kill, the same command resumes from the last checkpoint, and
writes the same bytes.

A run that did not learn (a loss that is not finite, weights that did not change) is an error, and writes nothing.
"""

from pathlib import Path

from distill.common import cli
from distill.common.config import profile, section
from distill.common.errors import InputError
from distill.common.jsonl import write_json, write_text
from distill.student.model import StudentProfile, load_tokenizer
from distill.train import launch
from distill.train.curve import tsv
from distill.train.data import Examples, LossOn, read_examples
from distill.train.params import TrainingRun, TrainParams

TRAIN = Path("data/train.jsonl")
VAL = Path("data/val.jsonl")
ADAPTER = Path("models/distilled-student")
METRICS = Path("metrics/train.json")
CURVE = Path("metrics/plots/train.tsv")


def main() -> None:
    """Command line: `python -m distill.train`."""
    args = cli.parser(__doc__).parse_args()
    params = section(TrainParams, "train", args.params)
    _, student = profile(StudentProfile, "student", args.params)
    if launch.wanted(params.devices):
        launch.again(params.devices)
    tokenizer = load_tokenizer(student)
    training, validation = read_data(tokenizer, params.loss_on)
    # Imported late: this takes seconds, and an error in params.yaml should show at once.
    from distill.train.run import fit

    result = fit(TrainingRun(params, student, tokenizer, training, validation), (TRAIN, VAL), ADAPTER)
    if result is not None:
        write_text(CURVE, tsv(result.history))
        write_json(METRICS, result.metrics())
        print(result.summary())


def read_data(tokenizer: object, loss_on: LossOn) -> tuple[Examples, Examples]:
    """Return the training and validation examples; validation may be empty.

    Raises:
        InputError: There is nothing to train on, or a file cannot be used.
    """
    training, validation = (read_examples(path, tokenizer, loss_on) for path in (TRAIN, VAL))
    if not training:
        raise InputError(f"{TRAIN}: no example to train on; add prompts, or lower format.val_share in params.yaml")
    return training, validation
