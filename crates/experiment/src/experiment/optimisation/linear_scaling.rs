//! The linear scaling rule: on a fixed gradient, where it is exact, and on parabolas, where it is not.

use super::{each, equals, power};
use crate::experiment::lines::tested;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Mark, Panel, Points, Style, Width};
use crate::problem::stochastic::{Cumulants, THREE_VARIANCE, combined, moments, with_replacement};
use crate::problem::vector::normals;
use crate::random::Streams;
use crate::statistics::{Estimate, Rule, mean, variance};

const RATE: Number =
    Number::new("rate", "step size η with batches of one", 0.002).allowed(1e-5, 0.01);
const KAPPAS: Numbers = Numbers::new(
    "kappas",
    "factors κ of batch size and step size",
    &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0],
)
.allowed(1.0, 64.0);
const WALKS: Count = Count::new("walks", "walks with a fixed gradient per seed", 400)
    .quick(200)
    .allowed(10.0, 1e5);
const STEPS: Count = Count::new("steps", "steps of a walk with batches of one", 400)
    .quick(200)
    .allowed(64.0, 1e5);

/// From where the parabolas are descended, until which time ηk.
const START: f64 = 3.0;
const UNTIL: f64 = 2.0;
/// The factor of batch size with which walks are compared.
const FACTOR: usize = 8;
/// How many examples there are, and what their fixed gradients have as mean and spread.
const EXAMPLES: usize = 64;
const SLOPE: [f64; 2] = [0.7, 2.0];
/// The step size of walks with batches of one.
const WALK_RATE: f64 = 0.01;

/// Theory 12-3 and 12-8.
#[derive(Debug)]
pub struct LinearScalingRule;

impl Experiment for LinearScalingRule {
    fn about(&self) -> About {
        About {
            name: "linear-scaling-rule",
            subject: Subject::Optimisation,
            claim: "Scaling the step size with the batch size keeps the law of stochastic gradient descent up to an error of \
                    order (1 + κ)η.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 12.1.1 and Theorem 12.3.5",
            mathematics: "Where no example's gradient depends on x, their mean is ḡ and their variance σ², k steps of size η with batches \
                of B drawn examples lead to N(−ηḡk, η²σ²k/B), by the central limit theorem. A \
                batch κB with κη and k/κ steps leads to the same law; with √κ η and k/√κ steps the variance is 1/√κ of it. On \
                the three parabolas (x − 3)², (x + 3)², x² + 9 a step is x ← (1 − 2η)x + ηz with a noise z of variance 24/B, \
                whose cumulants follow exactly: the first four of x_k are those of a linear recursion. The rule's error \
                is the difference of E x² at equal times ηk, the large batch being at its step ⌊k/κ⌋. It is of the order of κη, \
                and once κη reaches 1 the large batch is unstable.",
            refuted_by: "A difference that does not vanish with η, or grows faster than 1 + κ.",
            seeds: Extent {
                full: 20,
                quick: 12,
            },
            seconds: Extent {
                full: 0.1,
                quick: 0.03,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            RATE.parameter(),
            KAPPAS.parameter(),
            WALKS.parameter(),
            STEPS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let (rate, kappas) = (setup.get(RATE), setup.get(KAPPAS));
        let (walks, steps) = (setup.get(WALKS), setup.get(STEPS));
        let ends = setup.over_seeds(|streams| Ok(walk_ends(walks, steps, streams)))?;
        let rates: Vec<f64> = [1.0, 0.5, 0.25, 0.125]
            .iter()
            .map(|factor| rate * factor)
            .collect();
        let gaps: Vec<Vec<f64>> = rates
            .iter()
            .map(|rate| {
                kappas
                    .iter()
                    .map(|kappa| gap(*rate, *kappa as usize))
                    .collect()
            })
            .collect();
        Ok(Findings::new()
            .claims(walks_claims(steps, &ends))
            .claims(gap_claims(&rates, &kappas, &gaps))
            .figure("gap", figure(&rates, &kappas, &gaps)))
    }
}

/// Of the places after a walk, over what is expected of batches of one: for these, the linear rule and the root rule, mean
/// and variance.
type Ends = [[f64; 2]; 3];

fn walk_ends(walks: usize, steps: usize, streams: Streams) -> Ends {
    let factor = FACTOR as f64;
    let normals = normals(&mut streams.stream("examples", 0), EXAMPLES);
    let slopes: Vec<f64> = normals.iter().map(|z| SLOPE[0] + SLOPE[1] * z).collect();
    let spread = variance(&slopes) * (1.0 - 1.0 / EXAMPLES as f64);
    let expected = [
        -WALK_RATE * mean(&slopes) * steps as f64,
        WALK_RATE * WALK_RATE * spread * steps as f64,
    ];
    let walk = |name: &str, scale: f64, batch: usize| {
        let (rate, steps) = (WALK_RATE * scale, (steps as f64 / scale).round() as usize);
        let mut rng = streams.stream(name, 0);
        let mut slope = || {
            let drawn = with_replacement(&mut rng, EXAMPLES, batch);
            drawn.iter().map(|index| slopes[*index]).sum::<f64>() / batch as f64
        };
        let ends: Vec<f64> = (0..walks)
            .map(|_| (0..steps).fold(0.0, |x, _| x - rate * slope()))
            .collect();
        [mean(&ends) / expected[0], variance(&ends) / expected[1]]
    };
    [
        walk("one", 1.0, 1),
        walk("linear", factor, FACTOR),
        walk("root", factor.sqrt(), FACTOR),
    ]
}

fn walks_claims(steps: usize, ends: &[Ends]) -> Vec<Claim> {
    let id = "theory 12-3";
    let over = |kind: usize, index: usize| Estimate::mean(&each(ends, |ends| ends[kind][index]));
    let same = |rule: &str| {
        format!(
            "With {FACTOR} times the batch and {rule}, the variance at equal times is that of the small batch: \
                                     over it, 1."
        )
    };
    vec![
        Claim::printed(
            id,
            format!(
                "With a fixed gradient, the mean place after {steps} steps is −ηḡk: over it, 1."
            ),
            equals(1.0, 0.05),
            over(0, 0),
        ),
        Claim::printed(
            id,
            format!(
                "With a fixed gradient, the variance of the place after {steps} steps is η²σ²k: over it, 1."
            ),
            equals(1.0, 0.1),
            over(0, 1),
        ),
        Claim::printed(
            id,
            same("the step size scaled alike"),
            equals(1.0, 0.1),
            over(1, 1),
        ),
        Claim::must_fail(
            id,
            same("the step size scaled by its root"),
            equals(1.0, 0.1),
            over(2, 1),
        ),
    ]
}

/// The cumulants after each step of the three parabolas with batches of `batch` and steps of `rate`, from [`START`].
fn course(rate: f64, batch: f64, steps: usize) -> Vec<Cumulants> {
    // One draw is ±6 or 0 with equal chances: its fourth cumulant is 6⁴ · 2/3 − 3 · 24²; a mean of B has 1/B³ of it.
    let fourth = 864.0 - 3.0 * THREE_VARIANCE * THREE_VARIANCE;
    let noise = [0.0, THREE_VARIANCE / batch, 0.0, fourth / batch.powi(3)];
    let mut x = [START, 0.0, 0.0, 0.0];
    let next = |_| {
        let here = x;
        x = combined(1.0 - 2.0 * rate, &x, rate, &noise);
        here
    };
    (0..=steps).map(next).collect()
}

/// The largest difference of E x² over all steps of the small batch.
fn gap(rate: f64, kappa: usize) -> f64 {
    let steps = (UNTIL / rate) as usize;
    let small = course(rate, 1.0, steps);
    let large = course(rate * kappa as f64, kappa as f64, steps / kappa);
    let differences = small.iter().enumerate().map(|(step, x)| {
        let other = &large[(step / kappa).min(large.len() - 1)];
        (moments(x)[1] - moments(other)[1]).abs()
    });
    differences.fold(0.0, f64::max)
}

/// The variance at rest over that of the equation, 6η, with steps κη and batches κ.
fn at_rest(rate: f64, kappa: f64) -> f64 {
    let end = course(rate * kappa, kappa, 20_000);
    end.last().map_or(f64::NAN, |x| x[1]) / (6.0 * rate)
}

fn gap_claims(rates: &[f64], kappas: &[f64], gaps: &[Vec<f64>]) -> Vec<Claim> {
    let id = "theory 12-8";
    let scaled = || {
        let rows = gaps.iter().zip(rates);
        rows.flat_map(|(row, rate)| {
            row.iter()
                .zip(kappas)
                .map(move |(gap, kappa)| gap / ((1.0 + kappa) * rate))
        })
    };
    let (least, most) = (
        scaled().fold(f64::INFINITY, f64::min),
        scaled().fold(0.0, f64::max),
    );
    let last = kappas.len() - 1;
    let column: Vec<f64> = gaps.iter().map(|row| row[last]).collect();
    let finest = &gaps[gaps.len() - 1];
    let above = || kappas.iter().zip(finest).filter(|(kappa, _)| **kappa > 1.0);
    let less_one: Vec<f64> = above().map(|(kappa, _)| kappa - 1.0).collect();
    let of_finest: Vec<f64> = above().map(|(_, gap)| *gap).collect();
    vec![
        Claim::printed(
            id,
            "The difference of E x² equals C(1 + κ)η with one constant C: the smallest ratio to (1 + κ)η is within a tenth of the \
             largest.",
            Rule::Above(0.9),
            Estimate::exact(least / most, 1e-9),
        ),
        Claim::corrected(
            id,
            format!(
                "The difference of E x² is at most C(1 + κ)η with C = 5x₀² = {} for κ of {} and all η tried: the largest ratio to \
                     (1 + κ)η is below.",
                5.0 * START * START,
                tested(kappas)
            ),
            Rule::Below(5.0 * START * START),
            Estimate::exact(most, 1e-9 * most),
        ),
        Claim::corrected(
            id,
            format!(
                "With κ = {}, the difference of E x² falls as the power 1 of η.",
                kappas[last]
            ),
            equals(1.0, 0.15),
            Estimate::exact(power(rates, &column), 0.01),
        ),
        Claim::corrected(
            id,
            "At the smallest η, the difference of E x² grows as the power 1 of κ − 1.",
            equals(1.0, 0.1),
            Estimate::exact(power(&less_one, &of_finest), 0.01),
        ),
        Claim::printed(
            id,
            "The rule breaks for very large batches: with κη = 0.9, the variance at rest is more than five times that of small \
             batches.",
            Rule::Above(5.0),
            Estimate::exact(at_rest(0.009, 100.0) / at_rest(0.009, 1.0), 0.01),
        ),
        Claim::must_fail(
            id,
            "With κη = 0.09, the variance at rest is more than five times that of small batches.",
            Rule::Above(5.0),
            Estimate::exact(at_rest(0.009, 10.0) / at_rest(0.009, 1.0), 0.01),
        ),
    ]
}

fn figure(rates: &[f64], kappas: &[f64], gaps: &[Vec<f64>]) -> Figure {
    let mut panel = Panel::new(
        Axis::new("batch factor κ", "1").log(),
        Axis::new("difference of E x²", "1").log(),
    )
    .titled("Error of the rule");
    let visible = |gap: &f64| if *gap > 0.0 { *gap } else { f64::NAN };
    for (rate, gaps) in rates.iter().zip(gaps) {
        let y = gaps.iter().map(visible).collect();
        panel = panel.with(Line::new(format!("η = {rate}"), kappas.to_vec(), y).with_markers());
    }
    let bound = kappas
        .iter()
        .map(|kappa| 5.0 * START * START * (1.0 + kappa) * rates[0])
        .collect();
    let label = format!("5x₀²(1 + κ)η, η = {}", rates[0]);
    let panel = panel.with(Line::new(label, kappas.to_vec(), bound).styled(Style::REFERENCE));
    let shares: Vec<f64> = (1..=19).map(|index| 0.05 * f64::from(index)).collect();
    let measured = shares
        .iter()
        .map(|share| at_rest(0.005, share / 0.005))
        .collect();
    let closed = shares.iter().map(|share| 1.0 / (1.0 - share)).collect();
    let rest = Panel::new(
        Axis::new("κη", "1").linear(),
        Axis::new("variance at rest / 6η", "1").including(0.0),
    )
    .titled("Where it breaks")
    .with(Line::new("1/(1 − κη)", shares.clone(), closed).styled(Style::REFERENCE))
    .with(Mark::Points(Points::new("recursion", shares, measured)));
    let figure = Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("The linear scaling rule on three parabolas")
    };
    figure.with(panel).with(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variances_at_rest_are_those_of_the_closed_form() {
        // 6η/(1 − κη): at η = 0.2 and κ = 4 it is 6, at η = 0.05 and κ = 4 it is 0.375.
        assert!((at_rest(0.2, 4.0) * 1.2 - 6.0).abs() < 1e-9);
        assert!((at_rest(0.05, 4.0) * 0.3 - 0.375).abs() < 1e-9);
        assert!((at_rest(0.2, 1.0) * 1.2 - 1.5).abs() < 1e-9);
    }

    #[test]
    fn one_batch_size_has_no_gap() {
        assert_eq!(gap(0.01, 1), 0.0);
        assert!(gap(0.01, 2) > 0.0);
    }

    #[test]
    fn cumulants_are_those_of_the_noise_after_a_step() {
        let moments = moments(&course(0.5, 1.0, 1)[1]);
        // From 3 with η = 1/2: 0 ± 3 or 0.
        assert!((moments[1] - 6.0).abs() < 1e-12 && (moments[3] - 54.0).abs() < 1e-12);
    }
}
