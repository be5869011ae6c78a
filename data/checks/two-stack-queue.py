import pytest

from solution import TwoStackQueue


def test_first_in_first_out():
    queue = TwoStackQueue()
    for item in (1, 2, 3):
        queue.enqueue(item)
    assert [queue.dequeue() for _ in range(3)] == [1, 2, 3]
    assert len(queue) == 0


def test_interleaved_operations():
    queue = TwoStackQueue()
    queue.enqueue("a")
    queue.enqueue("b")
    queue.enqueue("c")
    assert queue.dequeue() == "a"
    queue.enqueue("d")
    queue.enqueue("e")
    assert queue.dequeue() == "b"
    assert queue.peek() == "c"
    queue.enqueue("f")
    assert [queue.dequeue() for _ in range(4)] == ["c", "d", "e", "f"]


def test_peek_does_not_remove():
    queue = TwoStackQueue()
    queue.enqueue(10)
    queue.enqueue(20)
    assert queue.peek() == 10
    assert queue.peek() == 10
    assert len(queue) == 2
    assert queue.dequeue() == 10
    assert queue.peek() == 20
    assert len(queue) == 1


def test_falsy_items():
    queue = TwoStackQueue()
    for item in (0, None, ""):
        queue.enqueue(item)
    assert len(queue) == 3
    assert [queue.dequeue() for _ in range(3)] == [0, None, ""]


def test_empty():
    queue = TwoStackQueue()
    assert len(queue) == 0
    with pytest.raises(IndexError):
        queue.dequeue()
    with pytest.raises(IndexError):
        queue.peek()
    queue.enqueue(1)
    queue.dequeue()
    with pytest.raises(IndexError):
        queue.dequeue()
