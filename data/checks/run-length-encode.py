import pytest
from solution import run_length_decode, run_length_encode


def test_encode():
    assert [tuple(p) for p in run_length_encode("aaabccd")] == [
        ("a", 3), ("b", 1), ("c", 2), ("d", 1),
    ]
    assert [tuple(p) for p in run_length_encode("Xx  ")] == [("X", 1), ("x", 1), (" ", 2)]


def test_separate_runs_stay_separate():
    assert [tuple(p) for p in run_length_encode("aba")] == [("a", 1), ("b", 1), ("a", 1)]


def test_decode():
    assert run_length_decode([("w", 2), ("1", 12)]) == "ww" + "1" * 12


def test_empty():
    assert list(run_length_encode("")) == []
    assert run_length_decode([]) == ""


def test_round_trip():
    for text in ("mississippi", "1122233", "q", "nnnnnnnnnnn"):
        assert run_length_decode(run_length_encode(text)) == text


def test_invalid_count():
    for pairs in ([("a", 0)], [("a", 2), ("b", -1)]):
        with pytest.raises(ValueError):
            run_length_decode(pairs)
