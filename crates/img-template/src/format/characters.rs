//! Characters of texts that may not be UTF-8 throughout.

/// Returns the first character and its length; none and 1 if it is not UTF-8.
pub(crate) fn decode(bytes: &[u8]) -> (Option<char>, usize) {
    let length = match bytes.first() {
        Some(0xc2..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf4) => 4,
        Some(_) => 1,
        None => return (None, 0),
    };
    let character = bytes
        .get(..length)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .and_then(|text| text.chars().next());
    (character, character.map_or(1, char::len_utf8))
}

/// Returns the characters, and the bytes that are none.
pub(super) fn characters(bytes: &[u8]) -> impl Iterator<Item = (Option<char>, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (character, length) = decode(rest);
        let (taken, after) = rest.split_at(length);
        rest = after;
        (length > 0).then_some((character, taken))
    })
}

/// Returns the number of characters.
pub(super) fn count(bytes: &[u8]) -> usize {
    characters(bytes).count()
}

/// Tells whether a character can be seen, as Go has it.
pub(crate) fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_graphic() || c == ' ';
    }
    // After another character, combining ones are not escaped.
    let text: String = ['a', c].iter().collect();
    text.escape_debug().nth(1) == Some(c)
}
