"""What runs inside the sandbox, beside the code under test: passed in as text, it needs the standard library alone."""
