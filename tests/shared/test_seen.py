"""distill.shared.seen: a set of texts, by hashes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from distill.shared.seen import Seen


@given(st.lists(st.sampled_from(["", "a", "b", "ü", "\ud800", "a" * 100])))
@settings(max_examples=50, deadline=None)
def test_as_pythons_own_set(texts: list[str]) -> None:
    seen, known = Seen(), set()
    for text in texts:
        assert (text in seen) == (text in known)
        assert seen.add(text) == (text not in known)
        known.add(text)


def test_many() -> None:
    seen = Seen()
    assert all(seen.add(str(number)) for number in range(20_000))
    assert not any(seen.add(str(number)) for number in range(20_000))
    assert "20000" not in seen
