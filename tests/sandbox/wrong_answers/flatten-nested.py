def flatten_nested(items):
    """Flatten recursively, but drop falsy leaves along with empty lists."""
    if not isinstance(items, (list, tuple)):
        raise TypeError("expected a list or tuple")
    flat = []
    for item in items:
        if not item:
            continue
        if isinstance(item, (list, tuple)):
            flat.extend(flatten_nested(item))
        else:
            flat.append(item)
    return flat
