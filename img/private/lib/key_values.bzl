"""Keys and values as the command line takes them."""

def key_values(values):
    """Returns `key=value` for each entry of a dict.

    Args:
        values: dict from str to str.

    Returns:
        list of str, in the order of the dict.
    """
    return ["{}={}".format(key, value) for key, value in values.items()]

def keys_with_equals_sign(values):
    """Returns the keys that `key_values` would make unreadable.

    Args:
        values: dict from str to str.

    Returns:
        list of str.
    """
    return [key for key in values if not key or "=" in key]
