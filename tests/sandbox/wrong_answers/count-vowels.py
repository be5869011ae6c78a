def count_vowels(phrase):
    return sum(1 for letter in phrase if letter in "aeiou")
