class Polynomial:
    """Differentiating a constant leaves an empty list."""

    def __init__(self, coefficients):
        if not coefficients:
            raise ValueError("no coefficients")
        self.coefficients = list(coefficients)
        while len(self.coefficients) > 1 and self.coefficients[-1] == 0:
            self.coefficients.pop()

    def degree(self):
        return len(self.coefficients) - 1

    def evaluate(self, x):
        return sum(c * x**i for i, c in enumerate(self.coefficients))

    def derivative(self):
        return [i * c for i, c in enumerate(self.coefficients)][1:]
