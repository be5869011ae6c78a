"""The tree of files that sandlock shows: what is copied into it."""

import os
import sys
from pathlib import Path

from distill.sandbox import private_root


def test_holds_the_interpreter_its_loader_and_nothing_of_the_machine_s(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("1")
    interpreter = os.path.realpath(sys.executable)
    loader = private_root.loader(interpreter)
    with private_root.make([str(tmp_path / "one"), str(tmp_path), interpreter]) as root:
        files = {f"/{path.relative_to(root)}" for path in Path(root).rglob("*") if not path.is_dir()}
        assert files == {interpreter, str(tmp_path / "one"), "/dev/null"} | ({loader} if loader else set())
        assert Path(root, "dev/null").read_bytes() == b""
        assert Path(root, interpreter[1:]).read_bytes() == Path(interpreter).read_bytes()
    assert not Path(root).exists()


def test_finds_the_loader_that_a_program_asks_for() -> None:
    loader = private_root.loader("/bin/sh")
    assert loader is not None
    assert "/ld-" in loader
    assert Path(loader).exists()
    assert private_root.loader(loader) is None  # the loader itself asks for none
