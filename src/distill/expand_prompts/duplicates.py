"""Ids and prompts that stand twice: found in streamed rows, of which only hashes are kept."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from distill.common.errors import InputError
from distill.common.jsonl import Row


def refuse_duplicates(rows: Callable[[], Iterator[tuple[Path, Row]]]) -> Iterator[Row]:
    """Yield all rows; if an id or a prompt may stand twice, go through them once more to say which.

    Raises:
        InputError: At the end, if one does.
    """
    ids, prompts = _Hashes(), _Hashes()
    for _, row in rows():
        ids.add(row["id"])
        prompts.add(row["prompt"])
        yield row
    same_ids, same_prompts = ids.repeated(), prompts.repeated()
    if same_ids or same_prompts:
        _name_duplicates(
            (path, row) for path, row in rows() if _key(row["id"]) in same_ids or _key(row["prompt"]) in same_prompts
        )


def _name_duplicates(rows: Iterable[tuple[Path, Row]]) -> None:
    ids: dict[str, Path] = {}
    prompts: dict[str, str] = {}
    for path, row in rows:
        if row["id"] in ids:
            raise InputError(f"{path}: the id '{row['id']}' stands already in {ids[row['id']]}; rename one slug")
        if (other := prompts.get(row["prompt"])) is not None:
            raise InputError(f"{path}: '{row['id']}' has the same prompt as '{other}'; change or delete one")
        ids[row["id"]], prompts[row["prompt"]] = path, row["id"]


class _Hashes:
    """48 bits of each of many texts, in 5 bytes each, that tell in the end which of them may have come twice."""

    def __init__(self) -> None:
        self._parts = [bytearray() for _ in range(256)]  # by the last byte, the other five of each one after another

    def add(self, text: str) -> None:
        """Take one more text."""
        key = _key(text)
        self._parts[key & 0xFF] += (key >> 8).to_bytes(5)

    def repeated(self) -> set[int]:
        """Return the keys (see `_key`) that were added more than once."""
        found: set[int] = set()
        for last, part in enumerate(self._parts):
            times = Counter(bytes(part[start : start + 5]) for start in range(0, len(part), 5))
            found |= {int.from_bytes(rest) << 8 | last for rest, count in times.items() if count > 1}
        return found


def _key(text: str) -> int:
    return hash(text) & 0xFFFF_FFFF_FFFF
