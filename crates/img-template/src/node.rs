//! Templates as they are understood.

use std::collections::BTreeMap;

use crate::functions::Function;
use crate::value::Text;

/// What is defined: by `define` and `block`, and under the empty name the template itself.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    pub(crate) bodies: BTreeMap<String, Vec<Node>>,
    /// Variables that the template itself does not declare before it uses them, and where it does.
    pub(crate) free_variables: Vec<(String, usize)>,
}

/// A part of a template.
#[derive(Debug)]
pub(crate) enum Node {
    Text { at: usize, text: String },
    Action(Pipeline),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template(Call),
    Break,
    Continue,
}

/// An `if`, `with` or `range`.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) pipeline: Pipeline,
    pub(crate) body: Vec<Node>,
    /// What stands after `else`.
    pub(crate) otherwise: Vec<Node>,
}

/// Another template in its place.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) at: usize,
    pub(crate) name: String,
    /// What is `.` there.
    pub(crate) pipeline: Option<Pipeline>,
}

/// Commands, each of which takes what the one before it came to.
#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(crate) at: usize,
    /// Variables that take the value, by name without `$`.
    pub(crate) variables: Vec<String>,
    /// Whether the variables are there already.
    pub(crate) assigns: bool,
    pub(crate) commands: Vec<Command>,
    /// As it stands in the template, for messages.
    pub(crate) source: String,
}

/// A value, or a function with arguments.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) first: Operand,
    pub(crate) arguments: Vec<Operand>,
}

/// What stands for a value, and where it stands.
#[derive(Debug)]
pub(crate) struct Operand {
    pub(crate) at: usize,
    pub(crate) kind: OperandKind,
}

/// What stands for a value.
#[derive(Debug)]
pub(crate) enum OperandKind {
    Dot,
    Nil,
    Bool(bool),
    Number(Number),
    Text(Text),
    Function(Function),
    Parenthesized(Box<Pipeline>),
    /// `.a.b`
    Field(Vec<String>),
    /// `$a.b`
    Variable {
        name: String,
        fields: Vec<String>,
    },
    /// `(…).a.b`, and the same of a function
    Chain(Box<Operand>, Vec<String>),
}

/// The worth of a number, which the way it is written decides.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Number {
    Integer(i64),
    Float(f64),
    /// An integer for a machine with more bits; wrong only once it is used.
    TooLarge(String),
}

impl Operand {
    /// Returns the operand as it stands in a template, for messages.
    pub(crate) fn source(&self) -> String {
        match &self.kind {
            OperandKind::Dot => ".".to_owned(),
            OperandKind::Nil => "nil".to_owned(),
            OperandKind::Bool(value) => value.to_string(),
            OperandKind::Number(Number::Integer(value)) => value.to_string(),
            OperandKind::Number(Number::Float(value)) => value.to_string(),
            OperandKind::Number(Number::TooLarge(text)) => text.clone(),
            OperandKind::Text(text) => format!("{:?}", String::from_utf8_lossy(text)),
            OperandKind::Function(function) => function.name().to_owned(),
            OperandKind::Parenthesized(pipeline) => format!("({})", pipeline.source),
            OperandKind::Field(fields) => path("", fields),
            OperandKind::Variable { name, fields } => path(&format!("${name}"), fields),
            OperandKind::Chain(start, fields) => path(&start.source(), fields),
        }
    }
}

/// Returns `start.a.b`.
pub(crate) fn path(start: &str, fields: &[String]) -> String {
    fields
        .iter()
        .fold(start.to_owned(), |path, field| path + "." + field)
}
