"""Comparing two runs: their answers, the differences between them, and the page that shows both."""
