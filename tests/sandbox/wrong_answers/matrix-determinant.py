def determinant(matrix):
    """Fraction-free elimination that forgets the sign of row swaps."""
    n = len(matrix)
    if any(len(row) != n for row in matrix):
        raise ValueError("not square")
    if n == 0:
        return 1
    m = [list(row) for row in matrix]
    last = 1
    for k in range(n - 1):
        if m[k][k] == 0:
            for i in range(k + 1, n):
                if m[i][k]:
                    m[k], m[i] = m[i], m[k]
                    break
            else:
                return 0
        for i in range(k + 1, n):
            for j in range(k + 1, n):
                m[i][j] = (m[i][j] * m[k][k] - m[i][k] * m[k][j]) // last
        last = m[k][k]
    return m[-1][-1]
