"""What every stage uses: the command line, params.yaml, errors, and files."""
