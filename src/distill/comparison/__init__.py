"""Comparing two runs: `runs` reads them, `pairs` makes one evaluation of both, and `page` shows it."""
