"""distill.exporting.fresh: a directory is complete, or it is not there."""

from pathlib import Path

import pytest

from distill.common.errors import InputError
from distill.exporting.fresh import fresh


@pytest.mark.parametrize("empty", [True, False])
def test_it_is_there_once_it_is_done(tmp_path: Path, empty: bool) -> None:
    output = tmp_path / "new" / "output"
    if empty:
        output.mkdir(parents=True)
    with fresh(output) as folder:
        (folder / "a").write_text("a")
        assert not (output / "a").exists()
    assert [path.name for path in output.parent.iterdir()] == ["output"]
    assert (output / "a").read_text() == "a"
    assert output.stat().st_mode == tmp_path.joinpath("new").stat().st_mode


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), fresh(tmp_path / "output") as folder:
        (folder / "a" / "b").write_text("b")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    for taken in (tmp_path, tmp_path / "mine.txt"):
        with pytest.raises(InputError, match="not an empty directory; remove it, or choose another --output"):
            fresh(taken).__enter__()
    assert (tmp_path / "mine.txt").read_text() == "keep"
