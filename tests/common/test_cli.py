"""distill.common.cli: a person's mistake ends in one line and a non-zero exit; a bug keeps its traceback."""

import errno

import pytest

from distill.common import cli
from distill.common.errors import InputError


def _raise(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (InputError("data/x.jsonl:3: broken; fix it"), 1, "error: data/x.jsonl:3: broken; fix it\n"),
        (OSError(errno.ENOSPC, "No space left on device", "data/x"), 1, "error: data/x: no space left on device; free"),
        (PermissionError(errno.EACCES, "denied", "data/x"), 1, "error: data/x: permission denied; check"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_one_line(capsys: pytest.CaptureFixture[str], error: BaseException, status: int, words: str) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.run(lambda: _raise(error))
    assert caught.value.code == status
    shown = capsys.readouterr().err
    assert shown.startswith(words)
    assert shown.count("\n") == 1


def test_inside_dvc_it_says_where_earlier_results_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_STAGE", "format")
    with pytest.raises(SystemExit):
        cli.run(lambda: _raise(InputError("broken; fix it")))
    assert capsys.readouterr().err == (
        "error: broken; fix it (`dvc checkout` brings the stage's earlier outputs back)\n"
    )


def test_a_bug_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        cli.run(lambda: _raise(ZeroDivisionError()))


def test_success_returns() -> None:
    cli.run(lambda: None)
