//! Whether a break of a scaling law, a contaminated run and a change of the recipe are found, and whether breaks are
//! found where there are none.

use super::{count, each, in_equal_ratios, measured};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Points, Rule as Reference, Width};
use crate::problem::power_law::{Curve, Fit, Law, broken_line, taken};
use crate::random::{StreamRng, Streams};
use crate::statistics::{Estimate, Rule};
use crate::table::{Column, Table};
use rand::RngExt;

const BUDGETS: Count = Count::new("budgets", "budgets of a sweep", 24).allowed(12.0, 200.0);
const DECADES: Number =
    Number::new("decades", "decades from the first to the last budget", 4.0).allowed(1.0, 8.0);
const EXPONENT: Number = Number::new(
    "exponent",
    "exponent, before a break where there is one",
    0.35,
)
.allowed(0.05, 2.0);
const AFTER: Number = Number::new("after", "exponent after the break", 0.1).allowed(0.01, 2.0);
const ERROR: Number =
    Number::new("error", "standard error of the logarithm of a loss", 0.01).allowed(1e-6, 0.1);
const SHIFT: Number = Number::new(
    "shift",
    "share by which contaminated losses are too low",
    0.05,
)
.allowed(1e-3, 0.5);
const THRESHOLD: Number = Number::new(
    "threshold",
    "standard deviations from which a run is flagged",
    4.0,
)
.allowed(1.0, 20.0);

/// What stays of the losses of clean sweeps, in units of what falls at the first budget.
const OFFSET: f64 = 0.3;

/// Whether the regimes of scaling laws are found by criteria.
#[derive(Debug)]
pub struct ScalingRegimes;

impl Experiment for ScalingRegimes {
    fn about(&self) -> About {
        About {
            name: "scaling-regimes",
            subject: Subject::Scaling,
            claim: "A piecewise fit and a criterion find where a scaling law breaks and which runs are contaminated.",
            source: "The Mathematical Structure of Machine Learning (course text), exercise C.1",
            mathematics: "Losses of a sweep are fitted by one power law with an offset, a C^(−α) + c, and by two straight \
                lines in logarithms that meet at a budget of least squares. Akaike's criterion, corrected for few \
                points, counts the meeting point as a constant. A run is flagged where a fit without it misses it by \
                more standard deviations of the others than a threshold. The criterion compares these two curves and \
                no others: a smooth curve that is neither makes it choose the one that bends more freely.",
            refuted_by: "Breaks and contaminated runs that are missed in a fifth of sweeps or more, or breaks in clean \
                sweeps.",
            seeds: Extent {
                full: 100,
                quick: 40,
            },
            seconds: Extent {
                full: 0.5,
                quick: 0.2,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            BUDGETS.parameter(),
            DECADES.parameter(),
            EXPONENT.parameter(),
            AFTER.parameter(),
            ERROR.parameter(),
            SHIFT.parameter(),
            THRESHOLD.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let design = Design::of(setup);
        let sweeps = setup.over_seeds(|streams| Ok(design.sweeps(streams)))?;
        let of_arms: Vec<Vec<Seen>> = ARMS
            .iter()
            .enumerate()
            .map(|(index, _)| sweeps.iter().map(|all| all[index].clone()).collect())
            .collect();
        Ok(Findings::new()
            .claims(design.of_breaks(&of_arms))
            .claims(design.of_contamination(&of_arms))
            .claims(design.of_forecasts(&of_arms))
            .figure("arms", design.figure(&sweeps))
            .table("arms", table(&of_arms)))
    }
}

/// Where the losses of a sweep come from.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Arm {
    Clean,
    Broken,
    Smooth,
    OneRun,
    Recipe,
}

const ARMS: [Arm; 5] = [
    Arm::Clean,
    Arm::Broken,
    Arm::Smooth,
    Arm::OneRun,
    Arm::Recipe,
];

impl Arm {
    fn words(self) -> &'static str {
        match self {
            Self::Clean => "one power law",
            Self::Broken => "exponent changes",
            Self::Smooth => "no power law",
            Self::OneRun => "one run contaminated",
            Self::Recipe => "recipe changes",
        }
    }
}

/// What is seen of one sweep.
#[derive(Clone, Debug)]
struct Seen {
    losses: Vec<f64>,
    law: Law,
    /// By how much the criterion is lower with a break.
    break_is_better: f64,
    /// By how much it is lower with a step at the middle budget.
    step_is_better: f64,
    /// Where the break is placed.
    place: f64,
    /// Whether the contaminated run is flagged, or any where there is none.
    is_flagged: bool,
    /// By which share the law of the first three quarters misses the last budget.
    missed: f64,
}

struct Design {
    budgets: Vec<f64>,
    exponent: f64,
    after: f64,
    error: f64,
    shift: f64,
    threshold: f64,
}

impl Design {
    fn of(setup: &Setup) -> Self {
        Self {
            budgets: in_equal_ratios(1.0, 10f64.powf(setup.get(DECADES)), setup.get(BUDGETS)),
            exponent: setup.get(EXPONENT),
            after: setup.get(AFTER),
            error: setup.get(ERROR),
            shift: setup.get(SHIFT),
            threshold: setup.get(THRESHOLD),
        }
    }

    /// The middle of the budgets.
    fn middle(&self) -> f64 {
        self.budgets[self.budgets.len() - 1].sqrt()
    }

    fn law(&self) -> Law {
        Law {
            amplitude: 1.0,
            exponent: self.exponent,
            offset: OFFSET,
        }
    }

    fn truth(&self, arm: Arm, budget: f64) -> f64 {
        let middle = self.middle();
        match arm {
            Arm::Broken if budget <= middle => budget.powf(-self.exponent),
            Arm::Broken => middle.powf(-self.exponent) * (budget / middle).powf(-self.after),
            // A step down in the logarithm of the budget, smooth, between two levels.
            Arm::Smooth => OFFSET + 1.0 / (1.0 + budget / middle),
            Arm::Recipe if budget > middle => self.law().at(budget) * (1.0 - self.shift),
            _ => self.law().at(budget),
        }
    }

    fn sweeps(&self, streams: Streams) -> Vec<Seen> {
        ARMS.iter()
            .zip(0..)
            .map(|(arm, index)| self.sweep(*arm, &mut streams.stream("losses", index)))
            .collect()
    }

    fn sweep(&self, arm: Arm, rng: &mut StreamRng) -> Seen {
        let values = self.budgets.iter().map(|budget| self.truth(arm, *budget));
        let mut losses = measured(rng, values, self.error);
        let run = rng.random_range(1..losses.len() - 1);
        if arm == Arm::OneRun {
            losses[run] *= 1.0 - self.shift;
        }
        let fit = Curve::power_with_offset(&self.budgets).fit(&losses);
        let (broken, place) = broken_line(&self.budgets, &losses);
        let flags = self.flagged(&losses, &fit);
        Seen {
            law: fit.law(),
            break_is_better: fit.criterion() - broken.criterion(),
            step_is_better: fit.criterion() - self.with_step().fit(&losses).criterion(),
            place,
            is_flagged: if arm == Arm::OneRun {
                flags[run]
            } else {
                flags.contains(&true)
            },
            missed: self.missed(arm, &losses),
            losses,
        }
    }

    /// A power law whose offset is another one beyond the middle budget.
    fn with_step(&self) -> Curve {
        let is_beyond = |budget: &f64| if *budget > self.middle() { 1.0 } else { 0.0 };
        let mut curve = Curve::power_with_offset(&self.budgets);
        curve
            .columns
            .push(self.budgets.iter().map(is_beyond).collect());
        curve
    }

    /// Which runs the fit without them misses by more standard deviations of the others than the threshold.
    fn flagged(&self, losses: &[f64], fit: &Fit) -> Vec<bool> {
        let all = 0..losses.len();
        all.clone()
            .map(|run| {
                let others: Vec<usize> = all.clone().filter(|other| *other != run).collect();
                let (x, y) = (taken(&self.budgets, &others), taken(losses, &others));
                let without = Curve::power_with_offset(&x).fit_from(&y, &fit.rates);
                let deviation = (without.squares() / (y.len() - without.freedom) as f64).sqrt();
                let missed = 1.0 - without.law().at(self.budgets[run]) / losses[run];
                missed.abs() > self.threshold * deviation
            })
            .collect()
    }

    /// By which share of the true loss at the last budget the law of the first three quarters misses it.
    fn missed(&self, arm: Arm, losses: &[f64]) -> f64 {
        let first: Vec<usize> = (0..3 * losses.len() / 4).collect();
        let fit =
            Curve::power_with_offset(&taken(&self.budgets, &first)).fit(&taken(losses, &first));
        let last = self.budgets[losses.len() - 1];
        (fit.law().at(last) / self.truth(arm, last) - 1.0).abs()
    }

    fn of_breaks(&self, arms: &[Vec<Seen>]) -> Vec<Claim> {
        let (exponent, after) = (self.exponent, self.after);
        let octaves = each(of(arms, Arm::Broken), |seen| {
            (seen.place / self.middle()).log2().abs()
        });
        vec![
            Claim::printed(
                "structure C.1",
                format!(
                    "Where the exponent changes from {exponent} to {after}, Akaike's criterion prefers a fit with \
                    a break in more than 80 % of sweeps."
                ),
                Rule::Above(0.8),
                share(of(arms, Arm::Broken), |seen| seen.break_is_better > 0.0),
            ),
            Claim::printed(
                "structure C.1",
                "In the median sweep the break is placed within a factor of two of where it is.",
                Rule::Below(1.0),
                Estimate::median(&octaves),
            ),
            Claim::must_hold(
                "structure C.1",
                "Where one power law holds, the criterion prefers a break in fewer than 20 % of sweeps.",
                Rule::Below(0.2),
                share(of(arms, Arm::Clean), |seen| seen.break_is_better > 0.0),
            ),
            Claim::must_hold(
                "structure C.1",
                "Where the loss falls smoothly and by no power, the criterion prefers a break, which is not there, in \
                    more than 80 % of sweeps.",
                Rule::Above(0.8),
                share(of(arms, Arm::Smooth), |seen| seen.break_is_better > 0.0),
            ),
        ]
    }

    fn of_contamination(&self, arms: &[Vec<Seen>]) -> Vec<Claim> {
        let percent = 100.0 * self.shift;
        let bias = |arm| {
            Estimate::mean(&each(of(arms, arm), |seen| {
                seen.law.exponent - self.exponent
            }))
        };
        vec![
            Claim::printed(
                "structure C.1",
                format!(
                    "A single run whose loss is {percent:.0} % too low is flagged in more than 80 % of sweeps."
                ),
                Rule::Above(0.8),
                share(of(arms, Arm::OneRun), |seen| seen.is_flagged),
            ),
            Claim::printed(
                "structure C.1",
                format!(
                    "A recipe that makes losses {percent:.0} % lower from the middle budget on is caught, by a \
                    flagged run or by a preferred break, in more than 80 % of sweeps."
                ),
                Rule::Above(0.8),
                share(of(arms, Arm::Recipe), |seen| {
                    seen.is_flagged || seen.break_is_better > 0.0
                }),
            ),
            Claim::corrected(
                "structure C.1",
                "Where the log says from which budget on the recipe is another one, the criterion prefers a law with a \
                    step there in more than 80 % of sweeps.",
                Rule::Above(0.8),
                share(of(arms, Arm::Recipe), |seen| seen.step_is_better > 0.0),
            ),
            Claim::must_hold(
                "structure C.1",
                "Where nothing changes at that budget, the criterion prefers a step there in fewer than 20 % of sweeps.",
                Rule::Below(0.2),
                share(of(arms, Arm::Clean), |seen| seen.step_is_better > 0.0),
            ),
            Claim::must_hold(
                "structure C.1",
                "Where nothing is contaminated, a run is flagged in fewer than 20 % of sweeps.",
                Rule::Below(0.2),
                share(of(arms, Arm::Clean), |seen| seen.is_flagged),
            ),
            Claim::must_hold(
                "structure C.1",
                format!(
                    "Where nothing is contaminated, the mean fitted exponent is {} to a tenth.",
                    self.exponent
                ),
                Rule::Equals {
                    value: 0.0,
                    tolerance: 0.1 * self.exponent,
                },
                bias(Arm::Clean),
            ),
        ]
    }

    fn of_forecasts(&self, arms: &[Vec<Seen>]) -> Vec<Claim> {
        let missed = |arm| Estimate::median(&each(of(arms, arm), |seen| seen.missed));
        vec![
            Claim::printed(
                "structure C.1",
                "A law that is fitted to the first three quarters of the budgets forecasts the loss at the last one to \
                    2 % in the median sweep.",
                Rule::Below(0.02),
                missed(Arm::Clean),
            ),
            Claim::must_hold(
                "structure C.1",
                "Where the loss falls by no power, it misses that loss by more than 2 % in the median sweep.",
                Rule::Above(0.02),
                missed(Arm::Smooth),
            ),
        ]
    }

    fn figure(&self, sweeps: &[Vec<Seen>]) -> Figure {
        let figure = Figure {
            columns: 3,
            width: Width::Page,
            shares_x: true,
            ..Figure::new("One sweep of each kind, with its fits")
        };
        let Some(first) = sweeps.first() else {
            return figure;
        };
        ARMS.iter().zip(first).fold(figure, |figure, (arm, seen)| {
            figure.with(self.panel(*arm, seen))
        })
    }

    fn panel(&self, arm: Arm, seen: &Seen) -> Panel {
        let (broken, place) = broken_line(&self.budgets, &seen.losses);
        let coefficients = &broken.coefficients;
        let lines = |x: &f64| {
            let past = (x / place).ln().max(0.0);
            (coefficients[0] + coefficients[1] * x.ln() + coefficients[2] * past).exp()
        };
        let places = in_equal_ratios(1.0, self.budgets[self.budgets.len() - 1], 60);
        Panel::new(
            Axis::new("budget over the first one", "1").log(),
            Axis::new("loss", "nats").log(),
        )
        .titled(arm.words())
        .with(Points::new(
            "losses",
            self.budgets.clone(),
            seen.losses.clone(),
        ))
        .with(Line::new(
            "power law with an offset",
            places.clone(),
            each(&places, |x| seen.law.at(*x)),
        ))
        .with(Line::new(
            "two lines",
            places.clone(),
            places.iter().map(lines).collect(),
        ))
        .with(Reference::upright("their break", place))
    }
}

fn of(arms: &[Vec<Seen>], arm: Arm) -> &[Seen] {
    let place = ARMS.iter().position(|other| *other == arm).unwrap_or(0);
    &arms[place]
}

fn share(seen: &[Seen], is: impl Fn(&Seen) -> bool) -> Estimate {
    Estimate::proportion(count(seen, is), seen.len())
}

fn table(arms: &[Vec<Seen>]) -> Table {
    let row = |(arm, seen): (&Arm, &Vec<Seen>)| {
        vec![
            arm.words().into(),
            share(seen, |seen| seen.break_is_better > 0.0).value.into(),
            share(seen, |seen| seen.is_flagged).value.into(),
            Estimate::median(&each(seen, |seen| seen.law.exponent))
                .value
                .into(),
            Estimate::median(&each(seen, |seen| seen.missed))
                .value
                .into(),
        ]
    };
    Table::new([
        Column::text("losses"),
        Column::number("share with a break"),
        Column::number("share flagged"),
        Column::number("median exponent"),
        Column::number("median error of the forecast"),
    ])
    .with_rows(ARMS.iter().zip(arms).map(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn design() -> Design {
        Design {
            budgets: in_equal_ratios(1.0, 1e4, 24),
            exponent: 0.35,
            after: 0.1,
            error: 1e-4,
            shift: 0.05,
            threshold: 4.0,
        }
    }

    #[test]
    fn the_broken_law_has_no_jump_and_both_exponents() {
        let design = design();
        let at = |x| design.truth(Arm::Broken, x);
        assert!((at(99.999_999) - at(100.000_001)).abs() < 1e-8);
        assert!(((at(10.0) / at(1.0)).log10() + 0.35).abs() < 1e-12);
        assert!(((at(1e4) / at(1e3)).log10() + 0.1).abs() < 1e-12);
    }

    #[test]
    fn only_the_spoilt_run_is_flagged() {
        let design = design();
        let mut rng = Streams::new(0).stream("test", 0);
        let values = design.budgets.iter().map(|x| design.law().at(*x));
        let mut losses = measured(&mut rng, values, 1e-3);
        losses[7] *= 0.95;
        let fit = Curve::power_with_offset(&design.budgets).fit(&losses);
        let flags = design.flagged(&losses, &fit);
        assert!(
            flags[7] && flags.iter().filter(|flag| **flag).count() == 1,
            "{flags:?}"
        );
    }
}
