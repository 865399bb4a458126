//! How a budget is best shared between parameters and tokens where both reduce the loss by powers.

use super::{each, in_equal_ratios};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Points, Width};
use crate::problem::power_law::{JointLaw, OPERATIONS, logarithms};
use crate::statistics::{Estimate, Rule};
use crate::table::{Column, Table};

const ALPHA: Number = Number::new("alpha", "exponent of the parameters", 0.34).allowed(0.05, 2.0);
const BETA: Number = Number::new("beta", "exponent of the tokens", 0.28).allowed(0.05, 2.0);
const BUDGET: Number =
    Number::new("budget", "operations of the single examples", 1e21).allowed(1e15, 1e30);
const BUDGETS: Count =
    Count::new("budgets", "budgets from 1e19 to 1e22 operations", 13).allowed(4.0, 200.0);

/// How many tokens there are to a parameter in the source's allocation.
const TOKENS_PER_PARAMETER: f64 = 20.0;

/// Whether the printed exponents of allocation are those of the least loss.
#[derive(Debug)]
pub struct Allocation;

impl Experiment for Allocation {
    fn about(&self) -> About {
        About {
            name: "compute-allocation",
            subject: Subject::Scaling,
            claim: "The best number of parameters grows as the budget to the power α/(α+β), and tokens as β/(α+β).",
            source: "The Mathematical Structure of Machine Learning (course text), exercise C.10 and its solution; \
                Hoffmann et al. 2022, Training compute-optimal large language models",
            mathematics: "With a loss E + A N^(−α) + B D^(−β) of N parameters and D tokens and a budget C = 6ND, the \
                derivative along the budget vanishes where αA N^(−α) = βB D^(−β). So N ∝ C^(β/(α+β)), D ∝ C^(α/(α+β)), \
                D ∝ N^(α/β), and the excess loss falls as C^(−αβ/(α+β)). The tokens to a parameter grow as \
                C^((α−β)/(α+β)): no fixed number is the best one unless α = β. Here the least loss is searched for at \
                each budget, without the derivative, and exponents are the slopes of what is found. Around the least \
                loss the excess is quadratic in ln N, so that wrong shares cost little. C = 6ND counts each token \
                once; a factor of steps would count them again.",
            refuted_by: "Slopes of the searched optimum that are the printed exponents.",
            seeds: Extent { full: 0, quick: 0 },
            seconds: Extent {
                full: 0.01,
                quick: 0.01,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            ALPHA.parameter(),
            BETA.parameter(),
            BUDGET.parameter(),
            BUDGETS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let law = JointLaw {
            alpha: setup.get(ALPHA),
            beta: setup.get(BETA),
            ..JointLaw::PRINTED
        };
        let budgets = in_equal_ratios(1e19, 1e22, setup.get(BUDGETS));
        let best = each(&budgets, |budget| searched(*budget, |n, d| law.at(n, d)));
        let budget = setup.get(BUDGET);
        Ok(Findings::new()
            .claims(of_exponents(law, &budgets, &best))
            .claims(of_ratio(law, budget, &budgets, &best))
            .claims(of_printed_numbers())
            .claims(of_sensitivity(law, budget))
            .claim(without_power(law, &budgets))
            .figure("allocation", figure(law, &budgets, &best))
            .table("allocation", table(law, &budgets, &best)))
    }
}

/// The number of parameters of the least loss at a budget, by golden section in its logarithm.
fn searched(operations: f64, loss: impl Fn(f64, f64) -> f64) -> f64 {
    let section = (5f64.sqrt() - 1.0) / 2.0;
    let at = |logarithm: f64| loss(logarithm.exp(), operations / OPERATIONS / logarithm.exp());
    let (mut low, mut high) = (0.0, operations.ln());
    while high - low > 1e-7 {
        let (left, right) = (high - section * (high - low), low + section * (high - low));
        if at(left) < at(right) {
            high = right;
        } else {
            low = left;
        }
    }
    f64::exp((low + high) / 2.0)
}

fn tokens(operations: f64, parameters: f64) -> f64 {
    operations / OPERATIONS / parameters
}

fn slope(x: &[f64], y: &[f64]) -> Estimate {
    Estimate::slope(&logarithms(x), &logarithms(y))
}

fn of_exponents(law: JointLaw, budgets: &[f64], best: &[f64]) -> Vec<Claim> {
    let JointLaw { alpha, beta, .. } = law;
    let sum = alpha + beta;
    let data: Vec<f64> = budgets
        .iter()
        .zip(best)
        .map(|(budget, n)| tokens(*budget, *n))
        .collect();
    let excess: Vec<f64> = best
        .iter()
        .zip(&data)
        .map(|(n, d)| law.excess(*n, *d))
        .collect();
    let close = |value: f64| Rule::Equals {
        value,
        tolerance: 0.005,
    };
    let (of_parameters, of_both) = (slope(budgets, best), slope(best, &data));
    let least = slope(budgets, &excess).times(-1.0);
    let printed = |id, text: String, rule, estimate| Claim::printed(id, text, rule, estimate);
    let shares = format!(
        "With exponents {alpha} and {beta}, the best number of parameters grows as a budget's power"
    );
    vec![
        printed(
            "structure E7",
            format!("{shares} α/(α+β) = {:.3}.", alpha / sum),
            close(alpha / sum),
            of_parameters,
        ),
        Claim::corrected(
            "structure E7",
            format!("{shares} β/(α+β) = {:.3}.", beta / sum),
            close(beta / sum),
            of_parameters,
        ),
        printed(
            "structure E7",
            format!(
                "Tokens are as parameters to the power −α/β = {:.3}.",
                -alpha / beta
            ),
            close(-alpha / beta),
            of_both,
        ),
        Claim::corrected(
            "structure E7",
            format!(
                "Tokens are as parameters to the power α/β = {:.3}.",
                alpha / beta
            ),
            close(alpha / beta),
            of_both,
        ),
        printed(
            "structure C.10",
            format!(
                "The least excess loss falls as the budget to the power −αβ/(α+β) = {:.4}.",
                -alpha * beta / sum
            ),
            close(alpha * beta / sum),
            least,
        ),
    ]
}

fn of_ratio(law: JointLaw, budget: f64, budgets: &[f64], best: &[f64]) -> Vec<Claim> {
    let JointLaw { alpha, beta, .. } = law;
    let n = searched(budget, |n, d| law.at(n, d));
    let ratios: Vec<f64> = budgets
        .iter()
        .zip(best)
        .map(|(budget, n)| tokens(*budget, *n) / n)
        .collect();
    let power = (alpha - beta) / (alpha + beta);
    vec![
        Claim::printed(
            "structure C.10",
            format!(
                "At {budget:e} operations the least loss has {TOKENS_PER_PARAMETER} tokens to a parameter, to a tenth."
            ),
            Rule::Equals {
                value: TOKENS_PER_PARAMETER,
                tolerance: 0.1 * TOKENS_PER_PARAMETER,
            },
            Estimate::exact(tokens(budget, n) / n, 1e-4 * tokens(budget, n) / n),
        ),
        Claim::corrected(
            "structure C.10",
            format!(
                "The best number of tokens to a parameter is none of its own: it grows as the budget to the power \
                (α−β)/(α+β) = {power:.4}."
            ),
            Rule::Equals {
                value: power,
                tolerance: 0.005,
            },
            slope(budgets, &ratios),
        ),
    ]
}

/// What the source's own numbers spend.
fn of_printed_numbers() -> Vec<Claim> {
    let spent = |text: &str, share: f64| {
        Claim::printed(
            "structure C.10",
            text,
            Rule::Equals {
                value: 1.0,
                tolerance: 0.05,
            },
            Estimate::exact(share, 1e-9 * share),
        )
    };
    let budget: f64 = 1e21;
    let steps = 48.0;
    vec![
        spent(
            "4.57e9 parameters, 9.13e10 examples and 48 steps spend a budget of C = 6NDT = 1e21 to a twentieth.",
            OPERATIONS * 4.57e9 * 9.13e10 * steps / budget,
        ),
        spent(
            "0.4 C^0.55 parameters and 0.15 C^0.45 tokens spend the budget C = 6ND = 1e21 to a twentieth.",
            OPERATIONS * 0.4 * budget.powf(0.55) * 0.15 * budget.powf(0.45) / budget,
        ),
    ]
}

fn of_sensitivity(law: JointLaw, budget: f64) -> Vec<Claim> {
    let loss = |n: f64, operations: f64| law.at(n, tokens(operations, n));
    // The budget of which 1e11 parameters are the best share: the inverse of the power law.
    let power = law.beta / (law.alpha + law.beta);
    let large = budget * (1e11 / law.best_parameters(budget)).powf(1.0 / power);
    let doubled = loss(2e11, large) / loss(1e11, large) - 1.0;
    let best = law.best_parameters(budget);
    let misjudged = |by: f64| {
        JointLaw {
            alpha: law.alpha + by,
            ..law
        }
        .best_parameters(budget)
    };
    let moved = (misjudged(0.05) / best - 1.0).abs();
    let cost = |by: f64| loss(misjudged(by), budget) / loss(best, budget) - 1.0;
    let worst = cost(0.1).max(cost(-0.1));
    let exact = |value: f64| Estimate::exact(value, 1e-9 * value);
    vec![
        Claim::printed(
            "structure C.10",
            "Twice the best number of parameters, 2e11 and not 1e11, with half the tokens costs 10 to 20 % of the loss.",
            Rule::Between(0.1, 0.2),
            exact(doubled),
        ),
        Claim::corrected(
            "structure C.10",
            "Twice the best number of parameters, 2e11 and not 1e11, with half the tokens costs less than 1 % of the loss.",
            Rule::Below(0.01),
            exact(doubled),
        ),
        Claim::printed(
            "structure C.10",
            format!(
                "An error of 0.05 in α, with the other constants as they are, moves the number of parameters at \
                {budget:e} operations by 20 to 30 %."
            ),
            Rule::Between(0.2, 0.3),
            exact(moved),
        ),
        Claim::printed(
            "structure C.10",
            format!(
                "An error of 0.1 in α, to the worse side, costs 20 to 30 % of the loss at {budget:e} operations."
            ),
            Rule::Between(0.2, 0.3),
            exact(worst),
        ),
    ]
}

/// An approximation error that falls faster than any power.
fn exponential(law: JointLaw, n: f64, d: f64) -> f64 {
    (-n / 1e9).exp() + law.of_tokens * d.powf(-law.beta)
}

fn without_power(law: JointLaw, budgets: &[f64]) -> Claim {
    let best = each(budgets, |budget| {
        searched(*budget, |n, d| exponential(law, n, d))
    });
    let last = budgets.len() - 1;
    let of_end = (best[last] / best[last - 1]).ln() / (budgets[last] / budgets[last - 1]).ln();
    let power = law.beta / (law.alpha + law.beta);
    Claim::must_hold(
        "structure E7",
        format!(
            "Where the approximation error falls as exp(−N/1e9), and so by no power, the exponent of the best \
            number of parameters between the last two budgets is below half of β/(α+β) = {power:.3}."
        ),
        Rule::Below(power / 2.0),
        Estimate::exact(of_end, 1e-4),
    )
}

fn figure(law: JointLaw, budgets: &[f64], best: &[f64]) -> Figure {
    let panel = Panel::new(
        Axis::new("parameters", "1").log(),
        Axis::new("loss", "nats").linear(),
    );
    let curves = [1e19, 1e20, 1e21]
        .into_iter()
        .fold(panel, |panel, budget: f64| {
            let middle = law.best_parameters(budget);
            let places = in_equal_ratios(middle / 30.0, middle * 30.0, 50);
            let losses = each(&places, |n| law.at(*n, tokens(budget, *n)));
            let optimum = law.at(middle, tokens(budget, middle));
            panel
                .with(Line::new(format!("{budget:e} operations"), places, losses))
                .with(Points::new("best", vec![middle], vec![optimum]))
        });
    let printed = law.alpha / (law.alpha + law.beta);
    let swapped = each(budgets, |budget| {
        best[0] * (budget / budgets[0]).powf(printed)
    });
    let ratio = each(budgets, |budget| {
        (budget / OPERATIONS / TOKENS_PER_PARAMETER).sqrt()
    });
    let shares = Panel::new(
        Axis::new("budget", "operations").log(),
        Axis::new("parameters", "1").log(),
    )
    .with(Points::new("best", budgets.to_vec(), best.to_vec()))
    .with(Line::new("power α/(α+β)", budgets.to_vec(), swapped))
    .with(Line::new("20 tokens each", budgets.to_vec(), ratio));
    Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("Loss and best number of parameters by budget")
    }
    .with(curves.titled("loss at a fixed budget"))
    .with(shares.titled("allocation"))
}

fn table(law: JointLaw, budgets: &[f64], best: &[f64]) -> Table {
    let row = |(budget, n): (&f64, &f64)| {
        let d = tokens(*budget, *n);
        vec![
            (*budget).into(),
            (*n).into(),
            d.into(),
            (d / n).into(),
            law.at(*n, d).into(),
        ]
    };
    Table::new(
        [
            "operations",
            "parameters",
            "tokens",
            "tokens to a parameter",
            "loss",
        ]
        .map(Column::number),
    )
    .with_rows(budgets.iter().zip(best).map(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_finds_the_zero_of_the_derivative() {
        for budget in [1e18, 1e21, 1e24] {
            let found = searched(budget, |n, d| JointLaw::PRINTED.at(n, d));
            let ratio = found / JointLaw::PRINTED.best_parameters(budget);
            // Around a minimum only half the digits of a number can be found.
            assert!((ratio - 1.0).abs() < 1e-5, "{ratio}");
        }
    }

    #[test]
    fn the_best_shares_are_those_of_hand_calculation() {
        // (0.34·406.4/(0.28·410.7))^(1/0.62) = 1.34485 times (1e21/6)^(0.28/0.62) = 1.35637e9.
        let n = JointLaw::PRINTED.best_parameters(1e21);
        let expected = (0.34 * 406.4 / (0.28 * 410.7) * (1e21f64 / 6.0).powf(0.28)).ln() / 0.62;
        assert!((n.ln() - expected).abs() < 1e-12);
        assert!((tokens(1e21, n) * n * 6.0 / 1e21 - 1.0).abs() < 1e-12);
    }
}
