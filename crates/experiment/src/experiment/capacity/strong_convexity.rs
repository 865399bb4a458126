//! How far the minimiser of a strongly convex objective moves when one example is replaced.

use crate::experiment::lines::tested;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Points, Style, Width};
use crate::problem::dense;
use crate::problem::linear_class::{
    IN_NEARLY_ALL, Logistic, highest, logistic_examples, of_resampled_seeds, share_below,
};
use crate::random::{StreamRng, Streams};
use crate::statistics::estimate::median;
use crate::statistics::{Estimate, Rule, mean};
use faer::{Mat, Scale};

const DIMENSIONS: Count =
    Count::new("dimensions", "weights of the logistic regression", 10).allowed(2.0, 100.0);
const SAMPLES: Numbers = Numbers::new(
    "samples",
    "n, examples, ascending",
    &[100.0, 200.0, 400.0, 800.0],
)
.quick(&[100.0, 200.0, 400.0])
.allowed(20.0, 1e4);
const RIDGE: Number = Number::new("ridge", "λ, the strong convexity", 0.1).allowed(1e-3, 10.0);
const RIDGES: Numbers = Numbers::new(
    "ridges",
    "λ of the comparison of gaps, ascending",
    &[0.003, 0.03, 0.3, 3.0],
)
.allowed(1e-3, 100.0);
const REPLACED: Count = Count::new("replaced", "examples that are replaced, one at a time", 20)
    .quick(8)
    .allowed(1.0, 1e4);
const STEPS: Count = Count::new("steps", "steps of gradient descent", 50).allowed(5.0, 1e4);

/// What one seed gives.
struct Seed {
    /// For each n the largest distance that the minimiser moves, and the largest change of a loss.
    moved: Vec<f64>,
    changed: Vec<f64>,
    /// For each λ the gap with the first n.
    gaps: Vec<f64>,
    /// For each n the excess risk with λ = 1/√n.
    excess: Vec<f64>,
    /// The squared norm of the weights of least risk.
    best_norm: f64,
    /// The suboptimality of descent over e^(−Tλ/L) times the first.
    descent: f64,
}

/// Example 9 and problem B.7 of the course text.
#[derive(Debug)]
pub struct StronglyConvexStability;

impl Experiment for StronglyConvexStability {
    fn about(&self) -> About {
        About {
            name: "strongly-convex-stability",
            subject: Subject::Capacity,
            claim: "Replacing one of n examples moves the minimiser of a λ-strongly convex \
                objective by at most 2L/(λn).",
            source: "The Mathematical Structure of Machine Learning (course text), Example 9 \
                and Problem B.7; Bousquet & Elisseeff (2002)",
            mathematics: "For losses with the Lipschitz constant L and the regulariser \
                (λ/2)‖θ‖², the minimisers on two sets that differ in one example are at most \
                2L/(λn) apart, so that no loss changes by more than β = 2L²/(λn), which bounds \
                the expected gap. Here the inputs have the norm 1, so that the logistic loss \
                has L = 1. That the gap itself is as 1/(λn) is another claim: with a weak \
                ridge the gap is that of the unregularised fit. Descent with the step 1/L' on \
                an L'-smooth objective has the suboptimality e^(−Tλ/L') at most. With λ = 1/√n \
                bound and bias are balanced: the excess risk is at most 2L²/(λn) + (λ/2)‖w*‖² \
                on average, with the weights w* of least risk.",
            refuted_by: "A replacement that moves the minimiser farther, a larger gap, or a \
                gap that does not follow 1/(λn).",
            seeds: Extent {
                full: 20,
                quick: 17,
            },
            seconds: Extent {
                full: 0.9,
                quick: 0.2,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            DIMENSIONS.parameter(),
            SAMPLES.parameter(),
            RIDGE.parameter(),
            RIDGES.parameter(),
            REPLACED.parameter(),
            STEPS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        if setup.get(RIDGES).len() < 2 {
            return Err(ExperimentError::because(
                "ridges must be two or more: slopes are between them",
            ));
        }
        let seeds = setup.over_seeds(|streams| one(setup, streams))?;
        let claims = stability(setup, &seeds)
            .into_iter()
            .chain(claims_of_gaps(setup, &seeds))
            .chain([claim_of_descent(&seeds)])
            .chain(claims_of_excess_risk(setup, &seeds));
        Ok(Findings::new()
            .claims(claims)
            .figure("replacement", figure(setup, &seeds)))
    }
}

/// Inputs of norm 1 with labels of a logistic law whose weights are ±1 in turn.
fn examples(setup: &Setup, count: usize, rng: &mut StreamRng) -> (Mat<f64>, Vec<f64>) {
    let k = setup.get(DIMENSIONS);
    // Drawn as normal inputs and then brought to the sphere: labels follow the direction.
    let teacher: Vec<f64> = (0..k)
        .map(|index| if index % 2 == 0 { 1.0 } else { -1.0 })
        .collect();
    let (x, y) = logistic_examples(rng, count, &teacher);
    let norms: Vec<f64> = (0..count).map(|row| x.row(row).norm_l2()).collect();
    (
        Mat::from_fn(count, k, |row, column| x[(row, column)] / norms[row]),
        y,
    )
}

/// The mean loss on a large test set, without the ridge.
fn risk(test: &Logistic, w: &faer::Col<f64>) -> f64 {
    test.value(w.as_ref()) - test.ridge * w.squared_norm_l2() / 2.0
}

fn one(setup: &Setup, streams: Streams) -> Result<Seed, ExperimentError> {
    let samples: Vec<usize> = setup.get(SAMPLES).iter().map(|n| *n as usize).collect();
    let ridge = setup.get(RIDGE);
    let mut rng = streams.stream("test", 0);
    let (x, y) = examples(setup, 20_000, &mut rng);
    let test = Logistic::of_mean(x, y, 0.0);
    let best_weights = test.minimise()?;
    let best = risk(&test, &best_weights);
    let mut seed = Seed {
        moved: vec![],
        changed: vec![],
        gaps: vec![],
        excess: vec![],
        best_norm: best_weights.squared_norm_l2(),
        descent: 0.0,
    };
    let ridges = setup.get(RIDGES);
    for count in &samples {
        let mut rng = streams.stream("train", *count as u64);
        let (x, y) = examples(setup, *count, &mut rng);
        let of = |ridge: f64| Logistic::of_mean(x.clone(), y.clone(), ridge);
        let gap = |ridge: f64| -> Result<f64, ExperimentError> {
            let model = of(ridge);
            let w = model.minimise()?;
            Ok(risk(&test, &w) - risk(&model, &w))
        };
        let (moved, changed) = replace(setup, &of(ridge))?;
        seed.moved.push(moved);
        seed.changed.push(changed);
        if *count == samples[0] {
            seed.gaps = ridges
                .iter()
                .map(|ridge| gap(*ridge))
                .collect::<Result<_, _>>()?;
            seed.descent = descent(&of(ridge), setup.get(STEPS))?;
        }
        let balanced = of(1.0 / (*count as f64).sqrt()).minimise()?;
        seed.excess.push(risk(&test, &balanced) - best);
    }
    Ok(seed)
}

/// The largest distance that the minimiser moves, and the largest change of the loss of any input of norm 1, which is at most
/// that distance; over replacements of an example by the one that pulls hardest against it.
fn replace(setup: &Setup, model: &Logistic) -> Result<(f64, f64), ExperimentError> {
    let w = model.minimise()?;
    let (mut moved, mut changed) = (0.0f64, 0.0f64);
    for row in 0..setup.get(REPLACED).min(model.y.len()) {
        setup.go_on()?;
        let mut other = model.clone();
        // The same input with the other label: both gradients add up.
        other.y[row] = -other.y[row];
        let there = other.minimise()?;
        moved = moved.max((&there - &w).norm_l2());
        let worst = (&there - &w) * Scale(1.0 / (&there - &w).norm_l2());
        for label in [1.0, -1.0] {
            let [before, after] = [&w, &there].map(|w| {
                crate::problem::linear_class::logistic(
                    label * dense::dot(w.as_ref(), worst.as_ref()),
                )
            });
            changed = changed.max((before - after).abs());
        }
    }
    Ok((moved, changed))
}

/// The largest ratio of the suboptimality of gradient descent to e^(−Tλ/L) times the first, over T from the first step on: at
/// the start it is 1.
fn descent(model: &Logistic, steps: usize) -> Result<f64, ExperimentError> {
    let best = model.value(model.minimise()?.as_ref());
    let mut w = faer::Col::<f64>::zeros(model.x.ncols());
    // The logistic loss of inputs of norm 1 is ¼-smooth.
    let smooth = 0.25 + model.ridge;
    let first = model.value(w.as_ref()) - best;
    let mut worst = 0.0f64;
    for step in 0..steps {
        let left = model.value(w.as_ref()) - best;
        if step > 0 && left > 1e-12 {
            worst = worst.max(left / (first * (-(step as f64) * model.ridge / smooth).exp()));
        }
        w -= Scale(1.0 / smooth) * model.gradient(w.as_ref());
    }
    Ok(worst)
}

fn logs(values: &[f64]) -> Vec<f64> {
    values.iter().map(|value| value.ln()).collect()
}

fn slope(x: &[f64], seeds: &[Seed], of: &dyn Fn(&Seed) -> &Vec<f64>) -> Estimate {
    let (mut xs, mut ys) = (Vec::new(), Vec::new());
    for seed in seeds {
        xs.extend(logs(x));
        ys.extend(logs(of(seed)));
    }
    Estimate::slope(&xs, &ys)
}

fn stability(setup: &Setup, seeds: &[Seed]) -> Vec<Claim> {
    let id = "structure Ex.9";
    let (samples, ridge) = (setup.get(SAMPLES), setup.get(RIDGE));
    let worst = |of: &dyn Fn(&Seed) -> &Vec<f64>| {
        let all = seeds.iter().map(|seed| {
            let ratios = of(seed).iter().zip(&samples);
            highest(ratios.map(|(value, n)| value * ridge * n / 2.0))
        });
        share_below(1.0, &all.collect::<Vec<_>>())
    };
    let distance = slope(&samples, seeds, &|seed| &seed.moved);
    vec![
        Claim::printed(
            id,
            format!(
                "Replacing an example moves the minimiser by 2L/(λn) at most, λ = {ridge} and \
                n of {} (share of seeds)",
                tested(&samples)
            ),
            IN_NEARLY_ALL,
            worst(&|seed| &seed.moved),
        ),
        Claim::printed(
            id,
            "Replacing an example changes no loss by more than 2L²/(λn) (share of seeds)",
            IN_NEARLY_ALL,
            worst(&|seed| &seed.changed),
        ),
        Claim::printed(
            id,
            "The distance falls as 1/n (slope of the logarithms)",
            Rule::Equals {
                value: -1.0,
                tolerance: 0.1,
            },
            distance,
        ),
        Claim::must_fail(
            id,
            "It falls as 1/√n only (the same slope)",
            Rule::Equals {
                value: -0.5,
                tolerance: 0.1,
            },
            distance,
        ),
    ]
}

/// Where the claims stand in the sources.
const GAPS: &str = "structure B.7";

/// The largest of some means over seeds, each times a factor.
fn of_means(seeds: &[Seed], of: impl Fn(&Seed) -> &Vec<f64>, factors: Vec<f64>) -> Estimate {
    of_resampled_seeds(seeds.len(), |drawn| {
        highest(factors.iter().enumerate().map(|(index, factor)| {
            let values = drawn.iter().map(|seed| of(&seeds[*seed])[index]);
            factor * mean(&values.collect::<Vec<_>>())
        }))
    })
}

/// The power by which means over seeds follow `x`. Gaps of single seeds may be negative; the law is of their mean, and
/// the interval is that of resampled seeds.
fn fitted(seeds: &[Seed], x: &[f64], of: impl Fn(&Seed) -> Vec<f64>) -> Estimate {
    let all: Vec<Vec<f64>> = seeds.iter().map(of).collect();
    Estimate::bootstrap(seeds.len(), 400, Streams::new(0), |drawn| {
        let means = (0..x.len()).map(|index| {
            mean(
                &drawn
                    .iter()
                    .map(|seed| all[*seed][index])
                    .collect::<Vec<_>>(),
            )
        });
        Estimate::slope(
            &logs(x),
            &means
                .map(|value: f64| if value > 0.0 { value.ln() } else { f64::NAN })
                .collect::<Vec<_>>(),
        )
        .value
    })
}

/// The gap of test and training loss, and how it falls with the ridge.
fn claims_of_gaps(setup: &Setup, seeds: &[Seed]) -> Vec<Claim> {
    let (samples, ridges) = (setup.get(SAMPLES), setup.get(RIDGES));
    let of_bound = ridges
        .iter()
        .map(|ridge| ridge * samples[0] / 2.0)
        .collect();
    let (weak, strong) = (ridges[..2].to_vec(), ridges[ridges.len() - 2..].to_vec());
    let strong_gaps = |seed: &Seed| seed.gaps[ridges.len() - 2..].to_vec();
    vec![
        Claim::printed(
            GAPS,
            format!(
                "The mean gap is at most 2L²/(λn), n = {}, for λ of {} (largest ratio)",
                samples[0],
                tested(&ridges)
            ),
            Rule::Below(1.0),
            of_means(seeds, |seed| &seed.gaps, of_bound),
        ),
        Claim::printed(
            GAPS,
            format!(
                "The gap is inversely proportional to λ from λ = {} to {} (slope of the \
                logarithms)",
                weak[0], weak[1]
            ),
            Rule::Equals {
                value: -1.0,
                tolerance: 0.2,
            },
            fitted(seeds, &weak, |seed| seed.gaps.clone()),
        ),
        Claim::corrected(
            GAPS,
            format!(
                "It is where the ridge is strong, from λ = {} to {} (slope)",
                strong[0], strong[1]
            ),
            Rule::Equals {
                value: -1.0,
                tolerance: 0.2,
            },
            fitted(seeds, &strong, strong_gaps),
        ),
        Claim::corrected(
            GAPS,
            format!(
                "It falls with λ over all of them, from {} to {} (slope)",
                ridges[0],
                ridges[ridges.len() - 1]
            ),
            Rule::Below(0.0),
            fitted(seeds, &ridges, |seed| seed.gaps.clone()),
        ),
    ]
}

/// That descent comes to the minimiser in time.
fn claim_of_descent(seeds: &[Seed]) -> Claim {
    Claim::printed(
        GAPS,
        "Gradient descent has the suboptimality e^(−Tλ/L) at most, from the first step on (share of seeds)",
        IN_NEARLY_ALL,
        share_below(
            1.0,
            &seeds.iter().map(|seed| seed.descent).collect::<Vec<_>>(),
        ),
    )
}

/// The excess risk with the ridge that balances stability and bias.
fn claims_of_excess_risk(setup: &Setup, seeds: &[Seed]) -> Vec<Claim> {
    let samples = setup.get(SAMPLES);
    let norm = mean(&seeds.iter().map(|seed| seed.best_norm).collect::<Vec<_>>());
    let of_balance = samples
        .iter()
        .map(|n| 1.0 / (2.0 / n.sqrt() + norm / (2.0 * n.sqrt())))
        .collect();
    vec![
        Claim::printed(
            GAPS,
            "With λ = 1/√n the excess risk falls with n (slope of the logarithms of the means)",
            Rule::Below(0.0),
            fitted(seeds, &samples, |seed| seed.excess.clone()),
        ),
        Claim::printed(
            GAPS,
            format!(
                "and is at most 2L²/(λn) + (λ/2)‖w*‖², stability and bias, on average (largest \
                 ratio over n of {})",
                tested(&samples)
            ),
            Rule::Below(1.0),
            of_means(seeds, |seed| &seed.excess, of_balance),
        ),
    ]
}

fn figure(setup: &Setup, seeds: &[Seed]) -> Figure {
    let (samples, ridge, ridges) = (setup.get(SAMPLES), setup.get(RIDGE), setup.get(RIDGES));
    let at = |index: usize, of: &dyn Fn(&Seed) -> &Vec<f64>| {
        seeds
            .iter()
            .map(|seed| of(seed)[index])
            .collect::<Vec<f64>>()
    };
    let medians = (0..samples.len())
        .map(|index| median(&at(index, &|seed| &seed.moved)))
        .collect();
    let law = samples.iter().map(|n| 2.0 / (ridge * n)).collect();
    let moved = Panel::new(
        Axis::counting("examples n").log(),
        Axis::new("distance of minimisers", "1").log(),
    )
    .titled(format!("Replacing one, λ = {ridge}"))
    .with(Points::new("largest, median", samples.clone(), medians).with_fit())
    .with(Line::new("2L/(λn)", samples.clone(), law).styled(Style::REFERENCE));
    let positive = |value: f64| if value > 0.0 { value } else { f64::NAN };
    let gaps = (0..ridges.len())
        .map(|index| positive(mean(&at(index, &|seed| &seed.gaps))))
        .collect();
    let bound = ridges
        .iter()
        .map(|ridge| 2.0 / (ridge * samples[0]))
        .collect();
    let gap = Panel::new(
        Axis::new("ridge λ", "1").log(),
        Axis::new("gap of the loss", "1").log(),
    )
    .titled(format!("Gap, n = {}", samples[0]))
    .with(Line::new("mean gap", ridges.clone(), gaps).with_markers())
    .with(Line::new("2L²/(λn)", ridges.clone(), bound).styled(Style::REFERENCE));
    Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new(
            "Stability of a strongly convex \
        objective",
        )
    }
    .with(moved)
    .with(gap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descent_is_within_its_bound() {
        // At the start the ratio is one; it falls from the first step on.
        let mut rng = Streams::new(0).stream("test", 0);
        let (x, y) = logistic_examples(&mut rng, 40, &[1.0, 1.0]);
        let norms: Vec<f64> = (0..40).map(|row| x.row(row).norm_l2()).collect();
        let x = Mat::from_fn(40, 2, |row, column| x[(row, column)] / norms[row]);
        let ratio = descent(&Logistic::of_mean(x, y, 0.1), 30).unwrap();
        assert!(ratio > 0.0 && ratio < 1.0, "{ratio}");
    }
}
