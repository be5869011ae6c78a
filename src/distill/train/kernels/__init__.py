"""What makes training fast on a CPU, each with the same results as the stock code within rounding."""
