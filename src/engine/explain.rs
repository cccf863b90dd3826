//! Telling what the straight line decides: the same code path, with somebody listening.
//!
//! The engine is generic over [`Trace`]; for real queries it is [`Silent`], of which nothing is left in the
//! compiled code.

use std::fmt::Arguments;

/// Hears each verdict of the line.
pub trait Trace {
    /// One verdict: the stage of the line, and what it said.
    fn step(&mut self, stage: &'static str, verdict: Arguments<'_>);
}

/// Hears nothing.
pub struct Silent;

impl Trace for Silent {
    #[inline]
    fn step(&mut self, _: &'static str, _: Arguments<'_>) {}
}

/// Keeps each verdict as text.
#[derive(Debug, Default)]
pub struct Story {
    /// Stage and verdict, in order.
    pub steps: Vec<(&'static str, String)>,
}

impl Trace for Story {
    fn step(&mut self, stage: &'static str, verdict: Arguments<'_>) {
        self.steps.push((stage, verdict.to_string()));
    }
}
