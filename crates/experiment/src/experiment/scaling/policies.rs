//! What policies of allocation lose that know the scaling law from pilot runs only.

use super::{each, in_equal_ratios, measured};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Rule as Reference, Width};
use crate::problem::power_law::{Curve, JointLaw, OPERATIONS};
use crate::random::StreamRng;
use crate::statistics::estimate::median;
use crate::statistics::{Estimate, Rule};
use crate::table::{Column, Table};

const PILOTS: Count =
    Count::new("pilots", "sizes of pilot models, and of their data", 5).allowed(4.0, 20.0);
const ERRORS: Numbers = Numbers::new(
    "errors",
    "standard errors of the logarithm of a pilot's loss",
    &[0.002, 0.01, 0.05],
)
.allowed(1e-6, 0.3);
const BUDGET: Number = Number::new("budget", "operations to be shared", 1e21).allowed(1e19, 1e25);
const HEDGE: Number = Number::new(
    "hedge",
    "by how much the robust policy doubts exponents",
    0.05,
)
.allowed(0.0, 0.2);

/// The smallest and largest pilot models and data.
const MODELS: [f64; 2] = [1e7, 1e9];
const DATA: [f64; 2] = [3e8, 3e10];

/// The share of the budget that the adaptive policy spends on runs to learn from.
const FIRST_SHARE: f64 = 0.1;

/// By which power of the budget the heuristic's models grow: ten parts of eleven.
const HEURISTIC: f64 = 10.0 / 11.0;

/// From how many tokens on more of them help no more, where the truth is no power law.
const EXHAUSTED: f64 = 1e10;

/// What policies of allocation lose.
#[derive(Debug)]
pub struct Policies;

impl Experiment for Policies {
    fn about(&self) -> About {
        About {
            name: "allocation-policies",
            subject: Subject::Scaling,
            claim: "Allocation by fitted exponents is brittle, and robust or adaptive allocation is better.",
            source: "The Mathematical Structure of Machine Learning (course text), exercise C.10",
            mathematics: "Pilot runs of known N and D give losses with errors, to which E + A N^(−α) + B D^(−β) is fitted. \
                Four policies share a budget far beyond them: by the exponents of the fit; by a rule of thumb that \
                spends ten parts of eleven of any growth on parameters; robustly, by the least worst case over \
                exponents around the fitted ones, each with constants fitted again; and adaptively, with a tenth of \
                the budget spent on a run around the first guess, a new fit, and the rest shared by it. The regret is \
                the share by which the true loss is above the least one of the whole budget.",
            refuted_by: "Exponents fitted to imprecise pilots that lose less than a twentieth, or robust and adaptive \
                policies that lose more.",
            seeds: Extent {
                full: 60,
                quick: 20,
            },
            seconds: Extent {
                full: 0.3,
                quick: 0.1,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            PILOTS.parameter(),
            ERRORS.parameter(),
            BUDGET.parameter(),
            HEDGE.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let mut errors = setup.get(ERRORS);
        errors.sort_by(f64::total_cmp);
        if errors.len() < 2 {
            return Err(ExperimentError::because(
                "errors: the policies are compared at two errors at least",
            ));
        }
        let study = Study::new(setup.get(PILOTS), setup.get(BUDGET), setup.get(HEDGE));
        let regrets = setup.over_seeds(|streams| {
            let of_error = |(index, error): (usize, &f64)| {
                let mut rng = streams.stream("pilots", index as u64);
                study.regrets(&mut rng, *error, Truth::Powers)
            };
            let all = errors.iter().enumerate().map(of_error).collect();
            Ok((
                all,
                study.regrets(
                    &mut streams.stream("exhausted", 0),
                    errors[0],
                    Truth::Exhausted,
                ),
            ))
        })?;
        let (powers, exhausted): (Vec<Vec<Regrets>>, Vec<Regrets>) = regrets.into_iter().unzip();
        let by_error: Vec<Vec<Regrets>> = (0..errors.len())
            .map(|index| powers.iter().map(|all| all[index]).collect())
            .collect();
        Ok(Findings::new()
            .claims(claims(&errors, &by_error, &exhausted))
            .figure("regrets", figure(&errors, &by_error))
            .table("regrets", table(&errors, &by_error, &exhausted)))
    }
}

const POLICIES: [&str; 4] = ["fitted exponents", "rule of thumb", "robust", "adaptive"];

/// What each policy loses.
type Regrets = [f64; 4];

#[derive(Clone, Copy, PartialEq)]
enum Truth {
    /// The law that is fitted.
    Powers,
    /// Tokens help no more from a number on.
    Exhausted,
}

impl Truth {
    fn loss(self, n: f64, d: f64) -> f64 {
        match self {
            Self::Powers => JointLaw::PRINTED.at(n, d),
            Self::Exhausted => JointLaw::PRINTED.at(n, d.min(EXHAUSTED)),
        }
    }
}

struct Study {
    models: Vec<f64>,
    data: Vec<f64>,
    budget: f64,
    hedge: f64,
}

impl Study {
    fn new(pilots: usize, budget: f64, hedge: f64) -> Self {
        let sizes = in_equal_ratios(MODELS[0], MODELS[1], pilots);
        let amounts = in_equal_ratios(DATA[0], DATA[1], pilots);
        Self {
            models: sizes.iter().flat_map(|n| vec![*n; pilots]).collect(),
            data: sizes.iter().flat_map(|_| amounts.clone()).collect(),
            budget,
            hedge,
        }
    }

    fn regrets(&self, rng: &mut StreamRng, error: f64, truth: Truth) -> Regrets {
        let pilots = self
            .models
            .iter()
            .zip(&self.data)
            .map(|(n, d)| truth.loss(*n, *d));
        let losses = measured(rng, pilots, error);
        let fit = Curve::joint(&self.models, &self.data)
            .fit(&losses)
            .joint_law();
        let fitted = self.best(&|n, d| fit.at(n, d), self.budget);
        let thumb = self.rule_of_thumb();
        let robust = self.robust(fit, &losses);
        let adaptive = self.adaptive(rng, error, truth, &losses, fitted);
        let least = self.loss(
            truth,
            self.best(&|n, d| truth.loss(n, d), self.budget),
            self.budget,
        );
        let rest = (1.0 - FIRST_SHARE) * self.budget;
        let reached = [
            (fitted, self.budget),
            (thumb, self.budget),
            (robust, self.budget),
            (adaptive, rest),
        ];
        reached.map(|(n, budget)| self.loss(truth, n, budget) / least - 1.0)
    }

    fn loss(&self, truth: Truth, n: f64, budget: f64) -> f64 {
        truth.loss(n, budget / OPERATIONS / n)
    }

    /// The number of parameters of the least of what is expected, among those of which no less than a thousandth and no
    /// more than a million tokens each could be had.
    fn best(&self, expected: &dyn Fn(f64, f64) -> f64, budget: f64) -> f64 {
        let middle = (budget / OPERATIONS).sqrt();
        let places = in_equal_ratios(middle / 1e3, middle * 30.0, 400);
        let losses = places
            .iter()
            .map(|n| (expected(*n, budget / OPERATIONS / n), *n));
        losses
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map_or(middle, |(_, n)| n)
    }

    /// From the largest pilot on, nearly all growth goes to parameters.
    fn rule_of_thumb(&self) -> f64 {
        let [_, n] = MODELS;
        let [_, d] = DATA;
        n * (self.budget / (OPERATIONS * n * d)).powf(HEURISTIC)
    }

    /// The least worst case over exponents around the fitted ones.
    fn robust(&self, fit: JointLaw, losses: &[f64]) -> f64 {
        let laws: Vec<JointLaw> = [
            (-1.0, -1.0),
            (-1.0, 1.0),
            (1.0, -1.0),
            (1.0, 1.0),
            (0.0, 0.0),
        ]
        .into_iter()
        .map(|(a, b)| {
            let exponents =
                [fit.alpha + a * self.hedge, fit.beta + b * self.hedge].map(|one| one.max(0.01));
            self.with_exponents(exponents, losses)
        })
        .collect();
        self.best(
            &|n, d| laws.iter().map(|law| law.at(n, d)).fold(f64::MIN, f64::max),
            self.budget,
        )
    }

    /// The law with given exponents and the constants of least squares.
    fn with_exponents(&self, [alpha, beta]: [f64; 2], losses: &[f64]) -> JointLaw {
        let power = |x: &[f64], exponent: f64| each(x, |x| x.powf(-exponent));
        let columns = vec![
            power(&self.models, alpha),
            power(&self.data, beta),
            vec![1.0; losses.len()],
        ];
        let fit = Curve {
            arguments: Vec::new(),
            columns,
        }
        .fit(losses);
        JointLaw {
            of_parameters: fit.coefficients[0],
            alpha,
            of_tokens: fit.coefficients[1],
            beta,
            offset: fit.coefficients[2],
        }
    }

    /// Three runs around the first guess, with a tenth of the budget in all, and the best share of the rest by a new fit.
    fn adaptive(
        &self,
        rng: &mut StreamRng,
        error: f64,
        truth: Truth,
        losses: &[f64],
        guess: f64,
    ) -> f64 {
        let each_run = FIRST_SHARE * self.budget / 3.0;
        let scaled = guess * (each_run / self.budget).sqrt();
        let models = [scaled / 3.0, scaled, scaled * 3.0];
        let data = models.map(|n| each_run / OPERATIONS / n);
        let more = measured(
            rng,
            models.iter().zip(&data).map(|(n, d)| truth.loss(*n, *d)),
            error,
        );
        let curve = Curve::joint(
            &[&self.models[..], &models].concat(),
            &[&self.data[..], &data].concat(),
        );
        let fit = curve.fit(&[losses, &more].concat()).joint_law();
        self.best(&|n, d| fit.at(n, d), (1.0 - FIRST_SHARE) * self.budget)
    }
}

fn of_policy(regrets: &[Regrets], policy: usize) -> Vec<f64> {
    each(regrets, |regrets| regrets[policy])
}

/// The median of how much more one policy loses than another, pair by pair.
fn more(regrets: &[Regrets], policy: usize, than: usize) -> Estimate {
    Estimate::median(&each(regrets, |regrets| regrets[policy] - regrets[than]))
}

fn claims(errors: &[f64], by_error: &[Vec<Regrets>], exhausted: &[Regrets]) -> Vec<Claim> {
    let last = errors.len() - 1;
    let (small, large) = (100.0 * errors[0], 100.0 * errors[last]);
    let (precise, imprecise) = (&by_error[0], &by_error[last]);
    vec![
        Claim::printed(
            "structure C.10",
            format!(
                "Exponents fitted to pilots with errors of {large} % are brittle: in the median they lose more than \
                5 % of the loss."
            ),
            Rule::Above(0.05),
            Estimate::median(&of_policy(imprecise, 0)),
        ),
        Claim::corrected(
            "structure C.10",
            format!(
                "They are not: fitted to pilots with errors of {large} %, they lose less than 5 % of the loss in the \
                median."
            ),
            Rule::Below(0.05),
            Estimate::median(&of_policy(imprecise, 0)),
        ),
        Claim::printed(
            "structure C.10",
            format!(
                "With errors of {large} %, the robust policy loses less than the fitted exponents."
            ),
            Rule::Below(0.0),
            more(imprecise, 2, 0),
        ),
        Claim::printed(
            "structure C.10",
            format!(
                "With errors of {large} %, the adaptive policy loses less than the fitted exponents."
            ),
            Rule::Below(0.0),
            more(imprecise, 3, 0),
        ),
        Claim::printed(
            "structure C.10",
            format!(
                "With errors of {small} %, the fitted exponents lose less than the rule of thumb."
            ),
            Rule::Above(0.0),
            more(precise, 1, 0),
        ),
        Claim::must_hold(
            "structure C.10",
            format!(
                "With errors of {small} %, the fitted exponents lose less than 1 % of the loss in the median."
            ),
            Rule::Below(0.01),
            Estimate::median(&of_policy(precise, 0)),
        ),
        Claim::must_hold(
            "structure C.10",
            format!(
                "Where more than {EXHAUSTED:e} tokens help no more, which is no power law, the exponents fitted with \
                errors of {small} % lose more than 1 % of the loss in the median."
            ),
            Rule::Above(0.01),
            Estimate::median(&of_policy(exhausted, 0)),
        ),
    ]
}

fn figure(errors: &[f64], by_error: &[Vec<Regrets>]) -> Figure {
    let panel = Panel::new(
        Axis::new("error of a pilot's loss", "%").log(),
        Axis::new("loss above the least", "%").log(),
    );
    let percent: Vec<f64> = each(errors, |error| 100.0 * error);
    let quartile = |values: Vec<f64>, part: usize| {
        let mut values = values;
        values.sort_by(f64::total_cmp);
        100.0 * values[part * (values.len() - 1) / 4]
    };
    let lines = POLICIES
        .iter()
        .enumerate()
        .fold(panel, |panel, (policy, name)| {
            let of = |part: usize| -> Vec<f64> {
                by_error
                    .iter()
                    .map(|regrets| quartile(of_policy(regrets, policy), part).max(1e-4))
                    .collect()
            };
            let middle = each(by_error, |regrets| {
                100.0 * median(&of_policy(regrets, policy))
            });
            panel.with(
                Line::new(*name, percent.clone(), middle)
                    .with_band(of(1), of(3), "middle half of seeds")
                    .with_markers(),
            )
        });
    Figure {
        width: Width::Column,
        ..Figure::new("What policies of allocation lose")
    }
    .with(lines.with(Reference::level("1 %", 1.0)))
}

fn table(errors: &[f64], by_error: &[Vec<Regrets>], exhausted: &[Regrets]) -> Table {
    let row = |truth: &str, error: f64, regrets: &[Regrets]| {
        let medians = (0..POLICIES.len()).map(|policy| median(&of_policy(regrets, policy)).into());
        [truth.into(), error.into()]
            .into_iter()
            .chain(medians)
            .collect()
    };
    let columns = [Column::text("truth"), Column::number("error")]
        .into_iter()
        .chain(POLICIES.map(Column::number));
    Table::new(columns)
        .captioned("The median share by which the loss is above the least one.")
        .with_rows(
            errors
                .iter()
                .zip(by_error)
                .map(|(error, regrets)| row("powers", *error, regrets)),
        )
        .with_rows([row("data exhausted", errors[0], exhausted)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Streams;

    #[test]
    fn pilots_without_errors_lead_to_the_best_allocation() {
        let study = Study::new(5, 1e21, 0.05);
        let mut rng = Streams::new(0).stream("test", 0);
        let regrets = study.regrets(&mut rng, 1e-9, Truth::Powers);
        assert!(regrets[0] < 1e-5, "{regrets:?}");
        // The adaptive policy has spent a tenth: the excess grows by 0.9^(−0.1535).
        let excess = |budget: f64| {
            let n = JointLaw::PRINTED.best_parameters(budget);
            JointLaw::PRINTED.excess(n, budget / OPERATIONS / n)
        };
        let expected = (excess(0.9e21) - excess(1e21)) / (JointLaw::PRINTED.offset + excess(1e21));
        assert!(
            (regrets[3] - expected).abs() < 1e-4,
            "{regrets:?} {expected}"
        );
    }

    #[test]
    fn the_worst_case_of_no_doubt_is_the_fit() {
        let study = Study::new(5, 1e21, 0.0);
        let losses: Vec<f64> = study
            .models
            .iter()
            .zip(&study.data)
            .map(|(n, d)| JointLaw::PRINTED.at(*n, *d))
            .collect();
        let robust = study.robust(JointLaw::PRINTED, &losses);
        assert!(
            (robust / JointLaw::PRINTED.best_parameters(1e21))
                .ln()
                .abs()
                < 0.03
        );
    }
}
