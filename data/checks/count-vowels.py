from solution import count_vowels


def test_lower_case():
    assert count_vowels("banana") == 3
    assert count_vowels("queue") == 4


def test_upper_and_mixed_case():
    assert count_vowels("EUROPE") == 4
    assert count_vowels("Open Access") == 4


def test_every_vowel_counts():
    assert count_vowels("a-e-i-o-u") == 5


def test_without_vowels():
    assert count_vowels("") == 0
    assert count_vowels("my gypsy Xyz 123!") == 0
