//! Renders what was parsed: texts, branches, loops and calls of templates.

use std::collections::BTreeMap;
use std::mem;

use crate::budget::{Budget, DEEPEST_CALL, LONGEST_TEXT};
use crate::error::{Fault, Known, Problem};
use crate::evaluate::Presence;
use crate::format;
use crate::node::{Branch, Call, Definitions, Node, Pipeline};
use crate::value::Value;
use crate::{MissingVariable, Scope};

/// Returns what the template under the empty name comes to.
pub(crate) fn render(
    definitions: &Definitions,
    scope: &Scope,
    missing: MissingVariable,
) -> Result<String, Fault> {
    check_variables(definitions, &scope.variables)?;
    // The empty name is that of `$`.
    let known = scope.variables.iter().filter(|(name, _)| !name.is_empty());
    let known = known.map(|(name, value)| (name.as_str(), value.clone()));
    let mut execution = Execution {
        definitions,
        missing,
        variables: known.chain([("", scope.data.clone())]).collect(),
        budget: Budget::new(),
        output: Vec::new(),
        depth: 0,
    };
    if let Some(nodes) = definitions.bodies.get("") {
        execution.walk(&scope.data, nodes)?;
    }
    String::from_utf8(execution.output).map_err(|_| Problem::NotUtf8.at(0))
}

/// Fails if a variable that the template does not declare is not given either.
fn check_variables(
    definitions: &Definitions,
    variables: &BTreeMap<String, Value>,
) -> Result<(), Fault> {
    for (name, at) in &definitions.free_variables {
        if !variables.contains_key(name) {
            let known = Known::new("$", name, variables.keys().map(String::as_str));
            let name = format!("${name}");
            return Err(Problem::UnknownVariable { name, known }.at(*at));
        }
    }
    Ok(())
}

/// The state of one rendering.
pub(crate) struct Execution<'t> {
    definitions: &'t Definitions,
    pub(crate) missing: MissingVariable,
    /// By name without `$`; the last of a name counts.
    pub(crate) variables: Vec<(&'t str, Value)>,
    pub(crate) budget: Budget,
    output: Vec<u8>,
    depth: usize,
}

/// What comes after a node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

impl<'t> Execution<'t> {
    fn walk(&mut self, dot: &Value, nodes: &'t [Node]) -> Result<Flow, Fault> {
        for node in nodes {
            let flow = self.node(dot, node)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn node(&mut self, dot: &Value, node: &'t Node) -> Result<Flow, Fault> {
        match node {
            Node::Text { at, text } => self.emit(text.as_bytes(), *at)?,
            Node::Action(pipeline) => self.action(dot, pipeline)?,
            Node::If(branch) => return self.choose(dot, branch, false),
            Node::With(branch) => return self.choose(dot, branch, true),
            Node::Range(branch) => return self.range(dot, branch),
            Node::Template(call) => self.call_template(dot, call)?,
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn emit(&mut self, bytes: &[u8], at: usize) -> Result<(), Fault> {
        self.budget
            .step(bytes.len())
            .map_err(|problem| problem.at(at))?;
        if self.output.len() + bytes.len() > LONGEST_TEXT {
            return Err(Problem::TooLong.at(at));
        }
        self.output.extend_from_slice(bytes);
        Ok(())
    }

    /// Counts a level of nesting, which [`Execution::leave`] ends.
    pub(crate) fn enter(&mut self, at: usize) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > DEEPEST_CALL {
            return Err(Problem::TooDeep { calls: true }.at(at));
        }
        Ok(())
    }

    pub(crate) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Prints the value of a pipeline, unless a variable takes it.
    fn action(&mut self, dot: &Value, pipeline: &'t Pipeline) -> Result<(), Fault> {
        let value = self.pipeline(dot, pipeline, Presence::Required)?;
        if !pipeline.variables.is_empty() {
            return Ok(());
        }
        if value.is_nothing() && self.missing == MissingVariable::Error {
            let expression = pipeline.source.clone();
            return Err(Problem::NothingToPrint { expression }.at(pipeline.at));
        }
        let text = format::printable(&[value]).map_err(|problem| problem.at(pipeline.at))?;
        self.emit(&text, pipeline.at)
    }

    /// Renders an `if` or a `with`.
    fn choose(&mut self, dot: &Value, branch: &'t Branch, moves: bool) -> Result<Flow, Fault> {
        self.enter(branch.pipeline.at)?;
        let outer = self.variables.len();
        let value = self.pipeline(dot, &branch.pipeline, Presence::Asked)?;
        let flow = match (value.is_true(), moves) {
            (true, true) => self.walk(&value, &branch.body)?,
            (true, false) => self.walk(dot, &branch.body)?,
            (false, _) => self.walk(dot, &branch.otherwise)?,
        };
        self.variables.truncate(outer);
        self.leave();
        Ok(flow)
    }

    fn range(&mut self, dot: &Value, branch: &'t Branch) -> Result<Flow, Fault> {
        let at = branch.pipeline.at;
        self.enter(at)?;
        let outer = self.variables.len();
        let value = self.pipeline(dot, &branch.pipeline, Presence::Required)?;
        let elements = elements(value, branch.pipeline.variables.len());
        let mut elements = elements.map_err(|problem| problem.at(at))?.peekable();
        let mut flow = Flow::Next;
        if elements.peek().is_none() {
            flow = self.walk(dot, &branch.otherwise)?;
            // Go takes a `break` there for one of this loop, though not a `continue`.
            if flow == Flow::Break {
                flow = Flow::Next;
            }
        }
        let inner = self.variables.len();
        for (index, element) in elements {
            self.budget.step(0).map_err(|problem| problem.at(at))?;
            self.take_element(&branch.pipeline, index, &element)?;
            let flow = self.walk(&element, &branch.body)?;
            self.variables.truncate(inner);
            if flow == Flow::Break {
                break;
            }
        }
        self.variables.truncate(outer);
        self.leave();
        Ok(flow)
    }

    /// Gives an element, and before it its index, to the variables of a `range`.
    fn take_element(
        &mut self,
        pipeline: &'t Pipeline,
        index: Value,
        element: &Value,
    ) -> Result<(), Fault> {
        let names = &pipeline.variables;
        let values = match names.len() {
            0 | 1 => vec![element.clone()],
            _ => vec![index, element.clone()],
        };
        if pipeline.assigns {
            for (name, value) in names.iter().zip(values) {
                self.assign(name, value, pipeline.at)?;
            }
            return Ok(());
        }
        // They were declared last.
        let first = self.variables.len() - names.len();
        for ((_, variable), value) in self.variables[first..].iter_mut().zip(values) {
            *variable = value;
        }
        Ok(())
    }

    fn call_template(&mut self, dot: &Value, call: &'t Call) -> Result<(), Fault> {
        let Some(nodes) = self.definitions.bodies.get(&call.name) else {
            return Err(self.unknown_template(call));
        };
        self.enter(call.at)?;
        self.budget.step(0).map_err(|problem| problem.at(call.at))?;
        let dot = match &call.pipeline {
            Some(pipeline) => self.pipeline(dot, pipeline, Presence::Required)?,
            None => Value::NoValue,
        };
        // It sees no variables but its own `$`.
        let outer = mem::replace(&mut self.variables, vec![("", dot.clone())]);
        self.walk(&dot, nodes)?;
        self.variables = outer;
        self.leave();
        Ok(())
    }

    fn unknown_template(&self, call: &Call) -> Fault {
        let names = self.definitions.bodies.keys().map(String::as_str);
        let name = call.name.clone();
        let known = Known::new("", &name, names.filter(|known| !known.is_empty()));
        Problem::UnknownTemplate { name, known }.at(call.at)
    }
}

/// Elements of a value, each with its index or name.
type Elements = Box<dyn Iterator<Item = (Value, Value)>>;

/// Returns what to range over with so many variables.
fn elements(value: Value, variables: usize) -> Result<Elements, Problem> {
    let wrong = |found, hint| Err(Problem::Range { found, hint });
    let numbers = |end: i64| (0..end).map(Value::Integer);
    Ok(match value {
        Value::NoValue | Value::Null => Box::new(std::iter::empty()),
        Value::Integer(_) | Value::Byte(_) if variables > 1 => {
            return wrong("an integer with two variables", "");
        }
        Value::Integer(end) => Box::new(numbers(end).map(|number| (Value::NoValue, number))),
        Value::Byte(end) => Box::new((0..end).map(|number| (Value::NoValue, Value::Byte(number)))),
        Value::List(values) => {
            let indexes = numbers(i64::try_from(values.len()).unwrap_or(i64::MAX));
            Box::new(indexes.zip(values.to_vec()))
        }
        Value::Texts(texts) => {
            let indexes = numbers(i64::try_from(texts.len()).unwrap_or(i64::MAX));
            let texts: Vec<Value> = texts.iter().cloned().map(Value::Text).collect();
            Box::new(indexes.zip(texts))
        }
        Value::Map(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| (Value::text(name), value.clone()));
            Box::new(fields.collect::<Vec<_>>().into_iter())
        }
        Value::Float(_) => return wrong("a number", " (numbers from JSON have a fraction)"),
        other => return wrong(other.description(), ""),
    })
}
