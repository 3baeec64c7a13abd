//! Templates as Go's `text/template` has them, with the functions that templates of images may use.
//!
//! The language is that of Go 1.26, down to what `printf` makes of a wrong argument; it was recorded from
//! Go itself, in `testdata/templates`. In three things it is another:
//!
//! - a variable that is not there is an error, unless `<no value>` is asked for. Whether it is there can
//!   be asked all the same: by `if` and `with`, and as an argument of `and`, `or` and `not`;
//! - nesting, work and the length of texts are bounded, so that every template comes to an end;
//! - complex numbers, addresses (`%p`) and output that is not UTF-8 are errors, and a slice ends where
//!   its list does.
//!
//! Nothing here reads a file, a clock or the environment.

mod budget;
mod error;
mod evaluate;
mod execute;
mod format;
mod functions;
mod lex;
mod literal;
mod node;
mod parse;
mod similar;
mod value;

use std::collections::BTreeMap;

pub use error::{Problem, TemplateError};
pub use value::Value;

use node::Definitions;

/// A template that was understood.
#[derive(Debug)]
pub struct Template {
    text: String,
    definitions: Definitions,
}

/// What a template knows when it is rendered.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// What `.` and `$` are at the start.
    pub data: Value,
    /// Variables by their names without `$`. What no template can name has no effect.
    pub variables: BTreeMap<String, Value>,
}

impl From<Value> for Scope {
    fn from(data: Value) -> Self {
        let variables = BTreeMap::new();
        Self { data, variables }
    }
}

/// What becomes of a variable that is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingVariable {
    /// An error, which names it.
    #[default]
    Error,
    /// It has no value, and prints as `<no value>`: so does Go.
    NoValue,
}

impl Template {
    /// Parses a template, with all that it defines.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let definitions = parse::parse(text).map_err(|fault| fault.locate(text))?;
        Ok(Self {
            text: text.to_owned(),
            definitions,
        })
    }

    /// Returns what the template comes to.
    pub fn render(&self, scope: &Scope, missing: MissingVariable) -> Result<String, TemplateError> {
        let rendered = execute::render(&self.definitions, scope, missing);
        rendered.map_err(|fault| fault.locate(&self.text))
    }
}
