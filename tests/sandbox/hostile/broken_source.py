"""Nests brackets more deeply than a parser can follow."""
# expected: syntax|exception
answer = "@DEEP@"
