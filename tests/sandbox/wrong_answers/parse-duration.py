import re

UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def parse_duration(text):
    parts = re.findall(r"(\d+)([dhms])", text)
    if not parts:
        raise ValueError("no duration found")
    return sum(int(amount) * UNITS[unit] for amount, unit in parts)
