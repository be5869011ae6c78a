def count_n_queens(n):
    """Count placements, but watch only one diagonal direction."""
    if n < 0:
        raise ValueError("negative board")

    def place(row, columns, diagonals):
        if row == n:
            return 1
        total = 0
        for column in range(n):
            if column not in columns and row - column not in diagonals:
                total += place(row + 1, columns | {column}, diagonals | {row - column})
        return total

    return place(0, frozenset(), frozenset())
