"""Stage 1: data/prompts/*.yaml → data/prompts.jsonl, one row a prompt.

A prompt file holds one group of prompts:

    group: algorithms            # modifiers name the groups they apply to
    split: train                 # train (trained on) or heldout (only measured on)
    difficulty: 1                # optional, held-out: the group's place in charts; 1 is the easiest
    prompts:
      - slug: merge-intervals    # its id; stable, unique, lower-case words joined by single dashes
        prompt: Write a function ...
      - slug: implement          # a template: one prompt for each combination of the values
        prompt: Implement a {structure} in {language}.
        variables: {structure: [stack, queue], language: [Python, SQL]}
        distinct: [structure]    # optional: values that make another problem, not a twin (see `base` below)
        max: 3                   # optional: keep so many combinations, sampled by hash
        seed: 7                  # optional: another sample

and modifiers.yaml holds `modifiers:`, a list of `slug`, `text`, `groups`; each adds its text to every training prompt
of its groups. Ids say what a prompt is made of: `slug`, `slug.value.value`, `…--modifier`. So adding a prompt changes
no other id. `base` is what near-duplicates share: the slug and the distinct values, without the modifier; the split
into training and validation data goes by it. Held-out prompts are never modified.

Rows are streamed: in memory are about 12 bytes a row, to find duplicates.
"""

import hashlib
import heapq
import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from distill.common import cli
from distill.common.config import Model, Strings, load_yaml, parse, section
from distill.common.errors import InputError
from distill.common.jsonl import Row, write_jsonl
from distill.expand_prompts.duplicates import refuse_duplicates

SOURCE = Path("data/prompts")
OUTPUT = Path("data/prompts.jsonl")
MODIFIERS = "modifiers.yaml"
VARIABLE = re.compile(r"\{([a-z_][a-z0-9_]*)\}")


def _check_slug(slug: str) -> str:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug):
        raise ValueError("a slug is lower-case letters and digits in words joined by single dashes")
    return slug


Slug = Annotated[str, AfterValidator(_check_slug)]
Values = Annotated[tuple[str | int | float, ...], BeforeValidator(lambda v: tuple(v) if isinstance(v, list) else v)]
Prompts = Annotated[tuple["Prompt", ...], BeforeValidator(lambda v: tuple(v) if isinstance(v, list) else v)]
Modifiers = Annotated[tuple["Modifier", ...], BeforeValidator(lambda v: tuple(v) if isinstance(v, list) else v)]


class ExpandParams(Model):
    """The section `expand_prompts` of params.yaml."""

    modifiers: Strings | None
    max_train_bases: Annotated[int, Field(ge=1)] | None
    max_heldout: Annotated[int, Field(ge=1)] | None


class Prompt(Model):
    """One entry of a prompt file: a prompt, or a template with variables."""

    slug: Slug
    prompt: str
    variables: dict[str, Values] = Field(default_factory=dict)
    distinct: Strings = ()
    max: Annotated[int, Field(ge=1)] | None = None
    seed: int = 0

    @field_validator("prompt")
    @classmethod
    def _not_empty(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("the prompt is empty")
        return text.strip()


class PromptFile(Model):
    """A file of data/prompts/: one group of prompts."""

    group: Slug
    split: Literal["train", "heldout"]
    difficulty: Annotated[int, Field(ge=1)] | None = None
    prompts: Prompts


class Modifier(Model):
    """A text that is added to every training prompt of some groups."""

    slug: Slug
    text: str
    groups: Strings


class ModifierFile(Model):
    """data/prompts/modifiers.yaml."""

    modifiers: Modifiers


def main() -> None:
    """Command line: `python -m distill.expand_prompts`."""
    args = cli.parser(__doc__).parse_args()
    params = section(ExpandParams, "expand_prompts", args.params)
    count = write_jsonl(OUTPUT, expand(SOURCE, params))
    print(f"{OUTPUT}: {count} prompts")


def expand(source: Path, params: ExpandParams) -> Iterator[Row]:
    """Yield the rows of prompts.jsonl: `id`, `base`, `group`, `modifier` (or None), `split`, `prompt`.

    Raises:
        InputError: A prompt file is missing, malformed or empty, an id or a prompt stands twice, or a modifier or a
            parameter names something that does not exist.
    """
    files = _read_prompt_files(source)
    modifiers = _read_modifiers(source / MODIFIERS, {file.group for _, file in files}, params)
    keep_train = _smallest(_bases(files, "train"), params.max_train_bases)
    keep_heldout = _smallest(_bases(files, "heldout"), params.max_heldout)

    def rows() -> Iterator[tuple[Path, Row]]:
        for path, file in files:
            keep = keep_heldout if file.split == "heldout" else keep_train
            for row in _expand_file(file, modifiers):
                if keep is None or row["base"] in keep:
                    yield path, row

    yield from refuse_duplicates(rows)


def _read_prompt_files(source: Path) -> list[tuple[Path, PromptFile]]:
    paths = sorted(path for path in source.glob("*.yaml") if path.name != MODIFIERS)
    if not paths:
        raise InputError(f"{source}: no prompt file (*.yaml) in it; see the README, 'Use your own prompts'")
    files = [(path, parse(PromptFile, load_yaml(path), str(path))) for path in paths]
    for path, file in files:
        if not file.prompts:
            raise InputError(f"{path}: prompts: the list is empty; add a prompt, or delete the file")
        for prompt in file.prompts:
            _check_variables(f"{path}: {prompt.slug}", prompt)
    if not any(file.split == "train" for _, file in files):
        raise InputError(f"{source}: no file has 'split: train'; add prompts to train on")
    _check_difficulties(files)
    return files


def _check_difficulties(files: list[tuple[Path, PromptFile]]) -> None:
    """Difficulty is a group's, so its held-out files must say the same."""
    first: dict[str, tuple[Path, int | None]] = {}
    for path, file in (pair for pair in files if pair[1].split == "heldout"):
        other, difficulty = first.setdefault(file.group, (path, file.difficulty))
        if difficulty != file.difficulty:
            raise InputError(f"{path}: difficulty: {file.difficulty}, and {other} of the same group '{file.group}' has "
                             f"{difficulty}; give both the same, or none")  # fmt: skip


def _check_variables(place: str, prompt: Prompt) -> None:
    named = set(VARIABLE.findall(prompt.prompt)) if prompt.variables else set()
    for name in sorted(named ^ set(prompt.variables)):
        problem = "has no values under 'variables'" if name in named else "does not occur in the prompt"
        raise InputError(f"{place}: the variable '{name}' {problem}; fix one or the other")
    for name, values in prompt.variables.items():
        if not values:
            raise InputError(f"{place}: variables.{name}: the list of values is empty; add a value")
    for name in prompt.distinct:
        if name not in prompt.variables:
            raise InputError(f"{place}: distinct: there is no variable '{name}'; choose among {sorted(named)}")


def _read_modifiers(path: Path, groups: set[str], params: ExpandParams) -> list[Modifier]:
    modifiers = parse(ModifierFile, load_yaml(path), str(path)).modifiers if path.exists() else ()
    for modifier in modifiers:
        for group in modifier.groups:
            if group not in groups:
                raise InputError(
                    f"{path}: {modifier.slug}: groups: no prompt file has the group '{group}'; "
                    f"groups: {', '.join(sorted(groups))}"
                )
    slugs = [modifier.slug for modifier in modifiers]
    for slug in params.modifiers or ():
        if slug not in slugs:
            raise InputError(
                f"params.yaml: expand_prompts.modifiers: no modifier '{slug}' in {path}; "
                f"choose among {', '.join(slugs)}"
            )
    return [modifier for modifier in modifiers if params.modifiers is None or modifier.slug in params.modifiers]


def _expand_file(file: PromptFile, modifiers: list[Modifier]) -> Iterator[Row]:
    here = [modifier for modifier in modifiers if file.group in modifier.groups and file.split == "train"]
    for prompt in file.prompts:
        for id_, base, text in _combinations(prompt):
            yield _row(id_, base, file, None, text)
            for modifier in here:
                yield _row(f"{id_}--{modifier.slug}", base, file, modifier.slug, f"{text}\n\n{modifier.text}")


def _row(id_: str, base: str, file: PromptFile, modifier: str | None, text: str) -> Row:
    return {"id": id_, "base": base, "group": file.group, "modifier": modifier, "split": file.split, "prompt": text}


def _combinations(prompt: Prompt) -> Iterator[tuple[str, str, str]]:
    """Yield (id, base, text) for every combination of a template's values, or for the plain prompt."""
    rows = _all_combinations(prompt)
    if prompt.max is None:
        yield from rows
        return
    # The smallest hashes are a random sample that barely changes when a value is added, in memory of its own size.
    numbered = ((_hash(f"{prompt.seed}/{row[0]}"), position, row) for position, row in enumerate(rows))
    for _, _, row in sorted(heapq.nsmallest(prompt.max, numbered), key=lambda item: item[1]):
        yield row


def _all_combinations(prompt: Prompt) -> Iterator[tuple[str, str, str]]:
    if not prompt.variables:
        yield prompt.slug, prompt.slug, prompt.prompt
        return
    names = list(prompt.variables)
    values = [[(str(value), slugify(str(value))) for value in prompt.variables[name]] for name in names]
    distinct = [place for place, name in enumerate(names) if name in prompt.distinct]
    # Text and names of variables take turns; what is split once is put together a million times.
    parts = VARIABLE.split(prompt.prompt)
    holes = [names.index(name) for name in parts[1::2]]
    for chosen in itertools.product(*values):
        parts[1::2] = [chosen[place][0] for place in holes]
        slugs = [prompt.slug]
        slugs += [slug for _, slug in chosen]
        base = ".".join([prompt.slug, *[chosen[place][1] for place in distinct]])
        yield ".".join(slugs), base, "".join(parts)


def slugify(value: str) -> str:
    """A value as a part of an id; where letters are lost ('C', 'C++'), a short hash keeps two values apart."""
    slug = re.sub(r"[^a-z0-9]+", "-", value.lower()).strip("-")
    if slug.replace("-", " ") == value:
        return slug
    return f"{slug}-{hashlib.sha256(value.encode()).hexdigest()[:6]}".lstrip("-")


def _bases(files: list[tuple[Path, PromptFile]], split: str) -> Iterator[str]:
    seen: set[str] = set()
    for _, file in files:
        for prompt in file.prompts if file.split == split else ():
            for _, base, _ in _combinations(prompt):
                if base not in seen:
                    seen.add(base)
                    yield base


def _smallest(bases: Iterable[str], limit: int | None) -> frozenset[str] | None:
    """The `limit` bases of smallest hash: a smaller limit keeps a subset of what a larger one keeps."""
    return None if limit is None else frozenset(heapq.nsmallest(limit, bases, key=_hash))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
