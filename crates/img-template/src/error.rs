//! Why a template is wrong, and where.

use std::fmt;

use thiserror::Error;

use crate::budget::{DEEPEST_CALL, DEEPEST_SOURCE, LONGEST_TEXT};
use crate::similar;

/// Why a template could not be parsed or rendered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct TemplateError {
    /// Line of the template, from 1.
    pub line: usize,
    /// Character of the line, from 1.
    pub column: usize,
    /// What is wrong there.
    #[source]
    pub problem: Problem,
}

/// What is wrong at some place of a template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Problem {
    /// It is not written as templates are.
    #[error("found {found}, expected {expected}")]
    Syntax {
        /// What stands there.
        found: String,
        /// What may stand there.
        expected: String,
    },
    /// A text or a comment does not end, or another character cannot be where it is.
    #[error("{0}")]
    Token(TokenProblem),
    /// A number that is none, or too large.
    #[error("`{text}` is no number that templates know: {reason}")]
    Number {
        /// What was found.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Neither the data nor the template has this variable.
    #[error("unknown variable `{name}`{known}")]
    UnknownVariable {
        /// As it stands in the template, up to what is missing.
        name: String,
        /// Those that are known in its place.
        known: Known,
    },
    /// There is no such function.
    #[error("unknown function `{name}`{known}")]
    UnknownFunction {
        /// As it stands in the template.
        name: String,
        /// Those that there are.
        known: Known,
    },
    /// Nothing is defined under this name.
    #[error("no template `{name}` is defined{known}")]
    UnknownTemplate {
        /// As it stands in the template.
        name: String,
        /// Those that are defined.
        known: Known,
    },
    /// Two definitions have one name.
    #[error("template `{name}` is defined twice")]
    DefinedTwice {
        /// The name.
        name: String,
    },
    /// Something without a value would be printed.
    #[error("`{expression}` has no value to print")]
    NothingToPrint {
        /// What would be printed.
        expression: String,
    },
    /// Something that has no fields is asked for one.
    #[error("cannot take `.{field}` of {found}, expected a map")]
    NoFields {
        /// The field.
        field: String,
        /// What should have it.
        found: &'static str,
    },
    /// What is no function is given arguments.
    #[error("`{expression}` is no function and takes no arguments")]
    NotAFunction {
        /// What is given arguments.
        expression: String,
    },
    /// A function is called with too few or too many arguments.
    #[error("`{function}` takes {expected}, found {found}")]
    ArgumentCount {
        /// The function.
        function: &'static str,
        /// How many it takes.
        expected: String,
        /// How many it was given.
        found: usize,
    },
    /// A function cannot do with its arguments what it is there for.
    #[error("`{function}`: {reason}")]
    Call {
        /// The function.
        function: &'static str,
        /// Why it cannot.
        reason: String,
    },
    /// `range` over what has no elements.
    #[error("cannot range over {found}, expected a list, a map or an integer{hint}")]
    Range {
        /// What it is.
        found: &'static str,
        /// Why this may be so.
        hint: &'static str,
    },
    /// `nil` where a value has to be.
    #[error("`nil` is no value here")]
    Nil,
    /// Templates nest too deep, or call themselves for ever.
    #[error("nested deeper than {}", if *.calls { DEEPEST_CALL } else { DEEPEST_SOURCE })]
    TooDeep {
        /// Whether while it was rendered.
        calls: bool,
    },
    /// A text is too long.
    #[error("a text of more than {LONGEST_TEXT} bytes")]
    TooLong,
    /// Rendering takes too long.
    #[error("rendering takes more work than a template may")]
    TooMuchWork,
    /// The output is no text.
    #[error("the output is not UTF-8")]
    NotUtf8,
}

/// What is wrong with a word of a template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TokenProblem {
    /// An action or something in it does not end.
    #[error("{what} does not end")]
    Unclosed {
        /// What it is.
        what: &'static str,
    },
    /// A comment shares its action with something.
    #[error("a comment has to fill its action: `{{{{/* … */}}}}`")]
    CommentInAction,
    /// A character that cannot be here.
    #[error("unexpected {0:?}")]
    Character(char),
    /// The end, where a character has to be.
    #[error("unexpected end of the template")]
    End,
    /// An escape that Go does not know.
    #[error("{text} is no text or character that Go knows")]
    Literal {
        /// The literal.
        text: String,
    },
}

/// Names that are known where one was not found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Those that look like it, the closest first.
    pub similar: Vec<String>,
    /// The others, in their order.
    pub others: Vec<String>,
}

/// How many names a message lists.
const LISTED: usize = 30;

impl Known {
    /// Sorts what is known by whether it looks like `name`; `start` stands before all of it.
    pub(crate) fn new<'n>(
        start: &str,
        name: &str,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Self {
        let (similar, others) = similar::partition(name, names);
        let whole = |name: &str| format!("{start}{name}");
        Self {
            similar: similar.into_iter().map(whole).collect(),
            others: others.into_iter().map(whole).collect(),
        }
    }
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.similar.iter().chain(&self.others).cloned().collect();
        if names.is_empty() {
            return f.write_str(", none is known");
        }
        if let Some(closest) = self.similar.first() {
            write!(f, ", did you mean `{closest}`?")?;
        }
        let rest = match names.len().saturating_sub(LISTED) {
            0 => String::new(),
            rest => format!(" and {rest} more"),
        };
        let listed = names[..names.len().min(LISTED)].join(", ");
        let separator = if self.similar.is_empty() { "," } else { "" };
        write!(f, "{separator} known: {listed}{rest}")
    }
}

/// A problem and the byte of the template where it is.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) problem: Problem,
}

impl Fault {
    pub(crate) fn new(at: usize, problem: Problem) -> Self {
        Self { at, problem }
    }

    /// Returns the error with line and column.
    pub(crate) fn locate(self, text: &str) -> TemplateError {
        let before = text.get(..self.at).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let column = before[start..].chars().count() + 1;
        TemplateError {
            line,
            column,
            problem: self.problem,
        }
    }
}

impl Problem {
    /// Returns the problem at a byte of the template.
    pub(crate) fn at(self, at: usize) -> Fault {
        Fault::new(at, self)
    }

    pub(crate) fn call(function: &'static str, reason: impl Into<String>) -> Self {
        Self::Call {
            function,
            reason: reason.into(),
        }
    }
}
