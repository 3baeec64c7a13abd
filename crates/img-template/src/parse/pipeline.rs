//! Pipelines: variables, commands, operands.

use super::{Parser, unexpected};
use crate::error::{Fault, Known, Problem};
use crate::functions::Function;
use crate::lex::{Token, TokenKind};
use crate::literal;
use crate::node::{Command, Number, Operand, OperandKind, Pipeline};

/// The kinds of words that begin a command.
fn begins_command(kind: TokenKind<'_>) -> bool {
    matches!(
        kind,
        TokenKind::Bool(_)
            | TokenKind::CharacterConstant
            | TokenKind::Dot
            | TokenKind::Field(_)
            | TokenKind::Identifier
            | TokenKind::Number
            | TokenKind::Nil
            | TokenKind::Raw
            | TokenKind::Quoted
            | TokenKind::Variable(_)
            | TokenKind::LeftParenthesis
    )
}

impl<'t> Parser<'t> {
    /// Takes a pipeline and the word `end` that ends it. Of a `range`, it may declare two variables.
    pub(super) fn pipeline(
        &mut self,
        end: TokenKind<'static>,
        is_range: usize,
    ) -> Result<Pipeline, Fault> {
        let at = self.peek_word()?.at;
        let (variables, assigns) = self.declarations(is_range > 0)?;
        let mut commands = Vec::new();
        loop {
            let token = self.peek_word()?;
            match token.kind {
                kind if kind == end => break,
                kind if begins_command(kind) => {
                    let command = self.command()?;
                    check_stage(&commands, &command)?;
                    commands.push(command);
                }
                _ => return Err(unexpected(&token, "a value or a function")),
            }
        }
        let last = self.next()?;
        if commands.is_empty() {
            return Err(unexpected(&last, "a value or a function"));
        }
        let source = self.text[at..last.at].trim().to_owned();
        Ok(Pipeline {
            at,
            variables,
            assigns,
            commands,
            source,
        })
    }

    /// Takes `$x :=`, `$x =`, and for a `range` `$i, $x :=` as well.
    fn declarations(&mut self, is_range: bool) -> Result<(Vec<String>, bool), Fault> {
        let mut names: Vec<String> = Vec::new();
        loop {
            let token = self.peek_word()?;
            let TokenKind::Variable(name) = token.kind else {
                return Ok((names, false));
            };
            let start = self.position;
            self.next()?;
            let after = self.next_word()?;
            match after.kind {
                TokenKind::Assign | TokenKind::Declare => {
                    self.declare(name, &mut names);
                    return Ok((names, after.kind == TokenKind::Assign));
                }
                TokenKind::Comma => {
                    self.declare(name, &mut names);
                    self.check_second(&after, is_range, names.len())?;
                }
                _ => {
                    self.position = start;
                    return Ok((names, false));
                }
            }
        }
    }

    fn declare(&mut self, name: &str, names: &mut Vec<String>) {
        self.scope.declare(name);
        names.push(name.to_owned());
    }

    /// Checks that another variable may follow the comma.
    fn check_second(
        &mut self,
        comma: &Token<'t>,
        is_range: bool,
        count: usize,
    ) -> Result<(), Fault> {
        if !is_range || count > 1 {
            return Err(unexpected(
                comma,
                "`:=` or `=`: only `range` has two variables",
            ));
        }
        let token = self.peek_word()?;
        match token.kind {
            TokenKind::Variable(_) | TokenKind::RightDelimiter | TokenKind::RightParenthesis => {
                Ok(())
            }
            _ => Err(unexpected(&token, "a variable")),
        }
    }

    /// Takes operands up to the end of a command, and the `|` behind it.
    fn command(&mut self) -> Result<Command, Fault> {
        let mut operands = Vec::new();
        loop {
            operands.extend(self.operand()?);
            let token = self.next()?;
            match token.kind {
                TokenKind::Space => {}
                TokenKind::Pipe => break,
                TokenKind::RightDelimiter | TokenKind::RightParenthesis => {
                    self.position -= 1;
                    break;
                }
                _ => return Err(unexpected(&token, "a space, `|` or the end of the action")),
            }
        }
        let mut operands = operands.into_iter();
        let Some(first) = operands.next() else {
            let token = self.peek_word()?;
            return Err(unexpected(&token, "a value or a function"));
        };
        let arguments = operands.collect();
        Ok(Command { first, arguments })
    }

    /// Takes a term and the fields that are asked of it.
    fn operand(&mut self) -> Result<Option<Operand>, Fault> {
        let Some(mut operand) = self.term()? else {
            return Ok(None);
        };
        let mut fields = Vec::new();
        let first = self.peek()?;
        while let TokenKind::Field(name) = self.peek()?.kind {
            fields.push(name.to_owned());
            self.next()?;
        }
        if fields.is_empty() {
            return Ok(Some(operand));
        }
        match &mut operand.kind {
            OperandKind::Field(names) | OperandKind::Variable { fields: names, .. } => {
                names.extend(fields);
            }
            OperandKind::Function(_) | OperandKind::Parenthesized(_) | OperandKind::Chain(..) => {
                let at = operand.at;
                let kind = OperandKind::Chain(Box::new(operand), fields);
                operand = Operand { at, kind };
            }
            _ => return Err(unexpected(&first, "a space: this has no fields")),
        }
        Ok(Some(operand))
    }

    fn term(&mut self) -> Result<Option<Operand>, Fault> {
        let token = self.peek_word()?;
        if !begins_command(token.kind) {
            return Ok(None);
        }
        self.next()?;
        let at = token.at;
        let kind = match token.kind {
            TokenKind::LeftParenthesis => self.parenthesized()?,
            TokenKind::Variable(name) => self.variable(name, at)?,
            _ => simple_term(&token).map_err(|problem| problem.at(at))?,
        };
        Ok(Some(Operand { at, kind }))
    }

    fn parenthesized(&mut self) -> Result<OperandKind, Fault> {
        self.enter()?;
        let pipeline = self.pipeline(TokenKind::RightParenthesis, 0)?;
        self.depth -= 1;
        Ok(OperandKind::Parenthesized(Box::new(pipeline)))
    }

    fn variable(&mut self, name: &str, at: usize) -> Result<OperandKind, Fault> {
        if !self.scope.knows(name) {
            if !self.scope.takes_free_variables {
                return Err(self.unknown_variable(name, at));
            }
            self.definitions.free_variables.push((name.to_owned(), at));
        }
        let (name, fields) = (name.to_owned(), Vec::new());
        Ok(OperandKind::Variable { name, fields })
    }
}

fn simple_term(token: &Token<'_>) -> Result<OperandKind, Problem> {
    Ok(match token.kind {
        TokenKind::Bool(value) => OperandKind::Bool(value),
        TokenKind::Dot => OperandKind::Dot,
        TokenKind::Nil => OperandKind::Nil,
        TokenKind::Field(name) => OperandKind::Field(vec![name.to_owned()]),
        TokenKind::Number => OperandKind::Number(literal::number(token.text)?),
        TokenKind::CharacterConstant => {
            OperandKind::Number(Number::Integer(literal::character(token.text)?))
        }
        TokenKind::Quoted => OperandKind::Text(literal::unquote(token.text)?.into()),
        TokenKind::Raw => OperandKind::Text(literal::unquote_raw(token.text).into()),
        _ => OperandKind::Function(function(token.text)?),
    })
}

fn function(name: &str) -> Result<Function, Problem> {
    Function::named(name).ok_or_else(|| Problem::UnknownFunction {
        name: name.to_owned(),
        known: Known::new("", name, Function::names()),
    })
}

/// Only the first command of a pipeline may be a value that takes nothing.
fn check_stage(before: &[Command], command: &Command) -> Result<(), Fault> {
    let is_value = matches!(
        command.first.kind,
        OperandKind::Bool(_)
            | OperandKind::Dot
            | OperandKind::Nil
            | OperandKind::Number(_)
            | OperandKind::Text(_)
    );
    if before.is_empty() || !is_value {
        return Ok(());
    }
    let expression = command.first.source();
    Err(Problem::NotAFunction { expression }.at(command.first.at))
}
