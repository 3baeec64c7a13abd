//! A failed command: the chain of causes and what the user can do, as one line.

use std::error::Error;
use std::fmt;
use std::io::Write as _;
use std::process::ExitCode;

use crate::printable::printable;

/// An error and its remedies, on the way to stderr.
#[derive(Debug)]
pub(crate) struct Failure {
    error: Box<dyn Error + Send + Sync>,
    hint: Option<String>,
}

/// What commands return.
pub(crate) type Outcome = Result<(), Failure>;

impl Failure {
    /// Returns the failure with what the user can do, where the library knows.
    pub(crate) fn with_hint(
        hint: Option<impl Into<String>>,
        error: impl Error + Send + Sync + 'static,
    ) -> Self {
        Self {
            error: Box::new(error),
            hint: hint.map(Into::into),
        }
    }

    /// Adds what the user can do, unless something was said before.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// Prints `<command>: <error>: <cause>…; <hint>` and returns the exit code 1.
    pub(crate) fn report(&self, command: &str) -> ExitCode {
        // Nothing is left to do where stderr is closed.
        let _ = writeln!(std::io::stderr().lock(), "{command}: {self}");
        ExitCode::FAILURE
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.error.to_string();
        let mut source = self.error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            // A transparent error repeats its cause's text: say it once.
            if !text.ends_with(&cause_text) {
                text.push_str(": ");
                text.push_str(&cause_text);
            }
            source = cause.source();
        }
        if let Some(hint) = &self.hint {
            text.push_str("; ");
            text.push_str(hint);
        }
        // One line, whatever file names and servers say.
        f.write_str(&printable(&text))
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            error: Box::new(error),
            hint: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read a\nb")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn a_failure_is_one_line_with_causes_and_hint() {
        let failure = Failure::from(Outer(std::io::Error::other("disk is \x1b[31mred")));
        assert_eq!(
            failure.hint("paint it").hint("ignored").to_string(),
            "cannot read a\\nb: disk is \\u{1b}[31mred; paint it"
        );
    }
}
