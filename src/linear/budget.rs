//! When an estimate ends, and what it is then.
//!
//! How many probes an estimate takes must not depend on what they say: who stops when the error looks small
//! stops where it happens to come out too small. So a few probes are drawn first, tell how many are needed, and
//! are thrown away; as many are then drawn anew, and value and error are theirs (Stein 1945, "A two-sample test
//! for a linear hypothesis whose power is independent of the variance", whose second sample alone is used
//! here: probes are not normal). A budget of products or seconds cuts the number short without looking at
//! values either.

use super::{Interrupt, LinearError};
use crate::statistics::{jackknife, mean, stated_error};
use std::time::Instant;

/// Bounds on one estimate. Reaching one ends it honestly: the value so far with the error it has, not
/// converged; or, from too few probes to tell an error, [`LinearError::TooFewProducts`].
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
    /// [`LinearError::Interrupted`].
    pub fn spend(&mut self) -> Result<(), LinearError> {
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

    /// How many products the budget is expected to allow in all, those made included; where it is one of
    /// seconds, by the pace so far.
    pub(crate) fn expected(&self) -> usize {
        let by_pace = match self.budget.max_seconds {
            Some(most) if self.matvecs > 0 => {
                (self.matvecs as f64 * most / self.start.elapsed().as_secs_f64()) as usize
            }
            _ => usize::MAX,
        };
        by_pace.min(self.budget.max_matvecs.unwrap_or(usize::MAX))
    }

    /// The most products that are allowed in all, where their number is bounded.
    pub fn most(&self) -> Option<usize> {
        self.budget.max_matvecs
    }

    /// Refuses a budget of products that is too small from the beginning.
    ///
    /// # Errors
    ///
    /// [`LinearError::TooFewProducts`].
    pub(crate) fn require(&self, fewest: usize) -> Result<(), LinearError> {
        match self.budget.max_matvecs {
            Some(allowed) if allowed < fewest => {
                Err(LinearError::TooFewProducts { allowed, fewest })
            }
            _ => Ok(()),
        }
    }
}

/// A number estimated from random probes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Its standard error, widened where it comes from few probes so that one and two of it cover 68 % and 95 %
    /// all the same.
    pub standard_error: f64,
    /// Whether the standard error reached the tolerance.
    pub converged: bool,
    /// Matrix-vector products used.
    pub matvecs: usize,
}

impl Estimate {
    /// The standard error as a share of the estimate.
    pub fn relative_error(&self) -> f64 {
        match self.standard_error {
            0.0 => 0.0,
            error => error / self.value.abs(),
        }
    }
}

/// How many probes to draw.
#[derive(Clone, Copy, Debug)]
pub struct ProbeOptions {
    /// Directions in which a trace is taken exactly before the first probe: those where the operator is large.
    pub leading: usize,
    /// Probes that only tell how many are needed.
    pub pilot: usize,
    /// Probes always drawn, within the budget. Where it is [`ProbeOptions::max_probes`] there is no pilot.
    pub min_probes: usize,
    /// Probes never exceeded, apart from the pilot.
    pub max_probes: usize,
    /// The share of the estimate below which its error should be.
    pub tolerance: f64,
    /// Bounds on the whole.
    pub budget: Budget,
}

impl Default for ProbeOptions {
    fn default() -> Self {
        Self {
            leading: 10,
            pilot: 8,
            min_probes: 16,
            max_probes: 128,
            tolerance: 0.05,
            budget: Budget::default(),
        }
    }
}

impl ProbeOptions {
    /// So many probes, and no direction apart.
    pub fn fixed(probes: usize) -> Self {
        Self {
            leading: 0,
            pilot: 0,
            min_probes: probes,
            max_probes: probes,
            tolerance: 0.0,
            budget: Budget::default(),
        }
    }

    /// How many probes an estimate needs whose error from a pilot of `count`, relative to it, is this.
    pub(super) fn needed(&self, count: usize, relative_error: f64) -> usize {
        /// Half as many again: the variance of a pilot is a rough one.
        const RESERVE: f64 = 1.5;
        let needed = RESERVE * count as f64 * (relative_error / self.tolerance).powi(2);
        // What is not a number, as of an estimate of 0, takes all.
        let needed = if needed.is_nan() {
            f64::INFINITY
        } else {
            needed
        };
        (needed.ceil() as usize).clamp(self.min_probes.min(self.max_probes), self.max_probes)
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

    /// The standard error of the mean.
    pub fn standard_error(&self) -> f64 {
        let count = self.count as f64;
        (self.squares / (count - 1.0) / count).sqrt()
    }
}

/// What probes are like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probing {
    /// Products that a probe takes.
    pub matvecs: usize,
    /// Probes from which an error can be told.
    pub fewest: usize,
    /// How many of them, the first ones, take more products, and how many more.
    pub twice: (usize, usize),
}

/// Probes of a pilot, which have told how many are needed, and those that count.
#[derive(Debug)]
pub(super) struct Sampled<T> {
    pub pilot: Vec<T>,
    pub probes: Vec<T>,
}

/// Draws a pilot and then as many probes as it tells, or as the budget allows. `probe` gets the number of
/// probes before it, pilot included; `relative_error` tells the error of an estimate from some.
///
/// # Errors
///
/// [`LinearError::TooFewProducts`] where the budget ends too early, and what `probe` returns.
pub(super) fn sample<T, E: From<LinearError>>(
    spending: &mut Spending<'_>,
    options: ProbeOptions,
    probing: Probing,
    mut probe: impl FnMut(&mut Spending<'_>, usize) -> Result<T, E>,
    relative_error: impl Fn(&[T]) -> f64,
) -> Result<Sampled<T>, E> {
    let (mut pilot, mut count) = (Vec::new(), options.max_probes);
    if options.min_probes < options.max_probes && options.pilot > 1 {
        // The pace of a budget of seconds is known after the first.
        while pilot.len() < options.pilot && has_room(spending, options, probing, pilot.len()) {
            pilot.push(probe(spending, pilot.len())?);
        }
        if pilot.len() == options.pilot {
            count = options.needed(pilot.len(), relative_error(&pilot));
        }
    }
    let mut probes = Vec::new();
    while probes.len() < count && spending.allows(probing.matvecs) {
        probes.push(probe(spending, pilot.len() + probes.len())?);
    }
    if probes.len() < probing.fewest.min(count) {
        let missing = (probing.fewest - probes.len()) * probing.matvecs;
        let allowed = spending.matvecs;
        let fewest = allowed + missing;
        return Err(LinearError::TooFewProducts { allowed, fewest }.into());
    }
    Ok(Sampled { pilot, probes })
}

/// Whether the budget has room for the rest of a pilot and for the fewest probes after it.
fn has_room(
    spending: &Spending<'_>,
    options: ProbeOptions,
    probing: Probing,
    drawn: usize,
) -> bool {
    let (twice, again) = probing.twice;
    let taken = spending.matvecs + again * twice.saturating_sub(drawn);
    let left = spending.expected().saturating_sub(taken);
    left / probing.matvecs >= options.pilot - drawn + options.min_probes
}

/// Probes from which the error of a mean can be told without knowing how they are distributed.
pub(super) const FEWEST_VALUES: usize = 12;

/// The mean of random numbers that one or several products or passes give each.
///
/// # Errors
///
/// As [`sample`].
pub(crate) fn draw<E: From<LinearError>>(
    spending: &mut Spending<'_>,
    options: ProbeOptions,
    matvecs_per_probe: usize,
    probe: impl FnMut(&mut Spending<'_>) -> Result<f64, E>,
) -> Result<Estimate, E> {
    drawn(spending, options, matvecs_per_probe, probe, |values| {
        [mean(values), stated_error(values)]
    })
}

/// The mean of the first of two random numbers over the mean of the second, which one or several products or passes
/// give together.
///
/// # Errors
///
/// As [`sample`].
pub(crate) fn draw_ratio<E: From<LinearError>>(
    spending: &mut Spending<'_>,
    options: ProbeOptions,
    matvecs_per_probe: usize,
    probe: impl FnMut(&mut Spending<'_>) -> Result<[f64; 2], E>,
) -> Result<Estimate, E> {
    drawn(spending, options, matvecs_per_probe, probe, ratio_of_means)
}

/// The ratio of the means of pairs, and its error of first order: that of the mean of what the first ones are off by,
/// over the mean of the second ones.
fn ratio_of_means(pairs: &[[f64; 2]]) -> [f64; 2] {
    let total: [f64; 2] = [0, 1].map(|part| pairs.iter().map(|pair| pair[part]).sum());
    let ratio = jackknife(pairs.len(), |left_out| {
        let [above, below] = left_out.map_or([0.0; 2], |index| pairs[index]);
        (total[0] - above) / (total[1] - below)
    });
    let each = total[1] / pairs.len() as f64;
    let off: Vec<f64> = pairs
        .iter()
        .map(|[above, below]| (above - ratio * below) / each)
        .collect();
    [ratio, stated_error(&off)]
}

/// What a function makes of random probes, a value and its error.
fn drawn<T, E: From<LinearError>>(
    spending: &mut Spending<'_>,
    options: ProbeOptions,
    matvecs_per_probe: usize,
    mut probe: impl FnMut(&mut Spending<'_>) -> Result<T, E>,
    of: impl Fn(&[T]) -> [f64; 2],
) -> Result<Estimate, E> {
    let probing = Probing {
        matvecs: matvecs_per_probe,
        fewest: FEWEST_VALUES,
        twice: (0, 0),
    };
    spending.require(probing.fewest * probing.matvecs)?;
    let sampled = sample(
        spending,
        options,
        probing,
        |spending, _| probe(spending),
        |probes| {
            let [value, error] = of(probes);
            error / value.abs()
        },
    )?;
    let [value, standard_error] = of(&sampled.probes);
    Ok(Estimate {
        value,
        standard_error,
        converged: standard_error <= options.tolerance * value.abs(),
        matvecs: spending.matvecs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Streams;
    use rand_distr::{Distribution, StandardNormal};

    fn options(budget: Budget) -> ProbeOptions {
        ProbeOptions {
            budget,
            ..ProbeOptions::default()
        }
    }

    /// The estimate from numbers that are told one after another.
    fn draw_from(
        options: ProbeOptions,
        number: impl Fn(usize) -> f64,
    ) -> Result<Estimate, LinearError> {
        let mut spending = Spending::new(options.budget, Interrupt::never());
        let mut drawn = 0;
        draw(&mut spending, options, 1, |spending| {
            spending.spend()?;
            drawn += 1;
            Ok(number(drawn - 1))
        })
    }

    #[test]
    fn the_numbers_of_the_pilot_count_neither_for_the_value_nor_for_the_error() {
        let options = options(Budget::default());
        let found = draw_from(options, |place| if place < 8 { 7.0 } else { 3.0 }).unwrap();
        assert_eq!((found.value, found.standard_error), (3.0, 0.0));
        assert_eq!((found.matvecs, found.converged), (24, true));
    }

    #[test]
    fn the_pilot_decides_how_many_follow_and_what_they_say_does_not() {
        let sign = |place: usize| if place.is_multiple_of(2) { 1.0 } else { -1.0 };
        // Deviations of 20 % of the mean in the pilot: (0.2/0.05)² · 1.5, somewhat more for few.
        let spread_after = |spread: f64| {
            let number = |place: usize| {
                let spread = if place < 8 { 0.2 } else { spread };
                1.0 + spread * sign(place)
            };
            draw_from(options(Budget::default()), number).unwrap()
        };
        let (small, large) = (spread_after(0.01), spread_after(3.0));
        assert_eq!(small.matvecs, large.matvecs);
        assert!((30..48).contains(&small.matvecs), "{}", small.matvecs);
        assert!(small.converged && !large.converged);
    }

    /// Squares of two normal numbers that go together, whose means are 2 and 1.
    #[test]
    fn a_ratio_of_means_is_as_far_off_as_it_says() {
        let deviations: Vec<f64> = (0..400)
            .map(|seed| {
                let mut rng = Streams::new(seed).stream("test", 0);
                let mut spending = Spending::new(Budget::default(), Interrupt::never());
                let options = options(Budget::default());
                let found = draw_ratio(&mut spending, options, 1, |spending| {
                    spending.spend()?;
                    let [x, y]: [f64; 2] = [0, 1].map(|_| StandardNormal.sample(&mut rng));
                    Ok::<_, LinearError>([(x + y).powi(2), x * x])
                });
                let found = found.unwrap();
                // The mean of the ratios has no end.
                (found.value - 2.0) / found.standard_error
            })
            .collect();
        let within = |bound: f64| deviations.iter().filter(|x| x.abs() < bound).count();
        // 68 % and 95 % of 400, less and more than four standard errors.
        assert!((235..=309).contains(&within(1.0)), "{}", within(1.0));
        assert!((360..=397).contains(&within(2.0)), "{}", within(2.0));
        assert_eq!(ratio_of_means(&[[6.0, 2.0]; 20]), [3.0, 0.0]);
    }

    #[test]
    fn an_estimate_of_zero_takes_all_probes() {
        let found = draw_from(options(Budget::default()), |_| 0.0).unwrap();
        assert_eq!((found.matvecs, found.converged), (8 + 128, true));
    }

    #[test]
    fn a_budget_of_too_few_products_or_seconds_is_refused_with_what_it_takes() {
        let few = options(Budget {
            max_matvecs: Some(11),
            max_seconds: None,
        });
        let (allowed, fewest) = (11, 12);
        let refusal = LinearError::TooFewProducts { allowed, fewest };
        assert_eq!(draw_from(few, |_| 1.0).unwrap_err(), refusal);
        let enough = options(Budget {
            max_matvecs: Some(12),
            max_seconds: None,
        });
        assert_eq!(draw_from(enough, |_| 1.0).unwrap().matvecs, 12);
        let hasty = options(Budget {
            max_matvecs: None,
            max_seconds: Some(0.0),
        });
        let message = draw_from(hasty, |_| 1.0).unwrap_err().to_string();
        assert!(message.contains("max_seconds"), "{message}");
    }
}
