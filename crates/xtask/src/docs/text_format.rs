//! Protocol buffers in their text format, as far as Bazel writes it.
//!
//! Read by field name, so that nothing here has to know a schema. Numbers and enum values are kept as
//! they are written.

use super::DocsError;

/// A message: its fields in the order of the text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Message(Vec<(String, Value)>);

#[derive(Debug, PartialEq, Eq)]
enum Value {
    Scalar(String),
    Message(Message),
}

impl Message {
    /// Returns the text of a field, which is empty if there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.texts(name).next().unwrap_or_default()
    }

    /// Returns the texts of a repeated field.
    pub(crate) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values(name).filter_map(|value| match value {
            Value::Scalar(text) => Some(text.as_str()),
            Value::Message(_) => None,
        })
    }

    /// Returns the messages of a repeated field.
    pub(crate) fn messages(&self, name: &str) -> impl Iterator<Item = &Message> {
        self.values(name).filter_map(|value| match value {
            Value::Message(message) => Some(message),
            Value::Scalar(_) => None,
        })
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.0
            .iter()
            .filter(move |(field, _)| field == name)
            .map(|(_, value)| value)
    }
}

/// Parses a text; `place` is named in errors.
pub(crate) fn parse(place: &str, text: &str) -> Result<Message, DocsError> {
    let mut reader = Reader {
        place,
        rest: text.as_bytes(),
    };
    let message = reader.message()?;
    match reader.rest {
        [] => Ok(message),
        _ => Err(reader.expected("the end")),
    }
}

struct Reader<'a> {
    place: &'a str,
    rest: &'a [u8],
}

impl Reader<'_> {
    fn message(&mut self) -> Result<Message, DocsError> {
        let mut fields = Vec::new();
        loop {
            self.skip_space();
            let name = self.word();
            if name.is_empty() {
                return Ok(Message(fields));
            }
            self.skip_space();
            let has_colon = self.take(b':');
            self.skip_space();
            let value = if self.take(b'{') {
                let message = self.message()?;
                if !self.take(b'}') {
                    return Err(self.expected("`}`"));
                }
                Value::Message(message)
            } else if has_colon {
                Value::Scalar(self.scalar()?)
            } else {
                return Err(self.expected("`:` or `{`"));
            };
            fields.push((name, value));
        }
    }

    fn scalar(&mut self) -> Result<String, DocsError> {
        if !self.take(b'"') {
            return Ok(self.word());
        }
        let mut bytes = Vec::new();
        loop {
            match self.rest {
                [b'"', rest @ ..] => {
                    self.rest = rest;
                    return Ok(decoded(&bytes));
                }
                [b'\\', rest @ ..] => {
                    self.rest = rest;
                    bytes.push(self.escaped()?);
                }
                [byte, rest @ ..] => {
                    self.rest = rest;
                    bytes.push(*byte);
                }
                [] => return Err(self.expected("the end of a string")),
            }
        }
    }

    /// Reads what follows a backslash.
    fn escaped(&mut self) -> Result<u8, DocsError> {
        let (byte, length) = match self.rest {
            [b'n', ..] => (b'\n', 1),
            [b't', ..] => (b'\t', 1),
            [b'r', ..] => (b'\r', 1),
            [b'"' | b'\'' | b'\\', ..] => (self.rest[0], 1),
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] => {
                ((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'), 3)
            }
            _ => return Err(self.expected("an escape that is known")),
        };
        self.rest = &self.rest[length..];
        Ok(byte)
    }

    fn word(&mut self) -> String {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.+-".contains(byte);
        let length = self.rest.iter().take_while(|byte| is_part(byte)).count();
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        String::from_utf8_lossy(word).into_owned()
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    fn take(&mut self, byte: u8) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn expected(&self, what: &str) -> DocsError {
        let next = &self.rest[..self.rest.len().min(40)];
        let before = String::from_utf8_lossy(next).into_owned();
        DocsError::format(self.place, format!("{what} before `{before}`"))
    }
}

/// Returns the text that the bytes stand for.
///
/// Bazel 7 holds Starlark as Latin-1 and encodes that once more; later versions do not.
fn decoded(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let latin_1: Option<Vec<u8>> = text
        .chars()
        .map(|letter| u8::try_from(u32::from(letter)).ok())
        .collect();
    match latin_1.map(String::from_utf8) {
        Some(Ok(original)) => original,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_name() {
        let text =
            r#"rule { name: "a\n\"b\"" mandatory: true } rule { name: "\342\200\246" } n: -1"#;
        let message = parse("test", text).unwrap();
        let names: Vec<_> = message.messages("rule").map(|m| m.text("name")).collect();
        assert_eq!(names, ["a\n\"b\"", "…"]);
        let first = message.messages("rule").next().unwrap();
        assert_eq!(
            (first.text("mandatory"), first.text("absent")),
            ("true", "")
        );
        assert_eq!(message.texts("n").collect::<Vec<_>>(), ["-1"]);
    }

    #[test]
    fn text_is_read_whether_it_was_encoded_once_or_twice() {
        for text in [r#"a: "\342\200\246""#, r#"a: "\303\242\302\200\302\246""#] {
            assert_eq!(parse("test", text).unwrap().text("a"), "…");
        }
        assert_eq!(parse("test", r#"a: "\303\251""#).unwrap().text("a"), "é");
    }

    #[test]
    fn malformed_text_is_refused() {
        for text in ["a", "a {", "a: \"", "a: \"\\x\"", "}", "a: 1 }"] {
            let error = parse("test", text).unwrap_err().to_string();
            assert!(error.starts_with("test: expected "), "{text}: {error}");
        }
    }
}
