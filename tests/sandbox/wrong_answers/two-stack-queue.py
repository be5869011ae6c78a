class TwoStackQueue:
    """Moves the inbox over on every access, even onto older items."""

    def __init__(self):
        self.inbox = []
        self.outbox = []

    def enqueue(self, item):
        self.inbox.append(item)

    def _move(self):
        while self.inbox:
            self.outbox.append(self.inbox.pop())
        if not self.outbox:
            raise IndexError("queue is empty")

    def dequeue(self):
        self._move()
        return self.outbox.pop()

    def peek(self):
        self._move()
        return self.outbox[-1]

    def __len__(self):
        return len(self.inbox) + len(self.outbox)
