import pytest

from solution import huffman_code_lengths


def verify(frequencies, cost):
    lengths = huffman_code_lengths(dict(frequencies))
    assert set(lengths) == set(frequencies)
    assert sum(2 ** (40 - bits) for bits in lengths.values()) == 2**40
    assert sum(frequencies[s] * lengths[s] for s in frequencies) == cost


def test_textbook_example():
    lengths = huffman_code_lengths({"a": 45, "b": 13, "c": 12, "d": 16, "e": 9, "f": 5})
    assert lengths == {"a": 1, "b": 3, "c": 3, "d": 3, "e": 4, "f": 4}


def test_skewed_frequencies():
    lengths = huffman_code_lengths({"v": 1, "w": 2, "x": 4, "y": 8, "z": 16})
    assert lengths == {"v": 4, "w": 4, "x": 3, "y": 2, "z": 1}


def test_optimal_cost_with_ties():
    verify({"a": 1, "b": 1, "c": 1, "d": 1}, 8)
    verify({"a": 1, "b": 1, "c": 2, "d": 3, "e": 5, "f": 8}, 45)
    verify({i: 3 for i in range(6)}, 48)
    verify({"p": 1, "q": 1, "r": 2, "s": 2}, 12)


def test_one_and_two_symbols():
    assert huffman_code_lengths({"x": 9}) == {"x": 1}
    assert huffman_code_lengths({1: 1000, 2: 1}) == {1: 1, 2: 1}


def test_empty_and_bad_frequencies():
    assert huffman_code_lengths({}) == {}
    for bad in ({"a": 0, "b": 2}, {"a": -1, "b": 3}):
        with pytest.raises(ValueError):
            huffman_code_lengths(bad)
