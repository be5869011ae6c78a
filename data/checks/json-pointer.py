import pytest

from solution import resolve_pointer

DOC = {
    "foo": ["bar", "baz", {"deep": [10, [20, 30]]}],
    "": 0,
    "a/b": 1,
    "m~n": 8,
    "~1": "tilde one",
    "x": {"": {"y": None}, "0": "text key"},
    " ": 7,
}


def test_walks_dicts_and_lists():
    assert resolve_pointer(DOC, "") == DOC
    assert resolve_pointer(DOC, "/foo") == DOC["foo"]
    assert resolve_pointer(DOC, "/foo/0") == "bar"
    assert resolve_pointer(DOC, "/foo/2/deep/1/0") == 20
    assert resolve_pointer([[1, 2], [3]], "/1/0") == 3


def test_empty_and_numeric_keys():
    assert resolve_pointer(DOC, "/") == 0
    assert resolve_pointer(DOC, "/x//y") is None
    assert resolve_pointer(DOC, "/x/0") == "text key"
    assert resolve_pointer(DOC, "/ ") == 7


def test_escapes():
    assert resolve_pointer(DOC, "/a~1b") == 1
    assert resolve_pointer(DOC, "/m~0n") == 8
    assert resolve_pointer(DOC, "/~01") == "tilde one"


def test_malformed():
    for pointer in ("foo", "foo/0", "/foo/01", "/foo/bar", "/foo/+1", "/foo/-1", "/foo/1.0"):
        with pytest.raises(ValueError):
            resolve_pointer(DOC, pointer)


def test_missing():
    with pytest.raises(IndexError):
        resolve_pointer(DOC, "/foo/3")
    for pointer in ("/nothing", "/x/nothing", "/foo/0/0", "/a~1b/c"):
        with pytest.raises(KeyError):
            resolve_pointer(DOC, pointer)
