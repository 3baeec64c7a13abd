//! The functions of templates: those of Go, and those that images add.

mod collection;
mod compare;
mod escape;
mod text;
mod time;

use crate::budget::Budget;
use crate::error::Problem;
use crate::format;
use crate::value::{Text, Value};

/// A function of templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    And,
    Appendkv,
    Call,
    Eq,
    Ge,
    Getkv,
    Gt,
    Hasprefix,
    Hassuffix,
    Html,
    Index,
    Join,
    Js,
    Le,
    Len,
    Lt,
    Ne,
    Not,
    Or,
    Prependkv,
    Print,
    Printf,
    Println,
    Rfc3339,
    Slice,
    Split,
    Trimprefix,
    Trimsuffix,
    Urlquery,
}

/// What a function takes in some place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parameter {
    /// Any value; no value is `null` here.
    Any,
    /// Any value, or none.
    Inspected,
    Text,
}

use Parameter::{Any, Inspected};

/// Name, parameters, and what further arguments are.
type Signature = (
    Function,
    &'static str,
    &'static [Parameter],
    Option<Parameter>,
);

const KEY_VALUES: &[Parameter] = &[Any, Parameter::Text, Parameter::Text];
const TWO: &[Parameter] = &[Inspected, Inspected];
const TWO_TEXTS: &[Parameter] = &[Parameter::Text, Parameter::Text];

const FUNCTIONS: [Signature; 29] = [
    (Function::And, "and", &[Inspected], Some(Inspected)),
    (Function::Appendkv, "appendkv", KEY_VALUES, None),
    (Function::Call, "call", &[Inspected], Some(Inspected)),
    (Function::Eq, "eq", &[Inspected], Some(Inspected)),
    (Function::Ge, "ge", TWO, None),
    (Function::Getkv, "getkv", &[Any, Parameter::Text], None),
    (Function::Gt, "gt", TWO, None),
    (Function::Hasprefix, "hasprefix", TWO_TEXTS, None),
    (Function::Hassuffix, "hassuffix", TWO_TEXTS, None),
    (Function::Html, "html", &[], Some(Any)),
    (Function::Index, "index", &[Inspected], Some(Inspected)),
    (Function::Join, "join", &[Any, Parameter::Text], None),
    (Function::Js, "js", &[], Some(Any)),
    (Function::Le, "le", TWO, None),
    (Function::Len, "len", &[Inspected], None),
    (Function::Lt, "lt", TWO, None),
    (Function::Ne, "ne", TWO, None),
    (Function::Not, "not", &[Inspected], None),
    (Function::Or, "or", &[Inspected], Some(Inspected)),
    (Function::Prependkv, "prependkv", KEY_VALUES, None),
    (Function::Print, "print", &[], Some(Any)),
    (Function::Printf, "printf", &[Parameter::Text], Some(Any)),
    (Function::Println, "println", &[], Some(Any)),
    (Function::Rfc3339, "rfc3339", &[Any], None),
    (Function::Slice, "slice", &[Inspected], Some(Inspected)),
    (Function::Split, "split", TWO_TEXTS, None),
    (Function::Trimprefix, "trimprefix", TWO_TEXTS, None),
    (Function::Trimsuffix, "trimsuffix", TWO_TEXTS, None),
    (Function::Urlquery, "urlquery", &[], Some(Any)),
];

impl Function {
    /// Returns the function of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let found = FUNCTIONS.iter().find(|(_, known, ..)| *known == name);
        found.map(|(function, ..)| *function)
    }

    /// Returns the names of all functions.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        FUNCTIONS.iter().map(|(_, name, ..)| *name)
    }

    pub(crate) fn name(self) -> &'static str {
        self.signature().1
    }

    fn signature(self) -> &'static Signature {
        // The table is in the order of the enum, which a test holds.
        &FUNCTIONS[self as usize]
    }

    /// Returns what the function takes in the place, counted from 0.
    pub(crate) fn parameter(self, place: usize) -> Parameter {
        let (_, _, fixed, further) = self.signature();
        fixed.get(place).copied().or(*further).unwrap_or(Any)
    }

    /// Tells whether the arguments are asked for no more than whether they are there.
    pub(crate) fn tests_presence(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Not)
    }

    /// Checks the number of arguments.
    pub(crate) fn check_count(self, found: usize) -> Result<(), Problem> {
        let (_, function, fixed, further) = self.signature();
        let count = fixed.len();
        if found == count || (found > count && further.is_some()) {
            return Ok(());
        }
        let at_least = if further.is_some() { "at least " } else { "" };
        let plural = if count == 1 { "" } else { "s" };
        Err(Problem::ArgumentCount {
            function,
            expected: format!("{at_least}{count} argument{plural}"),
            found,
        })
    }

    /// Calls the function with as many arguments of such kinds as it takes. `and` and `or` have none of
    /// their own: they do not evaluate all of them.
    pub(crate) fn call(self, arguments: &[Value], budget: &mut Budget) -> Result<Value, Problem> {
        let value = match self {
            Self::Not => Value::Bool(!arguments[0].is_true()),
            Self::Eq => Value::Bool(compare::equal_to_any(&arguments[0], &arguments[1..])?),
            Self::Ne | Self::Lt | Self::Le | Self::Gt | Self::Ge => {
                Value::Bool(compare::compare(self, &arguments[0], &arguments[1])?)
            }
            Self::Index => collection::index(&arguments[0], &arguments[1..])?,
            Self::Slice => collection::slice(&arguments[0], &arguments[1..], budget)?,
            Self::Len => collection::len(&arguments[0])?,
            Self::Print => text_value(format::print(arguments)?),
            Self::Println => text_value(format::println(arguments)?),
            Self::Printf => text_value(format::printf(text_of(&arguments[0]), &arguments[1..])?),
            Self::Html => text_value(escape::html(&format::printable(arguments)?)),
            Self::Js => text_value(escape::js(&format::printable(arguments)?)),
            Self::Urlquery => text_value(escape::url_query(&format::printable(arguments)?)),
            Self::And | Self::Or | Self::Call => {
                return Err(Problem::call(self.name(), "its argument is no function"));
            }
            _ => text::call(self, arguments, budget)?,
        };
        Ok(value)
    }
}

fn text_value(bytes: Vec<u8>) -> Value {
    Value::Text(bytes.into())
}

/// Returns the bytes of an argument that was checked to be a text.
fn text_of(value: &Value) -> &[u8] {
    match value {
        Value::Text(text) => text,
        _ => &[],
    }
}

/// Returns the texts of a list; there are none in what is not there.
fn texts_of(function: Function, value: &Value) -> Result<Vec<Text>, Problem> {
    let wrong = |found: String| {
        let reason = format!("expected a list of texts, found {found}");
        Problem::call(function.name(), reason)
    };
    match value {
        Value::NoValue | Value::Null => Ok(Vec::new()),
        Value::Texts(texts) => Ok(texts.to_vec()),
        Value::List(values) => values
            .iter()
            .map(|value| match value {
                Value::Text(text) => Ok(text.clone()),
                other => Err(wrong(format!("{} in it", other.description()))),
            })
            .collect(),
        other => Err(wrong(other.description().to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_names_and_functions() {
        for (index, (function, name, ..)) in FUNCTIONS.iter().enumerate() {
            assert_eq!(*function as usize, index, "{name}");
        }
        assert!(Function::names().is_sorted());
    }
}
