class SegmentTree:
    """Update adds the value instead of replacing the element."""

    def __init__(self, values):
        self.n = len(values)
        self.tree = [0] * self.n + list(values)
        for i in range(self.n - 1, 0, -1):
            self.tree[i] = self.tree[2 * i] + self.tree[2 * i + 1]

    def __len__(self):
        return self.n

    def update(self, index, value):
        if not 0 <= index < self.n:
            raise IndexError(index)
        i = index + self.n
        while i >= 1:
            self.tree[i] += value
            i //= 2

    def range_sum(self, left, right):
        if not 0 <= left <= right <= self.n:
            raise IndexError((left, right))
        total, lo, hi = 0, left + self.n, right + self.n
        while lo < hi:
            if lo & 1:
                total += self.tree[lo]
                lo += 1
            if hi & 1:
                hi -= 1
                total += self.tree[hi]
            lo >>= 1
            hi >>= 1
        return total
