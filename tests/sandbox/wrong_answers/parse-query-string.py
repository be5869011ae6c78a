def parse_query_string(query):
    """Decode each escape as a code point instead of as a UTF-8 byte."""
    result = {}
    for pair in query.removeprefix("?").split("&"):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        result.setdefault(_decode(name), []).append(_decode(value))
    return result


def _decode(text):
    first, *rest = text.replace("+", " ").split("%")
    out = first
    for chunk in rest:
        if len(chunk) < 2:
            raise ValueError("short escape")
        out += chr(int(chunk[:2], 16)) + chunk[2:]
    return out
