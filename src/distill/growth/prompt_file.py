"""New prompts as a file of data/prompts: slugs that no other prompt has, and YAML that a person can edit."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from textwrap import indent

import yaml

from distill.growth.screen import SUBJECT

HEADER = """\
# Variations of the prompts of the group '{group}', written by {model} when `python -m distill.grow` asked for them.
# Read and edit them: it is a prompt file like any other. `grow` writes over it only when it is told to (--replace).
group: grown-{group}
split: train
prompts:
"""
HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True)
class New:
    """A new prompt; `example` is the id of the one that it is a variation of."""

    slug: str
    example: str
    text: str


class _Dumper(yaml.SafeDumper):
    """Writes long texts as blocks."""


_Dumper.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, "|" if "\n" in text else None)
)


def new_slug(text: str, example: str, taken: set[str]) -> str:
    """Return a slug for a prompt, and take it: the name of what it asks for, or the example's, numbered if need be."""
    name = SUBJECT.search(text)
    stem = _slug(HUMP.sub("-", name[1] or name[2])) if name else ""
    stem = stem or _slug(example)
    slug, number = stem, 1
    while slug in taken:
        number += 1
        slug = f"{stem}-{number}"
    taken.add(slug)
    return slug


def render(group: str, model: str, prompts: Iterable[New]) -> str:
    """Return the file's text."""
    entries = (f"  # like {new.example}\n{_entry(new)}" for new in prompts)
    return HEADER.format(group=group, model=" ".join(model.split())) + "".join(entries)


def _entry(new: New) -> str:
    # The line break at the end makes it a block; a prompt is read without it.
    entry = [{"slug": new.slug, "prompt": f"{new.text}\n"}]
    return indent(yaml.dump(entry, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6), "  ")


def _slug(name: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", name.lower()))
