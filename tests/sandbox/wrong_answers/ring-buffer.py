class RingBuffer:
    """Iterates in slot order instead of age order."""

    def __init__(self, capacity):
        if capacity < 1:
            raise ValueError("capacity must be at least 1")
        self.capacity = capacity
        self.slots = [None] * capacity
        self.start = 0
        self.count = 0

    def append(self, item):
        self.slots[(self.start + self.count) % self.capacity] = item
        if self.count == self.capacity:
            self.start = (self.start + 1) % self.capacity
        else:
            self.count += 1

    def pop(self):
        if self.count == 0:
            raise IndexError("empty")
        item = self.slots[self.start]
        self.start = (self.start + 1) % self.capacity
        self.count -= 1
        return item

    def __len__(self):
        return self.count

    def __iter__(self):
        return iter(self.slots[: self.count])
