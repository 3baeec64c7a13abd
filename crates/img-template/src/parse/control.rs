//! Actions: those that begin with a keyword, and pipelines.

use super::{DefinitionScope, Parser, Terminator, unexpected};
use crate::error::{Fault, Problem};
use crate::lex::{Keyword, Token, TokenKind};
use crate::literal;
use crate::node::{Branch, Call, Node};

/// What has branches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Control {
    If,
    With,
    Range,
}

impl Control {
    fn keyword(self) -> Keyword {
        match self {
            Self::If => Keyword::If,
            Self::With => Keyword::With,
            Self::Range => Keyword::Range,
        }
    }

    fn node(self, branch: Branch) -> Node {
        match self {
            Self::If => Node::If(branch),
            Self::With => Node::With(branch),
            Self::Range => Node::Range(branch),
        }
    }
}

impl Parser<'_> {
    /// Takes what follows `{{`.
    pub(super) fn action(&mut self) -> Result<Result<Node, Terminator>, Fault> {
        let token = self.peek_word()?;
        let TokenKind::Keyword(keyword) = token.kind else {
            let pipeline = self.pipeline(TokenKind::RightDelimiter, 0)?;
            return Ok(Ok(Node::Action(pipeline)));
        };
        self.next()?;
        let node = match keyword {
            Keyword::If => self.control(Control::If)?,
            Keyword::With => self.control(Control::With)?,
            Keyword::Range => self.control(Control::Range)?,
            Keyword::Template => self.call()?,
            Keyword::Block => self.block()?,
            Keyword::Break => self.jump(&token, Node::Break)?,
            Keyword::Continue => self.jump(&token, Node::Continue)?,
            Keyword::End => return self.end().map(Err),
            Keyword::Else => return self.otherwise().map(Err),
            Keyword::Define => {
                return Err(unexpected(
                    &token,
                    "definitions outside of other actions alone",
                ));
            }
        };
        Ok(Ok(node))
    }

    fn end(&mut self) -> Result<Terminator, Fault> {
        self.expect(TokenKind::RightDelimiter, "`}}` after `end`")?;
        Ok(Terminator::End)
    }

    fn otherwise(&mut self) -> Result<Terminator, Fault> {
        let token = self.peek_word()?;
        if matches!(token.kind, TokenKind::Keyword(Keyword::If | Keyword::With)) {
            return Ok(Terminator::ElseControl);
        }
        self.expect(
            TokenKind::RightDelimiter,
            "`}}`, `if` or `with` after `else`",
        )?;
        Ok(Terminator::Else)
    }

    fn jump(&mut self, token: &Token<'_>, node: Node) -> Result<Node, Fault> {
        self.expect(TokenKind::RightDelimiter, "`}}`")?;
        if self.scope.ranges == 0 {
            return Err(unexpected(token, "a `range` around it"));
        }
        Ok(node)
    }

    /// Takes pipeline, body and `else` of an action that has branches.
    fn control(&mut self, control: Control) -> Result<Node, Fault> {
        self.enter()?;
        let variables = self.scope.variables.len();
        let is_range = usize::from(control == Control::Range);
        let pipeline = self.pipeline(TokenKind::RightDelimiter, is_range)?;
        self.scope.ranges += is_range;
        let (body, terminator) = self.nodes()?;
        self.scope.ranges -= is_range;
        let otherwise = self.branch_after(control, terminator)?;
        self.scope.variables.truncate(variables);
        self.depth -= 1;
        Ok(control.node(Branch {
            pipeline,
            body,
            otherwise,
        }))
    }

    fn branch_after(
        &mut self,
        control: Control,
        terminator: Terminator,
    ) -> Result<Vec<Node>, Fault> {
        match terminator {
            Terminator::End => return Ok(Vec::new()),
            Terminator::Else => {}
            Terminator::ElseControl => {
                // `{{else if}}` is `{{else}}{{if}}` with one end for both.
                let word = self.next_word()?;
                let repeats = control != Control::Range;
                if !repeats || word.kind != TokenKind::Keyword(control.keyword()) {
                    return Err(unexpected(&word, "`}}` after this `else`"));
                }
                return Ok(vec![self.control(control)?]);
            }
        }
        match self.nodes()? {
            (nodes, Terminator::End) => Ok(nodes),
            (_, terminator) => Err(self.stray(terminator)),
        }
    }

    /// Takes what follows `template`.
    fn call(&mut self) -> Result<Node, Fault> {
        let at = self.peek_word()?.at;
        let name = self.template_name()?;
        let pipeline = if self.peek_word()?.kind == TokenKind::RightDelimiter {
            self.next()?;
            None
        } else {
            Some(self.pipeline(TokenKind::RightDelimiter, 0)?)
        };
        Ok(Node::Template(Call { at, name, pipeline }))
    }

    /// Takes what follows `block`: a definition that is called where it stands.
    fn block(&mut self) -> Result<Node, Fault> {
        let at = self.peek_word()?.at;
        let name = self.template_name()?;
        let pipeline = self.pipeline(TokenKind::RightDelimiter, 0)?;
        let nodes = self.separate_body()?;
        self.define(name.clone(), nodes, at)?;
        let pipeline = Some(pipeline);
        Ok(Node::Template(Call { at, name, pipeline }))
    }

    pub(super) fn template_name(&mut self) -> Result<String, Fault> {
        let token = self.next_word()?;
        let bytes = match token.kind {
            TokenKind::Quoted => literal::unquote(token.text),
            TokenKind::Raw => Ok(literal::unquote_raw(token.text)),
            _ => {
                return Err(unexpected(
                    &token,
                    "the name of a template, in quotation marks",
                ));
            }
        };
        let bytes = bytes.map_err(|problem| problem.at(token.at))?;
        String::from_utf8(bytes).map_err(|_| Problem::NotUtf8.at(token.at))
    }
}

impl DefinitionScope {
    pub(super) fn knows(&self, name: &str) -> bool {
        name.is_empty() || self.variables.iter().any(|known| known == name)
    }

    pub(super) fn declare(&mut self, name: &str) {
        self.variables.push(name.to_owned());
    }
}
