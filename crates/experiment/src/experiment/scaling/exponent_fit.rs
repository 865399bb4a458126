//! The exponent of a scaling law: by a line in logarithms, and by a fit with an offset.

use super::{count, each, in_equal_ratios, measured};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Histogram, Line, Panel, Points, Rule as Reference, Width};
use crate::problem::power_law::{Curve, Fit, Law, lines_in_logarithms};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule, mean};
use crate::table::{Column, Table};

const BUDGETS: Count = Count::new("budgets", "budgets of a sweep", 20).allowed(8.0, 1e3);
const DECADES: Number =
    Number::new("decades", "decades from the first to the last budget", 3.0).allowed(0.5, 8.0);
const EXPONENT: Number =
    Number::new("exponent", "exponent of the true law", 0.35).allowed(0.02, 2.0);
const AMPLITUDE: Number =
    Number::new("amplitude", "what falls, at the first budget, in nats", 2.0).allowed(0.1, 10.0);
const OFFSET: Number = Number::new("offset", "what stays, in nats", 1.5).allowed(0.1, 10.0);
const ERROR: Number =
    Number::new("error", "standard error of the logarithm of a loss", 0.005).allowed(1e-6, 0.1);
const RESAMPLES: Count = Count::new("resamples", "bootstrap samples of a sweep", 200)
    .quick(60)
    .allowed(20.0, 1e5);

/// Whether fits find the exponent of the law that the losses come from.
#[derive(Debug)]
pub struct ExponentFit;

impl Experiment for ExponentFit {
    fn about(&self) -> About {
        About {
            name: "exponent-fit",
            subject: Subject::Scaling,
            claim: "The exponent of a scaling law is the slope of a straight line through the logarithms of losses.",
            source: "The Mathematical Structure of Machine Learning (course text), exercises C.1, C.6 and their solutions",
            mathematics: "A scaling law with something irreducible is L(C) = a C^(−α) + c. Its slope in logarithms is \
                d ln L / d ln C = −α (1 − c/L): smaller than α everywhere, by the share of the loss that stays. A \
                straight line through the logarithms therefore finds too small an exponent, and its bootstrap interval \
                is narrow around the wrong number, because resampling sees the scatter of the points and not the \
                wrong curve. A fit of all three numbers solves for a and c by linear least squares at every α and \
                searches α alone (variable projection). Akaike's criterion, n ln(squares/n) + 2k with a correction \
                for few points, compares curves with different numbers k of constants.",
            refuted_by: "A slope of the logarithms that is the exponent although something stays, or a fit with an \
                offset that misses it.",
            seeds: Extent {
                full: 100,
                quick: 40,
            },
            seconds: Extent {
                full: 0.4,
                quick: 0.1,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            BUDGETS.parameter(),
            DECADES.parameter(),
            EXPONENT.parameter(),
            AMPLITUDE.parameter(),
            OFFSET.parameter(),
            ERROR.parameter(),
            RESAMPLES.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let truth = Truth::of(setup);
        let sweeps = setup.over_seeds(|streams| Ok(truth.sweep(streams, setup.get(RESAMPLES))))?;
        Ok(Findings::new()
            .claims(as_printed())
            .claims(truth.of_slopes(&sweeps))
            .claims(truth.of_intervals(&sweeps))
            .claims(truth.controls(&sweeps))
            .figure("fits", truth.figure(&sweeps))
            .table("exponents", truth.table(&sweeps)))
    }
}

/// The law that losses come from.
struct Truth {
    law: Law,
    budgets: Vec<f64>,
    error: f64,
}

/// What is fitted to the losses of one sweep.
struct Sweep {
    losses: Vec<f64>,
    line: Estimate,
    law: Estimate,
    fit: Fit,
    /// The slope where nothing stays.
    without_offset: f64,
    /// By how much the criterion is lower for the power law than for the logarithm.
    preference: f64,
    /// The same where the truth is the logarithm.
    preference_of_logarithm: f64,
}

impl Truth {
    fn of(setup: &Setup) -> Self {
        Self {
            law: Law {
                amplitude: setup.get(AMPLITUDE),
                exponent: setup.get(EXPONENT),
                offset: setup.get(OFFSET),
            },
            budgets: in_equal_ratios(1.0, 10f64.powf(setup.get(DECADES)), setup.get(BUDGETS)),
            error: setup.get(ERROR),
        }
    }

    /// The logarithm that begins and ends where the law does.
    fn logarithm(&self, budget: f64) -> f64 {
        let last = self.budgets[self.budgets.len() - 1];
        let (start, end) = (self.law.at(1.0), self.law.at(last));
        start - (start - end) * budget.ln() / last.ln()
    }

    fn sweep(&self, streams: Streams, resamples: usize) -> Sweep {
        let budgets = &self.budgets;
        let draw = |name: &str, of: &dyn Fn(f64) -> f64| {
            measured(
                &mut streams.stream(name, 0),
                budgets.iter().map(|budget| of(*budget)),
                self.error,
            )
        };
        let losses = draw("losses", &|budget| self.law.at(budget));
        let bare = draw("bare", &|budget| {
            Law {
                offset: 0.0,
                ..self.law
            }
            .at(budget)
        });
        let logarithmic = draw("logarithmic", &|budget| self.logarithm(budget));
        let curve = Curve::power_with_offset(budgets);
        let fit = curve.fit(&losses);
        Sweep {
            line: slope(budgets, &losses, resamples, streams),
            law: fit.first_rate(&curve, &losses, resamples, streams),
            fit,
            without_offset: -lines_in_logarithms(budgets, &bare, None).coefficients[1],
            preference: preference(budgets, &losses),
            preference_of_logarithm: preference(budgets, &logarithmic),
            losses,
        }
    }

    fn of_slopes(&self, sweeps: &[Sweep]) -> Vec<Claim> {
        let Law {
            exponent, offset, ..
        } = self.law;
        let close = Rule::Equals {
            value: exponent,
            tolerance: 0.1 * exponent,
        };
        let slopes = each(sweeps, |sweep| sweep.line.value);
        let bias = Estimate::mean(&each(sweeps, |sweep| sweep.line.value - exponent));
        vec![
            Claim::printed(
                "structure E13",
                format!(
                    "Where losses fall with exponent {exponent} towards {offset} nats, the line through their \
                    logarithms has this slope to a tenth."
                ),
                close,
                Estimate::mean(&slopes),
            ),
            Claim::corrected(
                "structure E13",
                format!("The fit with an offset finds the exponent {exponent} to a tenth."),
                close,
                Estimate::median(&each(sweeps, |sweep| sweep.law.value)),
            ),
            Claim::printed(
                "structure C.1",
                "To leave out the irreducible loss is to overestimate the exponent.",
                Rule::Above(0.0),
                bias,
            ),
            Claim::corrected(
                "structure C.1",
                "To leave out the irreducible loss is to underestimate the exponent.",
                Rule::Below(0.0),
                bias,
            ),
        ]
    }

    fn of_intervals(&self, sweeps: &[Sweep]) -> Vec<Claim> {
        let holds = |interval: &Estimate| {
            interval.low <= self.law.exponent && self.law.exponent <= interval.high
        };
        let share =
            |of: &dyn Fn(&Sweep) -> bool| Estimate::proportion(count(sweeps, of), sweeps.len());
        vec![
            Claim::printed(
                "structure C.1",
                "A narrow bootstrap interval of the slope of the logarithms is a reliable one: it holds the exponent in \
                    more than 80 % of sweeps.",
                Rule::Above(0.8),
                share(&|sweep| holds(&sweep.line)),
            ),
            Claim::corrected(
                "structure C.1",
                "The bootstrap interval of the fit with an offset holds the exponent in more than 80 % of sweeps.",
                Rule::Above(0.8),
                share(&|sweep| holds(&sweep.law)),
            ),
            Claim::corrected(
                "structure C.1",
                "Akaike's criterion prefers the power law with an offset to a logarithm in more than 80 % of sweeps.",
                Rule::Above(0.8),
                share(&|sweep| sweep.preference > 0.0),
            ),
        ]
    }

    fn controls(&self, sweeps: &[Sweep]) -> Vec<Claim> {
        let Law { exponent, .. } = self.law;
        let shares = count(sweeps, |sweep| sweep.preference_of_logarithm > 0.0);
        vec![
            Claim::must_hold(
                "structure E13",
                format!(
                    "Where nothing stays, the line through the logarithms has slope {exponent} to a tenth."
                ),
                Rule::Equals {
                    value: exponent,
                    tolerance: 0.1 * exponent,
                },
                Estimate::mean(&each(sweeps, |sweep| sweep.without_offset)),
            ),
            Claim::must_hold(
                "structure C.1",
                "Where losses fall with the logarithm of the budget, and so by no power, Akaike's criterion prefers a \
                    power law in fewer than 20 % of sweeps.",
                Rule::Below(0.2),
                Estimate::proportion(shares, sweeps.len()),
            ),
        ]
    }

    fn figure(&self, sweeps: &[Sweep]) -> Figure {
        let operations = Axis::new("budget over the first one", "1").log();
        let curve = Panel::new(operations, Axis::new("loss", "nats").linear()).titled("one sweep");
        let curve = match sweeps.first() {
            Some(sweep) => self.drawn(curve, sweep),
            None => curve,
        };
        let exponents = Panel::new(
            Axis::new("fitted exponent", "1"),
            Axis::counting("sweeps").including(0.0),
        );
        let histogram =
            |label: &str, of: &dyn Fn(&Sweep) -> f64| Histogram::of(label, &each(sweeps, of));
        let exponents = [
            histogram("line in logarithms", &|sweep| sweep.line.value),
            histogram("with an offset", &|sweep| sweep.law.value),
        ]
        .into_iter()
        .flatten()
        .fold(exponents, Panel::with)
        .with(Reference::upright("truth", self.law.exponent));
        Figure {
            columns: 2,
            width: Width::Page,
            ..Figure::new("Fits of a scaling law with and without an offset")
        }
        .with(curve)
        .with(exponents.titled("all sweeps"))
    }

    fn drawn(&self, panel: Panel, sweep: &Sweep) -> Panel {
        // Two decades more, where the curves part.
        let last = self.budgets[self.budgets.len() - 1];
        let places = in_equal_ratios(1.0, 100.0 * last, 80);
        let line = lines_in_logarithms(&self.budgets, &sweep.losses, None);
        let height = |x: &f64| (line.coefficients[0] + line.coefficients[1] * x.ln()).exp();
        panel
            .with(Line::new(
                "line in logarithms",
                places.clone(),
                places.iter().map(height).collect(),
            ))
            .with(Line::new(
                "with an offset",
                places.clone(),
                places.iter().map(|x| sweep.fit.law().at(*x)).collect(),
            ))
            .with(Points::new(
                "losses",
                self.budgets.clone(),
                sweep.losses.clone(),
            ))
            .with(Reference::level("irreducible", self.law.offset))
    }

    fn table(&self, sweeps: &[Sweep]) -> Table {
        let row = |name: &str, of: &dyn Fn(&Sweep) -> Estimate| {
            let values = each(sweeps, |sweep| of(sweep).value);
            let width = mean(&each(sweeps, |sweep| of(sweep).error()));
            vec![
                name.into(),
                Estimate::mean(&values).value.into(),
                width.into(),
                (mean(&values) - self.law.exponent).into(),
            ]
        };
        Table::new([
            Column::text("fit"),
            Column::number("mean exponent"),
            Column::number("mean half-width of its interval"),
            Column::number("mean error"),
        ])
        .with_rows([
            row("line in logarithms", &|sweep| sweep.line),
            row("with an offset", &|sweep| sweep.law),
        ])
    }
}

/// What the source prints of its own numbers.
fn as_printed() -> Vec<Claim> {
    let law = Law {
        amplitude: 2.0,
        exponent: 0.35,
        offset: 1.5,
    };
    let budgets = in_equal_ratios(1e18, 1e21, 10);
    let losses = each(&budgets, |budget| law.at(*budget));
    let slope = -lines_in_logarithms(&budgets, &losses, None).coefficients[1];
    // The budgets with which the excess is a hundredth of what it is at one.
    let needed = |exponent: f64| 100f64.powf(1.0 / exponent);
    vec![
        Claim::printed(
            "structure C.1",
            "Losses 2 C^(−0.35) + 1.5 at ten budgets C from 1e18 to 1e21 have a slope in logarithms of 0.349.",
            Rule::Equals {
                value: 0.349,
                tolerance: 0.005,
            },
            Estimate::exact(slope, 1e-9),
        ),
        Claim::printed(
            "structure C.1",
            "The loss 2 C^(−0.35) + 1.5 at C = 1e21 is 1.38.",
            Rule::Equals {
                value: 1.38,
                tolerance: 0.005,
            },
            Estimate::exact(losses[9], 1e-12),
        ),
        Claim::printed(
            "structure C.1",
            "With exponent 0.35 one needs two to four times the budget that one needs with 0.30 (for a hundredth of \
                the excess loss).",
            Rule::Between(2.0, 4.0),
            Estimate::exact(needed(0.35) / needed(0.3), 1e-9),
        ),
        Claim::corrected(
            "structure C.1",
            "With exponent 0.35 one needs less than the budget that one needs with 0.30.",
            Rule::Below(1.0),
            Estimate::exact(needed(0.35) / needed(0.3), 1e-9),
        ),
    ]
}

/// The exponent by the slope of the logarithms, with an interval of resampled points, as the source has it.
fn slope(budgets: &[f64], losses: &[f64], resamples: usize, streams: Streams) -> Estimate {
    let (x, y): (Vec<f64>, Vec<f64>) = (each(budgets, |x| x.ln()), each(losses, |y| y.ln()));
    Estimate::bootstrap(budgets.len(), resamples, streams, |drawn| {
        let taken = |values: &[f64]| drawn.iter().map(|&index| values[index]).collect::<Vec<_>>();
        -Estimate::slope(&taken(&x), &taken(&y)).value
    })
}

/// By how much Akaike's criterion is lower for a power law with an offset than for a logarithm.
fn preference(budgets: &[f64], losses: &[f64]) -> f64 {
    let power = Curve::power_with_offset(budgets).fit(losses);
    Curve::logarithm(budgets).fit(losses).criterion() - power.criterion()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_of_logarithms_is_the_exponent_times_the_share_that_falls() {
        let law = Law {
            amplitude: 2.0,
            exponent: 0.35,
            offset: 1.5,
        };
        let budgets = in_equal_ratios(9.99, 10.01, 8);
        let losses = each(&budgets, |x| law.at(*x));
        let found = -lines_in_logarithms(&budgets, &losses, None).coefficients[1];
        let share = 1.0 - law.offset / law.at(10.0);
        assert!((found - 0.35 * share).abs() < 1e-6, "{found}");
    }

    #[test]
    fn the_criterion_tells_exact_curves_apart() {
        let budgets = in_equal_ratios(1.0, 1e3, 20);
        let mut rng = Streams::new(0).stream("test", 0);
        let law = Law {
            amplitude: 2.0,
            exponent: 0.35,
            offset: 1.5,
        };
        let of_law = measured(&mut rng, budgets.iter().map(|x| law.at(*x)), 1e-4);
        let of_logarithm = measured(&mut rng, budgets.iter().map(|x| 3.0 - 0.2 * x.ln()), 1e-4);
        assert!(preference(&budgets, &of_law) > 10.0);
        assert!(preference(&budgets, &of_logarithm) < 0.0);
    }
}
