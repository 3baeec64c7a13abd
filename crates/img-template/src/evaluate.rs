//! Finds what pipelines, commands and operands are worth.

use crate::MissingVariable;
use crate::error::{Fault, Known, Problem};
use crate::execute::Execution;
use crate::functions::{Function, Parameter};
use crate::node::{Command, Number, Operand, OperandKind, Pipeline, path};
use crate::value::Value;

/// Why a value is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// It has to be there.
    Required,
    /// The question is whether it is there.
    Asked,
}

/// Fields that are taken of a value.
struct Path<'t> {
    at: usize,
    /// What they are taken of, as it stands in the template.
    start: String,
    fields: &'t [String],
    presence: Presence,
    /// Whether the last one is used as if it were a function.
    has_arguments: bool,
}

impl<'t> Execution<'t> {
    /// Returns what the pipeline comes to, and gives it to its variables.
    pub(crate) fn pipeline(
        &mut self,
        dot: &Value,
        pipeline: &'t Pipeline,
        presence: Presence,
    ) -> Result<Value, Fault> {
        self.enter(pipeline.at)?;
        let mut last = None;
        for command in &pipeline.commands {
            let value = self.command(dot, command, last, presence)?;
            last = Some(value.out_of_pipeline());
        }
        let value = last.unwrap_or(Value::NoValue);
        for name in &pipeline.variables {
            if pipeline.assigns {
                self.assign(name, value.clone(), pipeline.at)?;
            } else {
                self.variables.push((name, value.clone()));
            }
        }
        self.leave();
        Ok(value)
    }

    /// Changes the variable that was declared last under a name.
    pub(crate) fn assign(&mut self, name: &str, value: Value, at: usize) -> Result<(), Fault> {
        let mut variables = self.variables.iter_mut().rev();
        match variables.find(|(known, _)| *known == name) {
            Some((_, variable)) => *variable = value,
            None => return Err(self.unknown_variable(name, at)),
        }
        Ok(())
    }

    fn variable(&self, name: &str, at: usize) -> Result<Value, Fault> {
        let mut variables = self.variables.iter().rev();
        match variables.find(|(known, _)| *known == name) {
            Some((_, value)) => Ok(value.clone()),
            None => Err(self.unknown_variable(name, at)),
        }
    }

    fn unknown_variable(&self, name: &str, at: usize) -> Fault {
        let names = self.variables.iter().map(|(known, _)| *known);
        let known = Known::new("$", name, names.filter(|known| !known.is_empty()));
        let name = format!("${name}");
        Problem::UnknownVariable { name, known }.at(at)
    }

    /// Returns what a command comes to; `last` is its last argument, from the command before it.
    fn command(
        &mut self,
        dot: &Value,
        command: &'t Command,
        last: Option<Value>,
        presence: Presence,
    ) -> Result<Value, Fault> {
        let first = &command.first;
        let has_arguments = !command.arguments.is_empty() || last.is_some();
        match &first.kind {
            OperandKind::Function(function) => {
                self.call(dot, (*function, first.at), &command.arguments, last)
            }
            OperandKind::Nil => Err(Problem::Nil.at(first.at)),
            _ => self.operand(dot, first, presence, has_arguments),
        }
    }

    /// Returns what an operand is worth that is no function.
    fn operand(
        &mut self,
        dot: &Value,
        operand: &'t Operand,
        presence: Presence,
        has_arguments: bool,
    ) -> Result<Value, Fault> {
        let (at, fields) = (operand.at, fields(operand));
        if fields.is_empty() && has_arguments {
            let expression = operand.source();
            return Err(Problem::NotAFunction { expression }.at(at));
        }
        let (value, start) = match &operand.kind {
            OperandKind::Dot | OperandKind::Field(_) => (dot.clone(), String::new()),
            OperandKind::Variable { name, .. } => (self.variable(name, at)?, format!("${name}")),
            OperandKind::Chain(start, _) => (self.start(dot, start)?, start.source()),
            OperandKind::Parenthesized(pipeline) => {
                (self.pipeline(dot, pipeline, presence)?, String::new())
            }
            OperandKind::Function(function) => {
                (self.call(dot, (*function, at), &[], None)?, String::new())
            }
            _ => (constant(operand)?, String::new()),
        };
        let path = Path {
            at,
            start,
            fields,
            presence,
            has_arguments,
        };
        self.fields(value, &path)
    }

    /// Returns what fields are taken of.
    fn start(&mut self, dot: &Value, operand: &'t Operand) -> Result<Value, Fault> {
        self.operand(dot, operand, Presence::Required, false)
    }

    fn fields(&self, value: Value, path: &Path<'_>) -> Result<Value, Fault> {
        let mut value = value;
        for index in 0..path.fields.len() {
            let field = self.field(&value, path, index);
            value = field.map_err(|problem| problem.at(path.at))?;
        }
        Ok(value)
    }

    fn field(&self, value: &Value, path: &Path<'_>, index: usize) -> Result<Value, Problem> {
        let name = &path.fields[index];
        let is_last = index + 1 == path.fields.len();
        match value {
            Value::Map(_) if is_last && path.has_arguments => Err(Problem::NotAFunction {
                expression: path.source(index + 1),
            }),
            Value::Map(fields) => match fields.get(name) {
                Some(value) => Ok(value.clone()),
                None => self.missing_field(path, index, fields.keys().map(String::as_str)),
            },
            Value::NoValue => self.missing_field(path, index, []),
            other => Err(Problem::NoFields {
                field: name.clone(),
                found: other.description(),
            }),
        }
    }

    fn missing_field<'n>(
        &self,
        path: &Path<'_>,
        index: usize,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<Value, Problem> {
        if self.missing == MissingVariable::NoValue || path.presence == Presence::Asked {
            return Ok(Value::NoValue);
        }
        let start = path.source(index) + ".";
        Err(Problem::UnknownVariable {
            name: path.source(index + 1),
            known: Known::new(&start, &path.fields[index], names),
        })
    }

    /// Calls a function, given with its place.
    fn call(
        &mut self,
        dot: &Value,
        (function, at): (Function, usize),
        operands: &'t [Operand],
        last: Option<Value>,
    ) -> Result<Value, Fault> {
        let count = operands.len() + usize::from(last.is_some());
        function
            .check_count(count)
            .map_err(|problem| problem.at(at))?;
        if matches!(function, Function::And | Function::Or) {
            return self.short_circuit(dot, function, operands, last);
        }
        let mut values = Vec::with_capacity(count);
        for (place, operand) in operands.iter().enumerate() {
            values.push(self.argument(dot, function, place, operand)?);
        }
        if let Some(value) = last {
            let value = accept(function, operands.len(), value);
            values.push(value.map_err(|problem| problem.at(at))?);
        }
        self.apply(function, &values)
            .map_err(|problem| problem.at(at))
    }

    fn apply(&mut self, function: Function, values: &[Value]) -> Result<Value, Problem> {
        let read = values.iter().map(Value::text_length).sum();
        self.budget.step(read)?;
        let value = function.call(values, &mut self.budget)?;
        self.budget.step(value.text_length())?;
        Ok(value)
    }

    /// Returns the first argument of `and` that is empty, or that of `or` that is not; else the last.
    fn short_circuit(
        &mut self,
        dot: &Value,
        function: Function,
        operands: &'t [Operand],
        last: Option<Value>,
    ) -> Result<Value, Fault> {
        let mut value = Value::NoValue;
        for (place, operand) in operands.iter().enumerate() {
            self.budget
                .step(0)
                .map_err(|problem| problem.at(operand.at))?;
            value = self.argument(dot, function, place, operand)?;
            if value.is_true() == (function == Function::Or) {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    fn argument(
        &mut self,
        dot: &Value,
        function: Function,
        place: usize,
        operand: &'t Operand,
    ) -> Result<Value, Fault> {
        let presence = if function.tests_presence() {
            Presence::Asked
        } else {
            Presence::Required
        };
        let value = match operand.kind {
            OperandKind::Nil => Value::NoValue,
            _ => self.operand(dot, operand, presence, false)?,
        };
        accept(function, place, value).map_err(|problem| problem.at(operand.at))
    }
}

impl Path<'_> {
    /// Returns the start with so many fields, as it stands in the template.
    fn source(&self, count: usize) -> String {
        path(&self.start, &self.fields[..count])
    }
}

/// Returns the fields that an operand takes of what it begins with.
fn fields(operand: &Operand) -> &[String] {
    match &operand.kind {
        OperandKind::Field(fields)
        | OperandKind::Variable { fields, .. }
        | OperandKind::Chain(_, fields) => fields,
        _ => &[],
    }
}

fn constant(operand: &Operand) -> Result<Value, Fault> {
    Ok(match &operand.kind {
        OperandKind::Bool(value) => Value::Bool(*value),
        OperandKind::Text(text) => Value::Text(text.clone()),
        OperandKind::Number(Number::Integer(value)) => Value::Integer(*value),
        OperandKind::Number(Number::Float(value)) => Value::Float(*value),
        OperandKind::Number(Number::TooLarge(text)) => {
            let (text, reason) = (text.clone(), "it is too large for 64 bits");
            return Err(Problem::Number { text, reason }.at(operand.at));
        }
        _ => Value::NoValue,
    })
}

/// Returns an argument as the function sees it in this place.
fn accept(function: Function, place: usize, value: Value) -> Result<Value, Problem> {
    match (function.parameter(place), value) {
        (Parameter::Any, value) if value.is_nothing() => Ok(Value::Null),
        (Parameter::Any | Parameter::Inspected, value)
        | (Parameter::Text, value @ Value::Text(_)) => Ok(value),
        (Parameter::Text, other) => {
            let (number, found) = (place + 1, other.description());
            let reason = format!("argument {number} is {found}, expected a text");
            Err(Problem::call(function.name(), reason))
        }
    }
}
