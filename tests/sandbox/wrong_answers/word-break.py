def word_break(text, dictionary):
    """Always take the longest word that fits, without second thoughts."""
    if "" in dictionary:
        raise ValueError("empty word")
    words = sorted(dictionary, key=len, reverse=True)
    result = []
    while text:
        for word in words:
            if text.startswith(word):
                result.append(word)
                text = text[len(word):]
                break
        else:
            return None
    return result
