from solution import fizzbuzz


def test_first_fifteen():
    assert fizzbuzz(15) == [
        "1", "2", "Fizz", "4", "Buzz", "Fizz", "7", "8",
        "Fizz", "Buzz", "11", "Fizz", "13", "14", "FizzBuzz",
    ]


def test_length_and_end():
    result = fizzbuzz(101)
    assert len(result) == 101
    assert result[-1] == "101"
    assert result[99] == "Buzz"
    assert result[89] == "FizzBuzz"


def test_small_limits():
    assert fizzbuzz(0) == []
    assert fizzbuzz(1) == ["1"]
