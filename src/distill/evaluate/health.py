"""Signs of an unhealthy answer: it goes round in circles, or recites its training data.

Both are counted in words as `overlap` defines them. Code repeats itself by nature and shares idioms, so the
teacher's own values are what a student's are to be held against.
"""

from distill.evaluate.overlap import RunIndex, words

GRAM = 4


def repetition(text: str) -> float:
    """Return the share of the text's 4-grams of words that occurred in it before; 0 if it has fewer than 4 words.

    One minus distinct over all 4-grams: seq-rep-4 of Welleck et al. 2020, Neural Text Generation with Unlikelihood
    Training.
    """
    split = words(text)
    grams = list(zip(*(split[start:] for start in range(GRAM)), strict=False))
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def longest_copied_run(text: str, corpus_index: RunIndex) -> int:
    """Return how many words the longest run has that the text shares with a training text.

    Args:
        text: A model's answer.
        corpus_index: `RunIndex(training answers by id)`, built once for all answers.
    """
    run = corpus_index.longest(text)
    return run.words if run else 0
