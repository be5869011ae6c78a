"""Compare two runs: is B's distilled student better than A's, and is the difference more than chance?

python -m distill.compare                   the last commit (HEAD) and the workspace
python -m distill.compare main              a branch, tag, commit or experiment, and the workspace
python -m distill.compare r-8 r-16          any two of them

Both runs' answers to the same held-out prompts are compared: every figure of the report with the 95% interval of B
minus A (a paired bootstrap over the prompts) and a verdict, the prompts that only one run passes, and the differences
in parameters, data and code. metrics/compare.html shows the answers side by side. Files that DVC's cache lacks are
fetched from the remote; nothing is checked out, and nothing runs again.

It cannot tell how much of a difference is due to the training's seed; that takes runs with other seeds.
"""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from distill.common import cli
from distill.common.config import section
from distill.common.jsonl import write_text
from distill.comparison import differences, page, runs
from distill.comparison.pairs import Pairs, flips, pair
from distill.comparison.runs import Run
from distill.evaluate.report import wording
from distill.evaluate.report.figures import Bootstrap, headline
from distill.evaluate.stage import EvaluateParams
from distill.evaluate.style import profiles

PAGE = Path("metrics/compare.html")


def main() -> None:
    """Command line: `python -m distill.compare`."""
    parser = cli.parser(__doc__)
    parser.add_argument("a", nargs="?", default="HEAD", help="a Git revision or DVC experiment (default: %(default)s)")
    parser.add_argument("b", nargs="?", default=runs.WORKSPACE, help="the other (default: the %(default)s)")
    args = parser.parse_args()
    params = section(EvaluateParams, "evaluate", args.params)
    compare(runs.load(args.a), runs.load(args.b), params)


def compare(a: Run, b: Run, params: EvaluateParams) -> None:
    """Print the comparison, and write the page; `params` has resamples, seed, k and the style profile.

    Raises:
        InputError: The runs have fewer than two prompts in common.
    """
    pairs = pair(a, b, params.pass_k, params.style)
    bootstrap, features = Bootstrap(params.resamples, params.seed), profiles.features(params.style)
    figures = headline(pairs.rows, bootstrap, params.pass_k, features)
    if figures["pass_at_1"] is None:
        figures["sandbox_reason"] = "fewer than two prompts were checked in both runs"
    title = wording.claims(figures, "B") or "No difference found between A and B"
    notes = [_common(pairs), *differences.sentences(a, b)]
    write_text(PAGE, page.render(pairs.rows, figures, (a.name, b.name), title, notes))
    console = Console()
    console.print(Text(f"A: {a.name}, B: {b.name}. {title}", style="bold"))
    console.print(wording.table(figures, ("A", "B", "teacher")))
    gained, lost = flips(pairs.rows)
    changes = [f"Now pass: {', '.join(gained) or 'none'}.", f"No longer pass: {', '.join(lost) or 'none'}."]
    told = [*(changes if figures["pass_at_1"] else []), wording.unjudged(figures), wording.unscored(figures)]
    told += [wording.detectable(figures), *notes]
    for line in filter(None, told):
        console.print(Text(line))
    print(f"{PAGE}: the answers side by side")


def _common(pairs: Pairs) -> str:
    """Say in a sentence or two which prompts were compared."""
    count = len(pairs.rows)
    if count == pairs.a == pairs.b:
        text = f"Compared: all {count} held-out prompts, the same in both."
    else:
        text = f"Compared: the {count} held-out prompts that both have, of A’s {pairs.a} and B’s {pairs.b}."
    if pairs.other_teacher:
        text += (f" The teacher’s answers to {pairs.other_teacher} of them differ between the runs: these are left "
                 "out of the loss, and both style distances are from B’s teacher.")  # fmt: skip
    return text


if __name__ == "__main__":
    cli.run(main)
