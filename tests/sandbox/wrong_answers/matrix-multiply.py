def matrix_multiply(a, b):
    """Multiply, but assume that the product is as wide as it is high."""
    if not a or not b:
        raise ValueError("empty matrix")
    for matrix in (a, b):
        if any(len(row) != len(matrix[0]) for row in matrix):
            raise ValueError("ragged matrix")
    if len(a[0]) != len(b):
        raise ValueError("shapes do not fit")
    size = min(len(a), len(b[0]))
    return [
        [sum(a[i][k] * b[k][j] for k in range(len(b))) for j in range(size)]
        for i in range(size)
    ]
