//! What a template may use up, so that every template comes to an end.

use crate::error::Problem;

/// The longest text that is made, and the longest output, in bytes. No label, variable or tag comes near.
pub(crate) const LONGEST_TEXT: usize = 1 << 20;

/// How deep templates nest: actions and parentheses when they are parsed, and with the templates they
/// call when they are rendered.
pub(crate) const DEEPEST_SOURCE: usize = 100;
pub(crate) const DEEPEST_CALL: usize = 200;

/// All that rendering may cost, in bytes of text read and made.
const WORK: usize = 32 << 20;

/// What a step costs that moves no text.
const STEP: usize = 8;

/// What an element of a list costs.
const ELEMENT: usize = 64;

/// What is left of the work that one rendering may do.
pub(crate) struct Budget {
    left: usize,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self { left: WORK }
    }

    /// Takes a step that reads or makes so many bytes of text.
    pub(crate) fn step(&mut self, bytes: usize) -> Result<(), Problem> {
        self.spend(bytes.saturating_add(STEP))
    }

    /// Makes so many elements of a list.
    pub(crate) fn elements(&mut self, count: usize) -> Result<(), Problem> {
        self.spend(count.saturating_mul(ELEMENT))
    }

    fn spend(&mut self, cost: usize) -> Result<(), Problem> {
        match self.left.checked_sub(cost) {
            Some(left) => self.left = left,
            None => return Err(Problem::TooMuchWork),
        }
        Ok(())
    }
}
