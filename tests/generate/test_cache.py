"""distill.generate.cache: what is kept survives a kill, nothing else does, and nobody takes another run's values."""

from contextlib import suppress
from pathlib import Path

import pytest

from distill.common.errors import InputError
from distill.generate.cache import Store, make_key


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "repo/.dvc").mkdir(parents=True)
    (tmp_path / "repo/deep").mkdir()
    monkeypatch.chdir(tmp_path / "repo/deep")
    return tmp_path / "repo"


def interrupted(key: str, values: dict[str, dict[str, int]]) -> Path:
    store = Store(key)
    with suppress(KeyboardInterrupt), store:
        for name, value in values.items():
            store[name] = value
        raise KeyboardInterrupt
    return store.path


def test_what_was_kept_is_there_after_an_interruption_and_gone_after_success(repository: Path) -> None:
    path = interrupted("k", {"a": {"x": 1}, "b": {"x": 2}})
    assert path == repository / ".distill/generations/k.jsonl"
    with Store("k") as store:
        assert store == {"a": {"x": 1}, "b": {"x": 2}}
        assert "a" in store
        assert "c" not in store
        store["c"] = {"x": 3}
        # On disk at once, not only at the end: a kill asks for no permission.
        assert path.read_text().splitlines()[-1] == '["c", {"x": 3}]'
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("torn", ['["b", {"x"', '["b", {"x": 2}]', '["b", 2]\n', "\n", '{"b": 2}\n', "\x00\x00\n"])
def test_a_line_that_was_cut_off_or_damaged_is_dropped(torn: str) -> None:
    path = interrupted("k", {"a": {"x": 1}})
    path.write_text(path.read_text() + torn)
    interrupted("k", {"c": {"x": 3}})
    assert path.read_text() == '["a", {"x": 1}]\n["c", {"x": 3}]\n'


def test_a_value_is_kept_once() -> None:
    path = interrupted("k", {"a": {"x": 1}})
    interrupted("k", {"a": {"x": 1}})
    assert path.read_text() == '["a", {"x": 1}]\n'


def test_runs_with_other_keys_do_not_meet() -> None:
    interrupted("k", {"a": {"x": 1}})
    with Store("other") as store:
        assert store == {}
    assert Store("k").path.exists()


def test_the_same_run_twice_at_a_time_is_refused() -> None:
    with Store("k"), pytest.raises(InputError, match="the same run is at work already"), Store("k"):
        pass
    with Store("k"):
        pass


def test_a_run_takes_over_what_its_processes_have_and_they_see_what_it_has() -> None:
    interrupted("k", {"a": {"x": 1}})
    for share, name in (("1-of-2", "b"), ("2-of-2", "c")):
        with Store("k", share) as mine:
            assert mine == {"a": {"x": 1}}
            mine[name] = {"x": 2}
        assert mine.path.read_text() == f'["{name}", {{"x": 2}}]\n'
    with Store("k") as store:
        assert store == {"a": {"x": 1}, "b": {"x": 2}, "c": {"x": 2}}
        assert store.shares() == []
        assert len(store.path.read_text().splitlines()) == 3
        with Store("k", "1-of-1") as mine:
            mine["d"] = {"x": 3}
        store.take_over()
        assert store["d"] == {"x": 3}
    assert list(store.path.parent.iterdir()) == []


def test_the_key_depends_on_facts_and_on_the_content_of_files(tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_text("1")
    keys = {make_key({"a": 1, "b": 2}, [file]), make_key({"a": 1, "b": 3}, [file]), make_key({"a": 1, "b": 2}, [])}
    assert make_key({"b": 2, "a": 1}, [file]) in keys
    file.write_text("2")
    keys.add(make_key({"a": 1, "b": 2}, [file]))
    assert len(keys) == 4
