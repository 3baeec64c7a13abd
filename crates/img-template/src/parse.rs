//! Understands the words of a template.
//!
//! Where a template is wrong, the first word that cannot be where it is is named.

mod control;
mod pipeline;

use std::collections::BTreeSet;

use crate::budget::DEEPEST_SOURCE;
use crate::error::{Fault, Known, Problem};
use crate::lex::{self, Keyword, Token, TokenKind};
use crate::node::{Definitions, Node};

/// Returns what a template defines; it is itself under the empty name.
pub(crate) fn parse(text: &str) -> Result<Definitions, Fault> {
    let (tokens, fault) = lex::tokens(text);
    let mut parser = Parser {
        text,
        tokens,
        fault,
        position: 0,
        action: 0,
        depth: 0,
        definitions: Definitions::default(),
        scope: DefinitionScope {
            takes_free_variables: true,
            ..DefinitionScope::default()
        },
    };
    parser.template()?;
    Ok(parser.definitions)
}

pub(super) struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token<'t>>,
    /// Why there are no more words.
    fault: Option<Fault>,
    position: usize,
    /// Where the last action begins.
    action: usize,
    depth: usize,
    definitions: Definitions,
    scope: DefinitionScope,
}

/// What is known within one definition.
#[derive(Default)]
pub(super) struct DefinitionScope {
    variables: Vec<String>,
    /// How many `range` the place is in.
    ranges: usize,
    /// Whether variables may come from outside of the template.
    takes_free_variables: bool,
}

/// What ends a list of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Terminator {
    End,
    /// `else` of an action of its own.
    Else,
    /// `else if` or `else with`, of which the second word is next.
    ElseControl,
}

impl<'t> Parser<'t> {
    fn template(&mut self) -> Result<(), Fault> {
        let mut nodes = Vec::new();
        loop {
            let token = self.peek()?;
            match token.kind {
                TokenKind::End => break,
                TokenKind::LeftDelimiter if self.is_definition()? => self.definition()?,
                _ => match self.node()? {
                    Ok(node) => nodes.push(node),
                    Err(terminator) => return Err(self.stray(terminator)),
                },
            }
        }
        self.define(String::new(), nodes, 0)
    }

    /// Tells whether the action that is next is a definition; then it is past that word.
    fn is_definition(&mut self) -> Result<bool, Fault> {
        let start = self.position;
        self.next()?;
        if self.next_word()?.kind == TokenKind::Keyword(Keyword::Define) {
            return Ok(true);
        }
        self.position = start;
        Ok(false)
    }

    /// Takes `"name"}}…{{end}}`.
    fn definition(&mut self) -> Result<(), Fault> {
        let at = self.peek_word()?.at;
        let name = self.template_name()?;
        self.expect(TokenKind::RightDelimiter, "`}}` after the name")?;
        let nodes = self.separate_body()?;
        self.define(name, nodes, at)
    }

    /// Takes the body of a definition up to its end; it knows nothing of what is around it.
    fn separate_body(&mut self) -> Result<Vec<Node>, Fault> {
        let outer = std::mem::take(&mut self.scope);
        let (nodes, terminator) = self.nodes()?;
        self.scope = outer;
        match terminator {
            Terminator::End => Ok(nodes),
            terminator => Err(self.stray(terminator)),
        }
    }

    /// Records a definition. What is empty may be defined again.
    fn define(&mut self, name: String, nodes: Vec<Node>, at: usize) -> Result<(), Fault> {
        let bodies = &mut self.definitions.bodies;
        match bodies.get(&name) {
            Some(known) if !is_blank(known) => {
                if !is_blank(&nodes) {
                    return Err(Problem::DefinedTwice { name }.at(at));
                }
            }
            _ => {
                bodies.insert(name, nodes);
            }
        }
        Ok(())
    }

    /// Takes nodes up to the end of what they stand in.
    fn nodes(&mut self) -> Result<(Vec<Node>, Terminator), Fault> {
        self.enter()?;
        let mut nodes = Vec::new();
        loop {
            match self.node()? {
                Ok(node) => nodes.push(node),
                Err(terminator) => {
                    self.depth -= 1;
                    return Ok((nodes, terminator));
                }
            }
        }
    }

    /// Takes a text or an action; the outer error is a fault, the inner one an end.
    fn node(&mut self) -> Result<Result<Node, Terminator>, Fault> {
        let token = self.next()?;
        match token.kind {
            TokenKind::Text => Ok(Ok(Node::Text {
                at: token.at,
                text: token.text.to_owned(),
            })),
            TokenKind::LeftDelimiter => {
                self.action = token.at;
                self.action()
            }
            _ => Err(unexpected(&token, "`{{end}}`")),
        }
    }

    fn enter(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > DEEPEST_SOURCE {
            let at = self.tokens.get(self.position).map_or(0, |token| token.at);
            return Err(Problem::TooDeep { calls: false }.at(at));
        }
        Ok(())
    }

    /// Returns the error of the last action, which ends what does not end there.
    fn stray(&self, terminator: Terminator) -> Fault {
        let (found, expected) = match terminator {
            Terminator::End => ("`{{end}}`", "an action before it that it ends"),
            _ => (
                "`{{else}}`",
                "`{{end}}`, or an action before it that has another branch",
            ),
        };
        let (found, expected) = (found.to_owned(), expected.to_owned());
        Problem::Syntax { found, expected }.at(self.action)
    }

    /// Returns the next word without taking it.
    fn peek(&mut self) -> Result<Token<'t>, Fault> {
        match self.tokens.get(self.position) {
            Some(token) => Ok(*token),
            None => Err(self.end_of_words()),
        }
    }

    fn next(&mut self) -> Result<Token<'t>, Fault> {
        let token = self.peek()?;
        // The end is there for ever.
        if token.kind != TokenKind::End {
            self.position += 1;
        }
        Ok(token)
    }

    fn end_of_words(&mut self) -> Fault {
        let at = self.text.len();
        let end = || Problem::Token(crate::error::TokenProblem::End).at(at);
        self.fault.take().unwrap_or_else(end)
    }

    /// Returns the next word that is not space.
    fn next_word(&mut self) -> Result<Token<'t>, Fault> {
        self.skip_space()?;
        self.next()
    }

    fn peek_word(&mut self) -> Result<Token<'t>, Fault> {
        self.skip_space()?;
        self.peek()
    }

    fn skip_space(&mut self) -> Result<(), Fault> {
        while self.peek()?.kind == TokenKind::Space {
            self.position += 1;
        }
        Ok(())
    }

    fn expect(&mut self, kind: TokenKind<'_>, expected: &str) -> Result<Token<'t>, Fault> {
        let token = self.next_word()?;
        if token.kind == kind {
            return Ok(token);
        }
        Err(unexpected(&token, expected))
    }

    /// Returns the error of a variable that is declared nowhere.
    fn unknown_variable(&self, name: &str, at: usize) -> Fault {
        let names: BTreeSet<&str> = self.scope.variables.iter().map(String::as_str).collect();
        let known = Known::new("$", name, names);
        let name = format!("${name}");
        Problem::UnknownVariable { name, known }.at(at)
    }
}

fn unexpected(token: &Token<'_>, expected: &str) -> Fault {
    let found = match token.kind {
        TokenKind::End => "the end of the template".to_owned(),
        TokenKind::Space => "a space".to_owned(),
        _ => format!("`{}`", token.text),
    };
    let expected = expected.to_owned();
    Problem::Syntax { found, expected }.at(token.at)
}

/// Tells whether nothing is there but space.
fn is_blank(nodes: &[Node]) -> bool {
    nodes.iter().all(|node| match node {
        Node::Text { text, .. } => text.trim().is_empty(),
        _ => false,
    })
}
