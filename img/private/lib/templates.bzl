"""Recognizes templates."""

_OPENING = "{{"

def has_template(text):
    """Tells whether text holds the start of a template.

    Args:
        text: str.

    Returns:
        bool.
    """
    return _OPENING in text
