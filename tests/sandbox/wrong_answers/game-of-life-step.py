def game_of_life_step(grid):
    """Compute the step on a torus, because indexes wrap around."""
    if any(len(row) != len(grid[0]) for row in grid):
        raise ValueError("ragged grid")
    if not grid:
        return []
    height, width = len(grid), len(grid[0])
    result = []
    for r in range(height):
        line = []
        for c in range(width):
            live = sum(
                grid[(r + dr) % height][(c + dc) % width]
                for dr in (-1, 0, 1)
                for dc in (-1, 0, 1)
                if dr or dc
            )
            line.append(1 if live == 3 or (live == 2 and grid[r][c]) else 0)
        result.append(line)
    return result
