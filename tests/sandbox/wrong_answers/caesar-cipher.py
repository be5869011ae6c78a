def caesar_cipher(message, shift):
    if not isinstance(shift, int):
        raise TypeError("shift must be an integer")
    result = []
    for character in message:
        if character.isalpha():
            base = ord("A") if character.isupper() else ord("a")
            result.append(chr((ord(character) - base + shift) % 26 + base))
        else:
            result.append(character)
    return "".join(result)
