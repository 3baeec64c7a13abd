//! Templates as words: texts, and within actions what Go's `text/template` takes for one word.

use crate::error::{Fault, Problem, TokenProblem};

/// A word and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'t> {
    pub(crate) at: usize,
    pub(crate) kind: TokenKind<'t>,
    /// What stands in the template.
    pub(crate) text: &'t str,
}

/// What a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind<'t> {
    /// Outside of actions.
    Text,
    LeftDelimiter,
    RightDelimiter,
    Space,
    Assign,
    Declare,
    Comma,
    Pipe,
    LeftParenthesis,
    RightParenthesis,
    /// Other punctuation, which has no meaning.
    Character,
    Quoted,
    Raw,
    CharacterConstant,
    Number,
    Bool(bool),
    Keyword(Keyword),
    Identifier,
    /// `.name`; the name.
    Field(&'t str),
    /// `$name`; the name, which may be empty.
    Variable(&'t str),
    Dot,
    Nil,
    End,
}

/// Words that begin or end an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keyword {
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
}

const KEYWORDS: [(&str, Keyword); 10] = [
    ("block", Keyword::Block),
    ("break", Keyword::Break),
    ("continue", Keyword::Continue),
    ("define", Keyword::Define),
    ("else", Keyword::Else),
    ("end", Keyword::End),
    ("if", Keyword::If),
    ("range", Keyword::Range),
    ("template", Keyword::Template),
    ("with", Keyword::With),
];

const LEFT: &str = "{{";
const RIGHT: &str = "}}";
const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

fn is_space(c: char) -> bool {
    SPACE.contains(&c)
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// Returns the words of a template, the last of which is its end.
///
/// # Errors
/// The first thing that is no word, with the words before it: what they are may be wrong as well, and
/// then comes first.
pub(crate) fn tokens(text: &str) -> (Vec<Token<'_>>, Option<Fault>) {
    let mut lexer = Lexer {
        text,
        position: 0,
        parentheses: 0,
        tokens: Vec::new(),
    };
    let fault = lexer.run().err();
    (lexer.tokens, fault)
}

struct Lexer<'t> {
    text: &'t str,
    position: usize,
    /// How many are open in the action.
    parentheses: usize,
    tokens: Vec<Token<'t>>,
}

impl<'t> Lexer<'t> {
    fn run(&mut self) -> Result<(), Fault> {
        while let Some(length) = self.rest().find(LEFT) {
            let start = self.position;
            let after = start + length + LEFT.len();
            let trims = self.has_left_trim_marker(after);
            let text = &self.text[start..start + length];
            let text = if trims {
                text.trim_end_matches(SPACE)
            } else {
                text
            };
            self.push_text(start, text);
            self.position = after + if trims { 2 } else { 0 };
            if self.rest().starts_with("/*") {
                self.comment()?;
            } else {
                self.push(start + length, TokenKind::LeftDelimiter, LEFT);
                self.action(start + length)?;
            }
        }
        self.push_text(self.position, self.rest());
        self.push(self.text.len(), TokenKind::End, "");
        Ok(())
    }

    fn rest(&self) -> &'t str {
        &self.text[self.position..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn push(&mut self, at: usize, kind: TokenKind<'t>, text: &'t str) {
        self.tokens.push(Token { at, kind, text });
    }

    fn push_text(&mut self, at: usize, text: &'t str) {
        if !text.is_empty() {
            self.push(at, TokenKind::Text, text);
        }
    }

    fn has_left_trim_marker(&self, at: usize) -> bool {
        let mut next = self.text[at..].chars();
        next.next() == Some('-') && next.next().is_some_and(is_space)
    }

    /// Returns the length of the right delimiter that is next, and whether it trims what follows.
    fn right_delimiter(&self) -> Option<(usize, bool)> {
        let rest = self.rest();
        if rest.starts_with(RIGHT) {
            return Some((RIGHT.len(), false));
        }
        let marked = rest.strip_prefix(SPACE)?.strip_prefix('-')?;
        marked.starts_with(RIGHT).then_some((2 + RIGHT.len(), true))
    }

    /// Passes the delimiter and what it trims.
    fn leave(&mut self, (length, trims): (usize, bool)) {
        self.position += length;
        if trims {
            let rest = self.rest();
            self.position += rest.len() - rest.trim_start_matches(SPACE).len();
        }
    }

    fn comment(&mut self) -> Result<(), Fault> {
        let start = self.position;
        let Some(length) = self.text[start + 2..].find("*/") else {
            return Err(unclosed("the comment").at(start));
        };
        self.position = start + 2 + length + 2;
        match self.right_delimiter() {
            Some(delimiter) => self.leave(delimiter),
            None => return Err(Problem::Token(TokenProblem::CommentInAction).at(start)),
        }
        Ok(())
    }

    fn action(&mut self, start: usize) -> Result<(), Fault> {
        self.parentheses = 0;
        loop {
            if let Some(delimiter) = self.right_delimiter() {
                if self.parentheses > 0 {
                    return Err(unclosed("a parenthesis").at(self.position));
                }
                let at = self.position;
                self.leave(delimiter);
                self.push(at, TokenKind::RightDelimiter, RIGHT);
                return Ok(());
            }
            let Some(c) = self.peek() else {
                return Err(unclosed("the action").at(start));
            };
            self.word(c)?;
        }
    }

    /// Takes the word that begins with `c`.
    fn word(&mut self, c: char) -> Result<(), Fault> {
        let start = self.position;
        let kind = match c {
            c if is_space(c) => self.space(),
            '=' => self.one(TokenKind::Assign),
            ':' => self.declare()?,
            ',' => self.one(TokenKind::Comma),
            '|' => self.one(TokenKind::Pipe),
            '"' => self.quoted('"', TokenKind::Quoted)?,
            '\'' => self.quoted('\'', TokenKind::CharacterConstant)?,
            '`' => self.raw()?,
            '$' => self.variable()?,
            '.' if !self.is_digit_after_dot() => self.field()?,
            '.' | '+' | '-' | '0'..='9' => self.number()?,
            '(' => {
                self.parentheses += 1;
                self.one(TokenKind::LeftParenthesis)
            }
            ')' => self.right_parenthesis()?,
            c if is_alphanumeric(c) => self.identifier()?,
            c if c.is_ascii_graphic() => self.one(TokenKind::Character),
            c => return Err(character(c).at(start)),
        };
        self.push(start, kind, &self.text[start..self.position]);
        Ok(())
    }

    fn one(&mut self, kind: TokenKind<'t>) -> TokenKind<'t> {
        self.position += self.peek().map_or(0, char::len_utf8);
        kind
    }

    /// Takes spaces, but not one that belongs to a right delimiter.
    fn space(&mut self) -> TokenKind<'t> {
        while self.peek().is_some_and(is_space) && self.right_delimiter().is_none() {
            self.position += 1;
        }
        TokenKind::Space
    }

    fn declare(&mut self) -> Result<TokenKind<'t>, Fault> {
        if !self.rest().starts_with(":=") {
            return Err(character(':').at(self.position));
        }
        self.position += 2;
        Ok(TokenKind::Declare)
    }

    fn right_parenthesis(&mut self) -> Result<TokenKind<'t>, Fault> {
        let open = self.parentheses.checked_sub(1);
        self.parentheses = open.ok_or_else(|| character(')').at(self.position))?;
        Ok(self.one(TokenKind::RightParenthesis))
    }

    fn is_digit_after_dot(&self) -> bool {
        self.rest()[1..].starts_with(|c: char| c.is_ascii_digit())
    }

    /// Takes a literal between quotation marks, on one line, in which a backslash hides the next character.
    fn quoted(&mut self, mark: char, kind: TokenKind<'t>) -> Result<TokenKind<'t>, Fault> {
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((index, c)) = characters.next() {
            let hidden = (c == '\\').then(|| characters.next());
            match (c, hidden) {
                ('\n', _) | (_, Some(None | Some((_, '\n')))) => break,
                (c, None) if c == mark => {
                    self.position += index + c.len_utf8();
                    return Ok(kind);
                }
                _ => {}
            }
        }
        Err(unclosed("the text").at(self.position))
    }

    fn raw(&mut self) -> Result<TokenKind<'t>, Fault> {
        let Some(length) = self.rest()[1..].find('`') else {
            return Err(unclosed("the text").at(self.position));
        };
        self.position += length + 2;
        Ok(TokenKind::Raw)
    }

    fn variable(&mut self) -> Result<TokenKind<'t>, Fault> {
        self.position += 1;
        Ok(TokenKind::Variable(self.name()?))
    }

    fn field(&mut self) -> Result<TokenKind<'t>, Fault> {
        self.position += 1;
        let name = self.name()?;
        if name.is_empty() {
            return Ok(TokenKind::Dot);
        }
        Ok(TokenKind::Field(name))
    }

    fn identifier(&mut self) -> Result<TokenKind<'t>, Fault> {
        let word = self.name()?;
        if let Some((_, keyword)) = KEYWORDS.iter().find(|(known, _)| *known == word) {
            return Ok(TokenKind::Keyword(*keyword));
        }
        Ok(match word {
            "true" => TokenKind::Bool(true),
            "false" => TokenKind::Bool(false),
            "nil" => TokenKind::Nil,
            _ => TokenKind::Identifier,
        })
    }

    /// Takes letters, digits and underscores, and checks what comes after them.
    fn name(&mut self) -> Result<&'t str, Fault> {
        let rest = self.rest();
        let end = rest.find(|c| !is_alphanumeric(c)).unwrap_or(rest.len());
        self.position += end;
        match self.peek() {
            Some('.' | ',' | '|' | ':' | ')' | '(') | None => Ok(&rest[..end]),
            Some(c) if is_space(c) || self.rest().starts_with(RIGHT) => Ok(&rest[..end]),
            Some(c) => Err(character(c).at(self.position)),
        }
    }

    fn number(&mut self) -> Result<TokenKind<'t>, Fault> {
        let start = self.position;
        let is_number = self.scan_number();
        let is_complex = self.peek().is_some_and(|c| c == '+' || c == '-');
        if is_number && !is_complex {
            return Ok(TokenKind::Number);
        }
        let rest = &self.text[start..];
        let end = rest.find(|c| is_space(c) || "()|}".contains(c));
        Err(Problem::Number {
            text: rest[..end.unwrap_or(rest.len())].to_owned(),
            reason: "expected an integer or a fraction",
        }
        .at(start))
    }

    /// Takes what may be a number; what it is worth is found later.
    fn scan_number(&mut self) -> bool {
        self.accept(|c| c == '+' || c == '-');
        let mut base = 10;
        if self.accept(|c| c == '0') {
            base = match self.peek() {
                Some('x' | 'X') => 16,
                Some('o' | 'O') => 8,
                Some('b' | 'B') => 2,
                _ => 10,
            };
            self.position += usize::from(base != 10);
        }
        self.accept_digits(base);
        if self.accept(|c| c == '.') {
            self.accept_digits(base);
        }
        let has_exponent = match base {
            10 => self.accept(|c| c == 'e' || c == 'E'),
            16 => self.accept(|c| c == 'p' || c == 'P'),
            _ => false,
        };
        if has_exponent {
            self.accept(|c| c == '+' || c == '-');
            self.accept_digits(10);
        }
        !self.peek().is_some_and(is_alphanumeric)
    }

    fn accept(&mut self, is_wanted: impl Fn(char) -> bool) -> bool {
        let found = self.peek().filter(|c| is_wanted(*c));
        self.position += found.map_or(0, char::len_utf8);
        found.is_some()
    }

    fn accept_digits(&mut self, base: u32) {
        while self.accept(|c| c == '_' || c.is_digit(base)) {}
    }
}

fn unclosed(what: &'static str) -> Problem {
    Problem::Token(TokenProblem::Unclosed { what })
}

fn character(c: char) -> Problem {
    Problem::Token(TokenProblem::Character(c))
}
