//! Whether optimisers share the exponent by which the loss falls with steps.

use super::modes::Modes;
use super::{each, in_equal_ratios};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Width};
use crate::problem::draw;
use crate::problem::power_law::lines_in_logarithms;
use crate::random::StreamRng;
use crate::statistics::{Estimate, Rule, mean};
use crate::table::{Column, Table};

const LOSS_POWER: Number = Number::new(
    "loss-power",
    "power by which modes have less of the loss",
    1.5,
)
.allowed(1.1, 3.0);
const CURVATURE_POWER: Number = Number::new(
    "curvature-power",
    "power by which modes have less curvature",
    1.5,
)
.allowed(1.0, 4.0);
const STEPS: Count = Count::new("steps", "steps of the longest run", 3000)
    .quick(800)
    .allowed(400.0, 1e5);
const MOMENTUM: Number = Number::new("momentum", "of the heavy ball", 0.9).allowed(0.0, 0.99);
/// How many budgets there are, in equal ratios, and the first of them in steps.
const BUDGETS: usize = 8;
const FIRST: f64 = 100.0;

/// The last mode, beyond all that are learnt.
const LAST: f64 = 1e12;

/// Whether the exponent belongs to the problem and not to the optimiser.
#[derive(Debug)]
pub struct Optimisers;

impl Experiment for Optimisers {
    fn about(&self) -> About {
        About {
            name: "optimiser-exponents",
            subject: Subject::Scaling,
            claim: "Over large budgets, optimisers reach the same scaling exponent: it belongs to data and task.",
            source: "The Mathematical Structure of Machine Learning (course text), exercise C.6 and its solution",
            mathematics: "A quadratic loss with modes of curvature j^(−b), each with j^(−a) of the loss times the square \
                of a normal number. After t steps, gradient descent and the heavy ball have learnt the modes whose \
                curvature is above about 1/t, so that L(t) ∝ t^(−(a−1)/b). Nesterov's accelerated gradient has learnt \
                those above 1/t², and its exponent is twice as large. The exercise asks for networks of several widths and \
                depths, with margins and norms; here the loss is a quadratic, whose exponents are known.",
            refuted_by: "An optimiser whose exponent differs by more than a tenth from that of gradient descent on the \
                same problems.",
            seeds: Extent {
                full: 20,
                quick: 20,
            },
            seconds: Extent {
                full: 2.5,
                quick: 0.8,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            LOSS_POWER.parameter(),
            CURVATURE_POWER.parameter(),
            STEPS.parameter(),
            MOMENTUM.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let (a, b) = (setup.get(LOSS_POWER), setup.get(CURVATURE_POWER));
        let study = Study::new(a, b, setup.get(STEPS), setup.get(MOMENTUM));
        let runs = setup.over_seeds(|streams| Ok(study.runs(&mut streams.stream("problem", 0))))?;
        let exponent = (a - 1.0) / b;
        Ok(Findings::new()
            .claims(of_optimisers(&study, &runs, exponent))
            .claims(of_windows(&study, &runs))
            .figure("losses", figure(&study, &runs))
            .table("optimisers", table(&study, &runs)))
    }
}

/// How the error of the modes is lowered.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Optimiser {
    Descent,
    HeavyBall,
    Nesterov,
}

const OPTIMISERS: [Optimiser; 3] = [
    Optimiser::Descent,
    Optimiser::HeavyBall,
    Optimiser::Nesterov,
];

impl Optimiser {
    fn words(self) -> &'static str {
        match self {
            Self::Descent => "gradient descent",
            Self::HeavyBall => "heavy ball",
            Self::Nesterov => "Nesterov",
        }
    }
}

/// The losses at each budget, of every optimiser, and of gradient descent where curvatures are bounded below.
struct Runs {
    losses: Vec<Vec<f64>>,
    bounded: Vec<f64>,
}

struct Study {
    modes: Modes,
    budgets: Vec<usize>,
    momentum: f64,
}

impl Study {
    fn new(a: f64, b: f64, steps: usize, momentum: f64) -> Self {
        let budgets = in_equal_ratios(FIRST, steps as f64, BUDGETS);
        Self {
            modes: Modes::new(a, b, LAST),
            budgets: budgets
                .iter()
                .map(|budget| budget.round() as usize)
                .collect(),
            momentum,
        }
    }

    fn runs(&self, rng: &mut StreamRng) -> Runs {
        // Of a group of n modes, the mean square of n normal numbers, which is near one where n is large.
        let squares = self.modes.numbers.iter().map(|number| {
            let z = draw::normal(rng);
            if *number < 1.5 {
                z * z
            } else {
                (1.0 + z * (2.0 / number).sqrt()).max(0.0)
            }
        });
        let modes = Modes {
            losses: self
                .modes
                .losses
                .iter()
                .zip(squares)
                .map(|(loss, square)| loss * square)
                .collect(),
            ..self.modes.clone()
        };
        let raised = Modes {
            curvatures: each(&modes.curvatures, |curvature| {
                curvature + 10.0 / self.last()
            }),
            ..modes.clone()
        };
        Runs {
            losses: OPTIMISERS
                .iter()
                .map(|optimiser| self.losses(*optimiser, &modes))
                .collect(),
            bounded: self.losses(Optimiser::Descent, &raised),
        }
    }

    fn last(&self) -> f64 {
        self.budgets[BUDGETS - 1] as f64
    }

    fn losses(&self, optimiser: Optimiser, modes: &Modes) -> Vec<f64> {
        let mut losses = vec![0.0; BUDGETS];
        for (curvature, loss) in modes.curvatures.iter().zip(&modes.losses) {
            let (mut before, mut here) = (1.0, 1.0);
            let mut next = 0;
            for step in 1..=self.budgets[BUDGETS - 1] {
                let there = self.stepped(optimiser, *curvature, step as f64, before, here);
                (before, here) = (here, there);
                if step == self.budgets[next] {
                    losses[next] += loss * here * here;
                    next += 1;
                }
            }
        }
        losses
    }

    /// The error of a mode after one step more; the largest curvature is about one, and so is the learning rate's inverse.
    fn stepped(
        &self,
        optimiser: Optimiser,
        curvature: f64,
        step: f64,
        before: f64,
        here: f64,
    ) -> f64 {
        match optimiser {
            Optimiser::HeavyBall => here * (1.0 - curvature) + self.momentum * (here - before),
            // Nesterov 1983, with the momentum (t−1)/(t+2).
            Optimiser::Nesterov => {
                (1.0 - curvature) * (here + (step - 1.0) / (step + 2.0) * (here - before))
            }
            Optimiser::Descent => here * (1.0 - curvature),
        }
    }

    fn exponents(&self, losses: &[f64]) -> f64 {
        let budgets: Vec<f64> = self.budgets.iter().map(|budget| *budget as f64).collect();
        -lines_in_logarithms(&budgets, losses, None).coefficients[1]
    }

    /// The exponent of the second half of the budgets over that of the first.
    fn bend(&self, losses: &[f64]) -> f64 {
        let half = |from: usize| {
            let to = from + BUDGETS / 2 - 1;
            (losses[from] / losses[to]).ln()
                / (self.budgets[to] as f64 / self.budgets[from] as f64).ln()
        };
        half(BUDGETS / 2) / half(0)
    }
}

fn exponents(study: &Study, runs: &[Runs], optimiser: Optimiser) -> Vec<f64> {
    let place = OPTIMISERS
        .iter()
        .position(|other| *other == optimiser)
        .unwrap_or(0);
    each(runs, |run| study.exponents(&run.losses[place]))
}

fn of_optimisers(study: &Study, runs: &[Runs], exponent: f64) -> Vec<Claim> {
    let descent = exponents(study, runs, Optimiser::Descent);
    let same = Rule::Equals {
        value: 0.0,
        tolerance: 0.1 * exponent,
    };
    let printed = [Optimiser::HeavyBall, Optimiser::Nesterov].map(|optimiser| {
        Claim::printed(
            "structure C.6",
            format!(
                "On quadratics, which stand for networks here, the exponent of {} is that of gradient descent, to a tenth of \
                 {exponent:.3}.",
                optimiser.words()
            ),
            same,
            Estimate::difference(&descent, &exponents(study, runs, optimiser)),
        )
    });
    let nesterov = exponents(study, runs, Optimiser::Nesterov);
    let twice: Vec<f64> = nesterov
        .iter()
        .zip(&descent)
        .map(|(nesterov, descent)| nesterov / descent)
        .collect();
    let corrected = Claim::corrected(
        "structure C.6",
        "On these quadratics the exponent of Nesterov is twice that of gradient descent, to a tenth.",
        Rule::Equals {
            value: 2.0,
            tolerance: 0.2,
        },
        Estimate::mean(&twice),
    );
    let theory = Claim::corrected(
        "structure C.6",
        format!(
            "The exponent of gradient descent is that of the spectrum, (a−1)/b = {exponent:.3}, to a tenth."
        ),
        Rule::Equals {
            value: exponent,
            tolerance: 0.1 * exponent,
        },
        Estimate::mean(&descent),
    );
    printed.into_iter().chain([corrected, theory]).collect()
}

fn of_windows(study: &Study, runs: &[Runs]) -> Vec<Claim> {
    vec![
        Claim::must_hold(
            "structure C.6",
            "Gradient descent has one exponent: that of the second half of the budgets is that of the first to a fifth.",
            Rule::Equals {
                value: 1.0,
                tolerance: 0.2,
            },
            Estimate::mean(&each(runs, |run| study.bend(&run.losses[0]))),
        ),
        Claim::must_hold(
            "structure C.6",
            "Where curvatures stay above a number, which ends the power law, the exponent of the second half of the \
                budgets is more than twice that of the first.",
            Rule::Above(2.0),
            Estimate::mean(&each(runs, |run| study.bend(&run.bounded))),
        ),
    ]
}

fn figure(study: &Study, runs: &[Runs]) -> Figure {
    let budgets: Vec<f64> = study.budgets.iter().map(|budget| *budget as f64).collect();
    let at = |of: &dyn Fn(&Runs) -> &Vec<f64>, place: usize| each(runs, |run| of(run)[place]);
    let line = |name: &str, of: &dyn Fn(&Runs) -> &Vec<f64>| {
        let ends = |end: fn(f64, f64) -> f64| -> Vec<f64> {
            (0..BUDGETS)
                .map(|place| at(of, place).into_iter().reduce(end).unwrap_or(f64::NAN))
                .collect()
        };
        let middle = (0..BUDGETS).map(|place| mean(&at(of, place))).collect();
        let meaning = format!("smallest to largest of {} problems", runs.len());
        Line::new(name, budgets.clone(), middle).with_band(ends(f64::min), ends(f64::max), meaning)
    };
    let panel = || {
        Panel::new(
            Axis::new("budget", "steps").log(),
            Axis::new("excess loss", "1").log(),
        )
    };
    let power = OPTIMISERS
        .iter()
        .enumerate()
        .fold(panel(), |panel, (index, optimiser)| {
            panel.with(line(optimiser.words(), &move |run: &Runs| {
                &run.losses[index]
            }))
        });
    let none = panel()
        .with(line(OPTIMISERS[0].words(), &|run: &Runs| &run.losses[0]))
        .with(line("curvatures bounded below", &|run: &Runs| &run.bounded));
    Figure {
        columns: 2,
        width: Width::Page,
        shares_x: true,
        ..Figure::new("Excess loss by budget")
    }
    .with(power.titled("optimisers"))
    .with(none.titled("with and without a power law"))
}

fn table(study: &Study, runs: &[Runs]) -> Table {
    let row = |(index, optimiser): (usize, &Optimiser)| {
        let found = Estimate::mean(&exponents(study, runs, *optimiser));
        let last = mean(&each(runs, |run| run.losses[index][BUDGETS - 1]));
        let bend = mean(&each(runs, |run| study.bend(&run.losses[index])));
        vec![
            optimiser.words().into(),
            found.value.into(),
            found.error().into(),
            bend.into(),
            last.into(),
        ]
    };
    Table::new([
        Column::text("optimiser"),
        Column::number("exponent"),
        Column::number("half-width of its interval"),
        Column::number("second half's over first half's"),
        Column::number("last loss"),
    ])
    .with_rows(OPTIMISERS.iter().enumerate().map(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradient_descent_leaves_powers() {
        let study = Study::new(1.5, 1.5, 800, 0.9);
        let modes = Modes {
            curvatures: vec![0.1],
            losses: vec![2.0],
            numbers: vec![1.0],
        };
        let expected = 2.0 * 0.9f64.powi(1600);
        assert!(
            (study.losses(Optimiser::Descent, &modes)[BUDGETS - 1] / expected - 1.0).abs() < 1e-12
        );
    }

    #[test]
    fn the_heavy_ball_has_the_roots_of_its_recurrence() {
        // e(t+1) = (1 − λ + β) e(t) − β e(t−1) has complex roots of modulus √β where (1 + β − λ)² < 4β.
        let study = Study::new(1.5, 1.5, 100, 0.9);
        let (sum, product): (f64, f64) = (1.9 - 0.5, 0.9);
        let angle = (sum / 2.0 / product.sqrt()).acos();
        let (mut before, mut here) = (1.0, 1.0);
        for step in 1..=20 {
            let there = study.stepped(Optimiser::HeavyBall, 0.5, f64::from(step), before, here);
            (before, here) = (here, there);
        }
        // A cos + B sin with the errors one at times −1 and 0.
        let at =
            |t: f64, b: f64| product.powf(t / 2.0) * ((angle * t).cos() + b * (angle * t).sin());
        let b = (angle.cos() - product.sqrt()) / angle.sin();
        assert!((at(-1.0, b) - 1.0).abs() < 1e-12);
        assert!((here - at(20.0, b)).abs() < 1e-12, "{here}");
    }
}
