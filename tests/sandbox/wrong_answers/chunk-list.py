def chunk_list(items, size):
    if size < 1:
        raise ValueError("size too small")
    return [items[i * size : (i + 1) * size] for i in range(len(items) // size)]
