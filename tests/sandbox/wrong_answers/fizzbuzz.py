def fizzbuzz(limit):
    words = []
    for number in range(1, limit + 1):
        if number % 3 == 0:
            words.append("Fizz")
        elif number % 5 == 0:
            words.append("Buzz")
        elif number % 15 == 0:
            words.append("FizzBuzz")
        else:
            words.append(str(number))
    return words
