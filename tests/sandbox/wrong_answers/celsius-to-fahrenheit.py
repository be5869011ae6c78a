def celsius_to_fahrenheit(celsius):
    if celsius <= -273.15:
        raise ValueError("below absolute zero")
    return round(celsius * 9 / 5 + 32)
