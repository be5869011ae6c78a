def is_anagram(first, second):
    return set(first.lower().replace(" ", "")) == set(second.lower().replace(" ", ""))
