def knapsack(items, capacity):
    """Greedy by value per weight, which is only right for fractions."""
    if capacity < 0 or any(w < 0 or v < 0 for w, v in items):
        raise ValueError("negative input")
    order = sorted(
        range(len(items)),
        key=lambda i: items[i][1] / items[i][0] if items[i][0] else float("inf"),
        reverse=True,
    )
    best, chosen = 0, []
    for i in order:
        if items[i][0] <= capacity:
            capacity -= items[i][0]
            best += items[i][1]
            chosen.append(i)
    return best, sorted(chosen)
