//! Text that others wrote, made safe to print: nothing in it reaches a terminal as a command.

/// Returns the text with all characters written as escapes that control something or cannot be
/// seen: a text could look like another one by those that change the direction of writing.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_invisible(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Tells whether a character is a control (Cc), of format (Cf), or a space that looks like another.
fn is_invisible(c: char) -> bool {
    // The standard library has the table, of all that `{:?}` escapes. Behind a letter, so that a
    // mark on it passes; ASCII apart, so that quotes and backslashes pass.
    c.is_control() || (!c.is_ascii() && format!("a{c}").escape_debug().count() > 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_escapes_are_shown_and_not_sent() {
        assert_eq!(printable("a\x1b[31mb\nä"), "a\\u{1b}[31mb\\nä");
    }

    #[test]
    fn what_turns_or_hides_text_is_shown() {
        for (c, shown) in [
            ('\u{202e}', "\\u{202e}"),
            ('\u{2066}', "\\u{2066}"),
            ('\u{200b}', "\\u{200b}"),
            ('\u{feff}', "\\u{feff}"),
            ('\u{ad}', "\\u{ad}"),
            ('\u{e0041}', "\\u{e0041}"),
            ('\u{2028}', "\\u{2028}"),
        ] {
            assert_eq!(printable(&format!("a{c}b")), format!("a{shown}b"));
        }
        let seen = "\"it's\" a\\b e\u{301} 漢字 µ …";
        assert_eq!(printable(seen), seen);
    }
}
