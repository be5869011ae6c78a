import pytest

from solution import parse_query_string


def test_names_and_repeated_values():
    assert parse_query_string("a=1&b=2") == {"a": ["1"], "b": ["2"]}
    assert parse_query_string("x=1&y=9&x=2&x=1") == {"x": ["1", "2", "1"], "y": ["9"]}


def test_question_mark_and_empty_pairs():
    assert parse_query_string("?a=1") == {"a": ["1"]}
    assert parse_query_string("&&a=1&&b=2&") == {"a": ["1"], "b": ["2"]}
    assert parse_query_string("") == {}
    assert parse_query_string("?") == {}


def test_missing_and_extra_equals():
    assert parse_query_string("flag&empty=") == {"flag": [""], "empty": [""]}
    assert parse_query_string("eq=a=b=c") == {"eq": ["a=b=c"]}


def test_decoding():
    assert parse_query_string("q=hello+big%20world") == {"q": ["hello big world"]}
    assert parse_query_string("first+name=J%c3%bcrgen") == {"first name": ["Jürgen"]}
    assert parse_query_string("price=%E2%82%AC5") == {"price": ["€5"]}
    assert parse_query_string("sum=1%2B1") == {"sum": ["1+1"]}


def test_decoding_happens_after_splitting():
    assert parse_query_string("q=a%26b%3Dc") == {"q": ["a&b=c"]}
    assert parse_query_string("k%3D=v") == {"k=": ["v"]}
    assert parse_query_string("p=100%2525") == {"p": ["100%25"]}


def test_malformed_escapes():
    for query in ("a=%", "a=%4", "a=%zz", "%G1=x"):
        with pytest.raises(ValueError):
            parse_query_string(query)
