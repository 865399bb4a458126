//! Stopping descent early is like a ridge penalty of one over the time, but it is not the same.

use super::{beside, curve, each, largest, style};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel};
use crate::problem::draw;
use crate::problem::least_squares::{LeastSquares, relative_distance};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};
use faer::{Col, Mat};

const SAMPLES: Count = Count::new("samples", "rows of the data matrix", 50).allowed(5.0, 200.0);
const FEATURES: Count = Count::new("features", "random features", 200).allowed(10.0, 500.0);
const INPUTS: Count =
    Count::new("inputs", "dimensions of the inputs of the features", 10).allowed(1.0, 100.0);
const NOISE: Number =
    Number::new("noise", "standard deviation of the label noise", 0.5).allowed(0.0, 1e3);

/// The times at which descent stops, in steps of 1/λ_max.
const TIMES: [f64; 9] = [
    1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1_000.0, 3_000.0, 10_000.0,
];

/// Early stopping against ridge regression.
#[derive(Debug)]
pub struct EarlyStoppingAndRidge;

#[derive(Debug)]
struct Measured {
    matched: Vec<f64>,
    best: Vec<f64>,
    best_penalties: Vec<f64>,
    risk_ratios: Vec<f64>,
    formula: f64,
}

impl Experiment for EarlyStoppingAndRidge {
    fn about(&self) -> About {
        About {
            name: "early-stopping-and-ridge",
            subject: Subject::LeastSquares,
            claim: "Stopping descent after T steps is ridge regression with a penalty of one over \
                the time.",
            source: "Implicit Bias, Flat vs Sharp Minima, and Generalization (course text), B.12; \
                Ali, Kolter & Tibshirani (2019), A continuous-time view of early stopping for \
                least squares.",
            mathematics: "From zero, T steps α of descent on ½‖Xw − y‖² give along each singular direction \
                the share 1 − (1 − ασ²)^T of X⁺y; ridge regression gives σ²/(σ² + λ). With λ = \
                1/(αT) and x = ασ²T both are functions of x, near 1 − e^(−x) and x/(1 + x): \
                equal at both ends and up to 0.204 apart between (at x near 1.8), and no other \
                constant in λ = c/(αT) brings them nearer than 0.10. Ali, Kolter & Tibshirani \
                proved that the expected squared error of the parameters under the flow is at \
                most 1.6862 times that of ridge at λ = 1/t, for any truth.",
            refuted_by: "A ridge path that meets the path of descent at every time, or a risk ratio above \
                1.69.",
            seeds: Extent { full: 20, quick: 8 },
            seconds: Extent {
                full: 0.2,
                quick: 0.2,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            FEATURES.parameter(),
            INPUTS.parameter(),
            NOISE.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let all = setup.over_seeds(|streams| measure(setup, streams))?;
        Ok(Findings::new()
            .claims(of_the_solutions(&all))
            .claims(of_the_nearest_penalty(&all))
            .claims(of_the_filters())
            .claims(of_the_risk(&all))
            .figure("filters", figure(&all)))
    }
}

/// A problem in its singular directions.
struct Directions {
    /// `σ²` over the largest.
    curvature: Vec<f64>,
    /// The parts of `X⁺y`.
    solution: Vec<f64>,
    /// The squared parts of the truth.
    truth: Vec<f64>,
    /// The largest `σ²`.
    sharpness: f64,
}

fn measure(setup: &Setup, streams: Streams) -> Result<Measured, ExperimentError> {
    let mut rng = streams.stream("data", 0);
    let (samples, features, inputs) = (setup.get(SAMPLES), setup.get(FEATURES), setup.get(INPUTS));
    let points = draw::gaussian(&mut rng, samples, inputs);
    let weights = draw::gaussian(&mut rng, inputs, features);
    let width = (features * inputs) as f64;
    let product = &points * &weights;
    let x = Mat::from_fn(samples, features, |row, column| {
        product[(row, column)].max(0.0) / width.sqrt()
    });
    let truth = faer::Scale((features as f64).sqrt()) * draw::on_sphere(&mut rng, features);
    let y = &x * &truth + faer::Scale(setup.get(NOISE)) * draw::normals(&mut rng, samples);
    let problem = LeastSquares { x, y };
    let directions = directions(&problem, &truth)?;
    let mut found = Measured {
        matched: Vec::new(),
        best: Vec::new(),
        best_penalties: Vec::new(),
        risk_ratios: Vec::new(),
        formula: formula(&problem, &directions)?,
    };
    for time in TIMES {
        setup.go_on()?;
        let descent: Vec<f64> = directions
            .curvature
            .iter()
            .map(|value| 1.0 - (1.0 - value).powf(time))
            .collect();
        let apart = |penalty: f64| apart(&directions, &descent, penalty);
        let best = least(apart, time);
        found.matched.push(apart(1.0 / time));
        found.best.push(apart(best));
        found.best_penalties.push(best);
        found
            .risk_ratios
            .push(risk_ratio(&directions, time, setup.get(NOISE)));
    }
    Ok(found)
}

fn directions(problem: &LeastSquares, truth: &Col<f64>) -> Result<Directions, ExperimentError> {
    let svd = problem
        .x
        .thin_svd()
        .map_err(|_| ExperimentError::because("the features have no singular values"))?;
    let sigma = svd.S().column_vector();
    let (along, of_truth) = (
        svd.U().transpose() * &problem.y,
        svd.V().transpose() * truth,
    );
    let sharpness = sigma[0] * sigma[0];
    let kept: Vec<usize> = (0..sigma.nrows())
        .filter(|&index| sigma[index] > 1e-9 * sigma[0])
        .collect();
    Ok(Directions {
        curvature: kept
            .iter()
            .map(|&index| sigma[index] * sigma[index] / sharpness)
            .collect(),
        solution: kept
            .iter()
            .map(|&index| along[index] / sigma[index])
            .collect(),
        truth: kept
            .iter()
            .map(|&index| of_truth[index] * of_truth[index])
            .collect(),
        sharpness,
    })
}

/// The relative distance of the ridge solution to that of descent; the penalty in units of the largest `σ²`.
fn apart(directions: &Directions, descent: &[f64], penalty: f64) -> f64 {
    let (mut apart, mut norm) = (0.0, 0.0);
    for ((value, part), kept) in directions
        .curvature
        .iter()
        .zip(&directions.solution)
        .zip(descent)
    {
        apart += ((kept - value / (value + penalty)) * part).powi(2);
        norm += (kept * part).powi(2);
    }
    (apart / norm).sqrt()
}

/// The penalty with which a distance is least, between a hundredth and a hundred times one over the time: a grid, then
/// golden sections about its best.
fn least(distance: impl Fn(f64) -> f64, time: f64) -> f64 {
    const GRID: i32 = 60;
    let at = |place: f64| 100f64.powf(place / f64::from(GRID)) / time;
    let places = (-GRID..=GRID).map(f64::from);
    let best = places
        .min_by(|a, b| distance(at(*a)).total_cmp(&distance(at(*b))))
        .unwrap_or(0.0);
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (best - 1.0, best + 1.0);
    for _ in 0..40 {
        let (first, second) = (high - golden * (high - low), low + golden * (high - low));
        if distance(at(first)) < distance(at(second)) {
            high = second;
        } else {
            low = first;
        }
    }
    at((low + high) / 2.0)
}

/// The expected squared error of the parameters under the flow at a time, over that of ridge at one over it.
fn risk_ratio(directions: &Directions, time: f64, noise: f64) -> f64 {
    let risk = |filter: &dyn Fn(f64) -> f64| -> f64 {
        let parts = directions.curvature.iter().zip(&directions.truth);
        parts
            .map(|(value, truth)| {
                let kept = filter(*value);
                (1.0 - kept).powi(2) * truth
                    + (noise * kept).powi(2) / (value * directions.sharpness)
            })
            .sum()
    };
    risk(&|value| 1.0 - (-value * time).exp()) / risk(&|value| value / (value + 1.0 / time))
}

/// How far ten steps of descent are from the filter of ten steps.
fn formula(problem: &LeastSquares, directions: &Directions) -> Result<f64, ExperimentError> {
    let walked = problem.descend(&problem.origin(), 1.0 / directions.sharpness, 10);
    let svd = problem
        .x
        .thin_svd()
        .map_err(|_| ExperimentError::because("the features have no singular values"))?;
    let filtered = Col::from_fn(svd.S().column_vector().nrows(), |index| {
        let value = directions.curvature.get(index).copied().unwrap_or(0.0);
        directions.solution.get(index).copied().unwrap_or(0.0) * (1.0 - (1.0 - value).powi(10))
    });
    Ok(relative_distance(&walked, &(svd.V() * filtered)))
}

/// The largest gap between `1 − e^{−x}` and `x/(x + c)` over `x > 0`.
fn widest_gap(constant: f64) -> f64 {
    let places = (0..=40_000).map(|place| 10f64.powf(-4.0 + 8.0 * f64::from(place) / 40_000.0));
    largest(places.map(|x| (1.0 - (-x).exp() - x / (x + constant)).abs()))
}

fn of_the_solutions(all: &[Measured]) -> Vec<Claim> {
    let logs: Vec<f64> = TIMES.iter().map(|time| time.ln()).collect();
    let slopes = each(all, |one| {
        let penalties: Vec<f64> = one
            .best_penalties
            .iter()
            .map(|penalty| penalty.ln())
            .collect();
        Estimate::slope(&logs, &penalties).value
    });
    let worst = |of: fn(&Measured) -> &Vec<f64>| {
        Estimate::mean(&each(all, |one| largest(of(one).iter().copied())))
    };
    vec![
        Claim::printed(
            "flat-vs-sharp B.12",
            "T steps of descent on random features give the ridge solution with λ = 1/(αT), \
            within a tenth of its norm at every T from 1 to 10,000.",
            Rule::Below(0.1),
            worst(|one| &one.matched),
        ),
        Claim::corrected(
            "flat-vs-sharp B.12",
            "They are alike only: at the worst T they differ by between a tenth and a half of the \
            norm.",
            Rule::Between(0.1, 0.5),
            worst(|one| &one.matched),
        ),
        Claim::printed(
            "flat-vs-sharp B.12",
            "The penalty that comes nearest is O(1/T): it falls at least with slope −0.9 in \
            logarithms.",
            Rule::Below(-0.9),
            Estimate::mean(&slopes),
        ),
    ]
}

fn of_the_nearest_penalty(all: &[Measured]) -> Vec<Claim> {
    let logs: Vec<f64> = TIMES.iter().map(|time| time.ln()).collect();
    let slopes = each(all, |one| {
        let penalties: Vec<f64> = one
            .best_penalties
            .iter()
            .map(|penalty| penalty.ln())
            .collect();
        Estimate::slope(&logs, &penalties).value
    });
    let worst = |of: fn(&Measured) -> &Vec<f64>| {
        Estimate::mean(&each(all, |one| largest(of(one).iter().copied())))
    };
    vec![
        Claim::corrected(
            "flat-vs-sharp B.12",
            "It falls faster than 1/T, as descent forgets directions exponentially and ridge only \
            as a power: slope below −1.1.",
            Rule::Below(-1.1),
            Estimate::mean(&slopes),
        ),
        Claim::must_fail(
            "flat-vs-sharp B.12",
            "With the penalty that comes nearest at each T they are the same to a share of 1e-3.",
            Rule::Below(1e-3),
            worst(|one| &one.best),
        ),
        Claim::corrected(
            "flat-vs-sharp B.12",
            "T steps give the shares 1 − (1 − ασ²)^T of X⁺y, to 1e-10 after ten steps.",
            Rule::Below(1e-10),
            Estimate::mean(&each(all, |one| one.formula)),
        ),
    ]
}

fn of_the_filters() -> Vec<Claim> {
    let nearest = (1..=200)
        .map(|place| widest_gap(0.005 * f64::from(place)))
        .fold(f64::INFINITY, f64::min);
    vec![
        Claim::printed(
            "flat-vs-sharp B.12",
            "For λ = 1/(αT) the two filters are the same for every singular value: the widest gap \
            is below 0.01.",
            Rule::Below(0.01),
            Estimate::exact(widest_gap(1.0), 1e-6),
        ),
        Claim::corrected(
            "flat-vs-sharp B.12",
            "No constant in λ = c/(αT) brings the filters of the flow and of ridge nearer than \
            0.1 everywhere.",
            Rule::Above(0.1),
            Estimate::exact(nearest, 5e-4),
        ),
    ]
}

fn of_the_risk(all: &[Measured]) -> Vec<Claim> {
    let worst = each(all, |one| largest(one.risk_ratios.iter().copied()));
    vec![Claim::corrected(
        "flat-vs-sharp B.12",
        "In expectation over the noise, the squared error of the parameters under the flow is at \
        most 1.69 times that of ridge, at the worst T.",
        Rule::Below(1.69),
        Estimate::mean(&worst),
    )]
}

fn figure(all: &[Measured]) -> Figure {
    let x: Vec<f64> = (0..=60)
        .map(|place| 10f64.powf(-2.0 + 4.0 * f64::from(place) / 60.0))
        .collect();
    let of = |filter: fn(f64) -> f64| x.iter().map(|x| filter(*x)).collect::<Vec<f64>>();
    let style = |colour: usize| style(colour, colour);
    let filters = Panel::new(
        Axis::new("time × squared singular value", "1").log(),
        Axis::new("share that is kept", "1").linear(),
    )
    .with(Line::new("descent", x.clone(), of(|x| 1.0 - (-x).exp())).styled(style(0)))
    .with(Line::new("ridge, λ = 1/time", x.clone(), of(|x| x / (1.0 + x))).styled(style(1)));
    let line = |label: &str, of: fn(&Measured) -> &Vec<f64>, colour: usize| {
        let draws: Vec<Vec<f64>> = all.iter().map(|one| of(one).clone()).collect();
        curve(label, &TIMES, &draws)
            .styled(style(colour))
            .with_markers()
    };
    let distances = Panel::new(
        Axis::new("steps of one over the largest curvature", "1").log(),
        Axis::new("distance", "share").log(),
    )
    .with(line("ridge, λ = 1/time", |one| &one.matched, 1))
    .with(line("ridge, nearest λ", |one| &one.best, 2));
    let figure = Figure::new("Early stopping and ridge regression")
        .described(
            "The shares of each direction that early stopping and ridge regression keep, and the \
            distance of the solutions.",
        )
        .with(filters)
        .with(distances);
    beside(figure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filters_are_as_far_apart_as_they_are_known_to_be() {
        assert!(
            (widest_gap(1.0) - 0.204).abs() < 5e-4,
            "{}",
            widest_gap(1.0)
        );
        assert!(
            (widest_gap(0.533) - 0.102).abs() < 1e-3,
            "{}",
            widest_gap(0.533)
        );
    }

    #[test]
    fn the_least_of_a_parabola_in_the_logarithm_is_found() {
        let found = least(|penalty| (penalty * 7.0 / 0.4).ln().powi(2), 7.0);
        assert!((found - 0.4 / 7.0).abs() < 1e-6);
    }
}
