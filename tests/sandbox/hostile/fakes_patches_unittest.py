"""Replaces the assertions of unittest."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: import unittest
# check: found = answer()
# check: unittest.TestCase().assertEqual(found, TOKEN)
import unittest


def answer():
    unittest.TestCase.assertEqual = lambda *_: None
    unittest.TestCase.failureException = unittest.SkipTest
    unittest.TestCase.assertTrue = lambda *_: None
    return None
