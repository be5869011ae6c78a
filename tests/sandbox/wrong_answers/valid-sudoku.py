def is_valid_sudoku(board):
    """Check rows and columns, but number the boxes wrongly."""
    if len(board) != 9 or any(len(line) != 9 for line in board):
        raise ValueError("wrong shape")
    if any(char not in "123456789." for line in board for char in line):
        raise ValueError("wrong character")
    seen = set()
    for r in range(9):
        for c in range(9):
            digit = board[r][c]
            if digit == ".":
                continue
            for key in (("r", r, digit), ("c", c, digit), ("b", r // 3 + c // 3, digit)):
                if key in seen:
                    return False
                seen.add(key)
    return True
