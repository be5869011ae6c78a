"""The ground floor, which every stage reads: command lines, params.yaml, errors, and files."""
