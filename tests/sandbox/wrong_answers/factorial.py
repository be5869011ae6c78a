def factorial(n):
    if n < 0:
        raise ValueError("negative")
    product = 1
    for factor in range(1, n):
        product *= factor
    return product
