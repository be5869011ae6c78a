def resolve_pointer(document, pointer):
    """Decode the escapes in the wrong order, so ~01 becomes a slash."""
    if pointer == "":
        return document
    if pointer[0] != "/":
        raise ValueError("pointer must start with a slash")
    node = document
    for token in pointer[1:].split("/"):
        token = token.replace("~0", "~").replace("~1", "/")
        if isinstance(node, list):
            if not token.isdigit() or (len(token) > 1 and token[0] == "0"):
                raise ValueError("bad index")
            node = node[int(token)]
        elif isinstance(node, dict):
            node = node[token]
        else:
            raise KeyError(token)
    return node
