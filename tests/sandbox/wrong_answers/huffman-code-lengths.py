import heapq


def huffman_code_lengths(frequencies):
    """Merge groups, but weigh a merged group by its heavier half."""
    if any(f <= 0 for f in frequencies.values()):
        raise ValueError("frequencies must be positive")
    if len(frequencies) == 1:
        return {symbol: 1 for symbol in frequencies}
    lengths = {symbol: 0 for symbol in frequencies}
    heap = [(f, i, [s]) for i, (s, f) in enumerate(frequencies.items())]
    heapq.heapify(heap)
    serial = len(heap)
    while len(heap) > 1:
        f1, _, g1 = heapq.heappop(heap)
        f2, _, g2 = heapq.heappop(heap)
        for symbol in g1 + g2:
            lengths[symbol] += 1
        heapq.heappush(heap, (max(f1, f2), serial, g1 + g2))
        serial += 1
    return lengths
