//! Text that others wrote, made safe to print: nothing in it reaches a terminal as a command.

/// Returns the text with control characters written as escapes.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_escapes_are_shown_and_not_sent() {
        assert_eq!(printable("a\x1b[31mb\nä"), "a\\u{1b}[31mb\\nä");
    }
}
