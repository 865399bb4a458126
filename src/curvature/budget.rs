//! When an estimate ends, and what it is then.

use super::{CurvatureError, Interrupt};
use std::time::Instant;

/// Bounds on one estimate. Reaching one ends it honestly: the value so far, not converged.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Budget {
    /// Matrix-vector products never exceeded.
    pub max_matvecs: Option<usize>,
    /// Seconds after which no further product is begun.
    pub max_seconds: Option<f64>,
}

/// A budget that is being spent.
#[derive(Debug)]
pub struct Spending<'a> {
    budget: Budget,
    start: Instant,
    interrupt: Interrupt<'a>,
    /// Products made.
    pub matvecs: usize,
}

impl<'a> Spending<'a> {
    /// Starts the clock.
    pub fn new(budget: Budget, interrupt: Interrupt<'a>) -> Self {
        Self {
            budget,
            start: Instant::now(),
            interrupt,
            matvecs: 0,
        }
    }

    /// Notes a product; fails if the user wants to stop.
    ///
    /// # Errors
    ///
    /// [`CurvatureError::Interrupted`].
    pub fn spend(&mut self) -> Result<(), CurvatureError> {
        self.matvecs += 1;
        self.interrupt.check()
    }

    /// Whether `more` further products fit.
    pub fn allows(&self, more: usize) -> bool {
        let matvecs = self
            .budget
            .max_matvecs
            .is_none_or(|most| self.matvecs + more <= most);
        let seconds = self
            .budget
            .max_seconds
            .is_none_or(|most| self.start.elapsed().as_secs_f64() < most);
        matvecs && seconds
    }
}

/// A number estimated from random probes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Whether the standard error reached the tolerance.
    pub converged: bool,
    /// Matrix-vector products used.
    pub matvecs: usize,
}

/// How long to draw probes.
#[derive(Clone, Copy, Debug)]
pub struct ProbeOptions {
    /// Probes drawn before the tolerance is looked at. It is looked at again only each time their
    /// number has doubled: a look after every probe would stop where the spread happens to come out
    /// small, and the standard error would be too small on average.
    pub min_probes: usize,
    /// Probes never exceeded.
    pub max_probes: usize,
    /// Stop once the standard error is below this share of the estimate.
    pub tolerance: f64,
    /// Bounds on the whole.
    pub budget: Budget,
}

impl Default for ProbeOptions {
    fn default() -> Self {
        Self {
            min_probes: 16,
            max_probes: 128,
            tolerance: 0.05,
            budget: Budget::default(),
        }
    }
}

/// Mean and spread of a stream of numbers (Welford 1962).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    pub count: usize,
    pub mean: f64,
    squares: f64,
}

impl Moments {
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        let delta = value - self.mean;
        self.mean += delta / self.count as f64;
        self.squares += delta * (value - self.mean);
    }

    /// The standard error of the mean; unknown, so infinite, from fewer than two numbers.
    pub fn standard_error(&self) -> f64 {
        if self.count < 2 {
            return f64::INFINITY;
        }
        let count = self.count as f64;
        (self.squares / (count - 1.0) / count).sqrt()
    }
}

/// Whether `count` probes end an estimate, and then whether it has converged; `is_within` tells
/// whether its error is within the tolerance.
pub(super) fn verdict(
    count: usize,
    options: ProbeOptions,
    may_go_on: bool,
    is_within: impl FnOnce() -> bool,
) -> Option<bool> {
    let ended = count >= options.max_probes.max(1) || !may_go_on;
    let first = options.min_probes.max(2);
    let is_look = count.is_multiple_of(first) && (count / first).is_power_of_two();
    let converged = (is_look || (ended && count >= first)) && is_within();
    (converged || ended).then_some(converged)
}

/// Draws probes until the tolerance, the number of probes or the budget ends it. `offset` is added
/// to the mean; each call of `probe` makes `matvecs_per_probe` products and notes them itself.
///
/// # Errors
///
/// What `probe` returns.
pub(crate) fn draw<E>(
    spending: &mut Spending<'_>,
    options: ProbeOptions,
    matvecs_per_probe: usize,
    offset: f64,
    mut probe: impl FnMut(&mut Spending<'_>) -> Result<f64, E>,
) -> Result<Estimate, E> {
    let mut moments = Moments::default();
    loop {
        moments.add(probe(spending)?);
        let value = offset + moments.mean;
        let standard_error = moments.standard_error();
        let may_go_on = spending.allows(matvecs_per_probe);
        let is_within = || standard_error <= options.tolerance * value.abs();
        if let Some(converged) = verdict(moments.count, options, may_go_on, is_within) {
            return Ok(Estimate {
                value,
                standard_error,
                converged,
                matvecs: spending.matvecs,
            });
        }
    }
}
