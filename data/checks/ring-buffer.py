import pytest

from solution import RingBuffer


def test_fill_below_capacity():
    ring = RingBuffer(4)
    assert len(ring) == 0
    assert list(ring) == []
    ring.append("a")
    ring.append("b")
    assert len(ring) == 2
    assert list(ring) == ["a", "b"]


def test_overwrites_oldest():
    ring = RingBuffer(3)
    for item in range(1, 6):
        ring.append(item)
    assert len(ring) == 3
    assert list(ring) == [3, 4, 5]
    ring.append(6)
    assert list(ring) == [4, 5, 6]


def test_pop_is_oldest_first():
    ring = RingBuffer(3)
    for item in (10, 20, 30, 40):
        ring.append(item)
    assert ring.pop() == 20
    assert list(ring) == [30, 40]
    ring.append(50)
    ring.append(60)
    assert [ring.pop(), ring.pop(), ring.pop()] == [40, 50, 60]
    assert len(ring) == 0


def test_stores_none_and_single_slot():
    ring = RingBuffer(1)
    ring.append(None)
    assert len(ring) == 1
    assert list(ring) == [None]
    ring.append(7)
    assert list(ring) == [7]
    assert ring.pop() == 7


def test_errors():
    for capacity in (0, -3):
        with pytest.raises(ValueError):
            RingBuffer(capacity)
    ring = RingBuffer(2)
    with pytest.raises(IndexError):
        ring.pop()
    ring.append(1)
    ring.pop()
    with pytest.raises(IndexError):
        ring.pop()
