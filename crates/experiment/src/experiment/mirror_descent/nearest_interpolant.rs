//! Mirror descent ends at the interpolant that is nearest to its start in the Bregman divergence of its potential.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Numbers, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Points, Rule as Level, Width};
use crate::problem::mirror::{
    self, Potential, Regression, Schedule, mirror_descent, nearest_interpolant, steepest_descent,
    two_points,
};
use crate::problem::{dense, draw};
use crate::random::{StreamRng, Streams};
use crate::statistics::{Estimate, Rule};
use crate::table::{Column, Table};
use faer::{Col, Mat};
use rand::RngExt;

const SAMPLES: Count = Count::new("samples", "rows of the data matrix", 6).allowed(1.0, 60.0);
const SIZE: Count = Count::new(
    "size",
    "rows of the square matrix that the weights make up",
    4,
)
.allowed(2.0, 12.0);
const STEPS: Count = Count::new("steps", "the most steps of descent", 20_000).allowed(10.0, 1e6);
const STEP_SIZES: Numbers = Numbers::new(
    "step-sizes",
    "step sizes of steepest descent",
    &[0.02, 0.01, 5e-3, 2e-3, 1e-3, 5e-4],
)
.quick(&[0.02, 0.01, 5e-3])
.allowed(1e-5, 0.02);

/// How near is "at" an interpolant, as a share of its norm.
const NEAR: f64 = 1e-6;

/// The exponent of the norm of steepest descent, and of the one potential that is a norm.
const EXPONENT: f64 = 4.0 / 3.0;

/// See the file.
#[derive(Debug)]
pub struct NearestInterpolant;

impl Experiment for NearestInterpolant {
    fn about(&self) -> About {
        About {
            name: "mirror-descent-limit",
            subject: Subject::MirrorDescent,
            claim: "Mirror descent on an underdetermined regression ends at the interpolant that is nearest to its start \
                    in the Bregman divergence of its potential, whatever its steps.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 8.1.1, Theorem 8.1.2; after Gunasekar, Lee, \
                     Soudry & Srebro, Characterizing implicit bias in terms of optimization geometry (2018)",
            mathematics: "Mirror descent moves ∇R(w) against the gradient, ∇R(w⁺) = ∇R(w) − η∇L(w), and for L = \
                          ½‖Xw − y‖² every gradient is a combination of the rows of X. So ∇R(w) − ∇R(w₀) = Xᵀλ \
                          throughout, which together with Xw = y is the optimality condition of min D_R(w, w₀) over \
                          all interpolants; the problem is convex, and its solution unique. Here that solution is found \
                          by Newton's method on the dual problem in λ, and mirror descent is run with a constant step, \
                          an irregular one, and one sample at a time. Steepest descent in a norm that is not quadratic \
                          has no such conserved space: where it ends depends on its step.",
            refuted_by: "An end of mirror descent that differs from the nearest interpolant by more than a millionth \
                         of its norm.",
            seeds: Extent { full: 12, quick: 4 },
            seconds: Extent {
                full: 2.5,
                quick: 0.7,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            SIZE.parameter(),
            STEPS.parameter(),
            STEP_SIZES.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let (samples, size) = (setup.get(SAMPLES), setup.get(SIZE));
        if samples >= size * (size + 1) / 2 {
            return Err(ExperimentError::because(format!(
                "samples = {samples} leaves symmetric matrices of size = {size} no choice: it must be less than {}",
                size * (size + 1) / 2
            )));
        }
        let runs = setup.over_seeds(|streams| run_potentials(setup, streams))?;
        let sizes = setup.get(STEP_SIZES);
        let ends = setup.over(&sizes, |step| {
            Ok(steepest_descent(
                &two_points(),
                EXPONENT,
                *step,
                (200.0 / step) as usize,
            ))
        })?;
        let potential = Potential::Power { exponent: EXPONENT };
        let least = nearest_interpolant(&two_points(), &potential, Col::zeros(3).as_ref())?;
        Ok(Findings::new()
            .claims(claims_of_potentials(samples, &runs))
            .claims(claims_of_steepest(&sizes, &ends, &least.weights))
            .table(
                "ends-of-steepest-descent",
                table(&sizes, &ends, &least.weights),
            )
            .figure("approach", figure(&runs, &sizes, &ends, &least.weights)))
    }
}

const NAMES: [&str; 6] = [
    "Euclidean",
    "quadratic",
    "entropy",
    "spectral entropy",
    "p-norm, p = 4/3",
    "hyperbolic entropy",
];

/// What one seed gives for each potential.
struct Run {
    /// The distance from the nearest interpolant, the largest of the schedules.
    distances: Vec<f64>,
    /// The part of the dual weights that has left the row space, as a share.
    outside: Vec<f64>,
    /// How far the nearest interpolants of the first and the third potential are apart.
    apart: f64,
    /// The distances on the way with a constant step.
    paths: Vec<Vec<(usize, f64)>>,
}

fn potentials(rng: &mut StreamRng, size: usize) -> Result<[Potential; 6], ExperimentError> {
    let scales: Vec<f64> = (0..size * size)
        .map(|_| rng.random_range(0.5..4.0))
        .collect();
    Ok([
        Potential::Euclidean,
        Potential::quadratic(draw::symmetric(rng, &scales))?,
        Potential::Entropy,
        Potential::SpectralEntropy { size },
        Potential::Power { exponent: EXPONENT },
        Potential::Hyperbolic { scale: 0.3 },
    ])
}

/// Symmetric rows and positive definite matrices, as they suit the spectral entropy, or general ones.
fn problem(
    rng: &mut StreamRng,
    samples: usize,
    size: usize,
    is_spectral: bool,
) -> (Regression, Col<f64>) {
    let features = size * size;
    let vector = |matrix: &Mat<f64>| Col::from_fn(features, |i| matrix[(i % size, i / size)]);
    if !is_spectral {
        let truth = mirror::sparse(rng, features, features, false);
        let start = Col::from_fn(features, |_| rng.random_range(0.2..1.0));
        return (Regression::gaussian(rng, samples, &truth), start);
    }
    let mut x = Mat::zeros(samples, features);
    for row in 0..samples {
        let half = draw::gaussian(rng, size, size);
        let symmetric = &half + half.transpose();
        x.row_mut(row).copy_from(vector(&symmetric).transpose());
    }
    let mut definite = |low: f64, high: f64| {
        let values: Vec<f64> = (0..size).map(|_| rng.random_range(low..high)).collect();
        vector(&draw::symmetric(rng, &values))
    };
    let (truth, start) = (definite(0.5, 1.5), definite(0.2, 1.0));
    let y = &x * truth;
    (Regression { x, y }, start)
}

fn run_potentials(setup: &Setup, streams: Streams) -> Result<Run, ExperimentError> {
    let (samples, size) = (setup.get(SAMPLES), setup.get(SIZE));
    let limits = (setup.get(STEPS), 1e-9);
    let potentials = potentials(&mut streams.stream("potentials", 0), size)?;
    let (mut distances, mut outside, mut paths, mut nearest) = (vec![], vec![], vec![], vec![]);
    for potential in &potentials {
        setup.go_on()?;
        let is_spectral = matches!(potential, Potential::SpectralEntropy { .. });
        let mut rng = streams.stream("data", u64::from(is_spectral));
        let (problem, start) = problem(&mut rng, samples, size, is_spectral);
        let goal = nearest_interpolant(&problem, potential, start.as_ref())?.weights;
        let far = |w: faer::ColRef<f64>| (w - &goal).norm_l2() / goal.norm_l2();
        let (mut worst, mut away, mut path) = (0.0f64, 0.0f64, vec![]);
        for schedule in [Schedule::Constant, Schedule::Irregular, Schedule::OneByOne] {
            let end = mirror_descent(
                &problem,
                potential,
                start.as_ref(),
                schedule,
                limits,
                |step, w| {
                    if schedule == Schedule::Constant {
                        path.push((step, far(w)));
                    }
                },
            )?;
            worst = worst.max(far(end.as_ref()));
            let moved = potential.dual(end.as_ref())? - potential.dual(start.as_ref())?;
            let beyond = dense::outside_the_row_space(problem.x.as_ref(), moved.as_ref())?;
            away = away.max(beyond.norm_l2() / moved.norm_l2());
        }
        distances.push(worst);
        outside.push(away);
        paths.push(path);
        nearest.push(goal);
    }
    let apart = (&nearest[0] - &nearest[2]).norm_l2() / nearest[2].norm_l2();
    Ok(Run {
        distances,
        outside,
        apart,
        paths,
    })
}

fn claims_of_potentials(samples: usize, runs: &[Run]) -> Vec<Claim> {
    let of = |get: &dyn Fn(&Run) -> f64| Estimate::mean(&runs.iter().map(get).collect::<Vec<_>>());
    let mut claims: Vec<Claim> = NAMES
        .iter()
        .enumerate()
        .map(|(index, name)| {
            Claim::printed(
                "theory 8-3",
                format!(
                    "With the {name} potential, mirror descent on {samples} samples ends within {NEAR:e} (relative) of \
                     the interpolant of least Bregman divergence from its start, with any of three step schedules."
                ),
                Rule::Below(NEAR),
                of(&|run| run.distances[index]),
            )
        })
        .collect();
    claims.push(Claim::printed(
        "theory 8-3",
        "The dual weights never leave ∇R(w₀) + the row space of X: the part outside is below 1e-8 of their way.",
        Rule::Below(1e-8),
        of(&|run| run.outside.iter().copied().fold(0.0, f64::max)),
    ));
    claims.push(Claim::must_hold(
        "theory 8-3",
        "The potential decides: from the same start the interpolant nearest in ½‖w‖² is more than 1 % away from the \
         one nearest in entropy.",
        Rule::Above(0.01),
        of(&|run| run.apart),
    ));
    claims
}

fn claims_of_steepest(sizes: &[f64], ends: &[Col<f64>], least: &Col<f64>) -> Vec<Claim> {
    let smallest = (0..sizes.len())
        .min_by(|a, b| sizes[*a].total_cmp(&sizes[*b]))
        .unwrap_or(0);
    let largest = (0..sizes.len())
        .max_by(|a, b| sizes[*a].total_cmp(&sizes[*b]))
        .unwrap_or(0);
    vec![
        Claim::must_hold(
            "theory 8-3",
            format!(
                "Steepest descent in the norm p = 4/3 is no mirror descent: with the smallest step, {}, it ends more \
                 than 0.1 away from the interpolant of least norm.",
                sizes[smallest]
            ),
            Rule::Above(0.1),
            Estimate::exact((&ends[smallest] - least).norm_l2(), 1e-6),
        ),
        Claim::must_hold(
            "theory 8-3",
            format!(
                "Where steepest descent ends depends on its step: {} and {} end more than 0.001 apart.",
                sizes[largest], sizes[smallest]
            ),
            Rule::Above(1e-3),
            Estimate::exact((&ends[largest] - &ends[smallest]).norm_l2(), 1e-6),
        ),
    ]
}

fn table(sizes: &[f64], ends: &[Col<f64>], least: &Col<f64>) -> Table {
    let row = |name: String, w: &Col<f64>| {
        let norm = mirror::norm(w.as_ref(), EXPONENT);
        vec![
            name.into(),
            w[0].into(),
            w[1].into(),
            w[2].into(),
            norm.into(),
        ]
    };
    let rows = sizes
        .iter()
        .zip(ends)
        .map(|(size, end)| row(format!("step {size}"), end));
    Table::new([
        Column::text("end"),
        Column::number("w1"),
        Column::number("w2"),
        Column::number("w3"),
        Column::number("norm (p = 4/3)"),
    ])
    .with_rows(rows)
    .with_rows([row("least norm".to_owned(), least)])
}

fn figure(runs: &[Run], sizes: &[f64], ends: &[Col<f64>], least: &Col<f64>) -> Figure {
    let mut panel = Panel::new(
        Axis::counting("steps + 1").log(),
        Axis::new("distance from nearest interpolant", "‖w*‖").log(),
    )
    .titled("Mirror descent, seed 0");
    for (index, name) in NAMES.iter().enumerate() {
        let path = runs
            .first()
            .map(|run| run.paths[index].as_slice())
            .unwrap_or_default();
        // Evenly by logarithms, so that the file is small.
        let mut kept: Vec<(usize, f64)> = Vec::new();
        for (step, distance) in path {
            if kept
                .last()
                .is_none_or(|(last, _)| (step + 1) as f64 > 1.05 * (last + 1) as f64)
            {
                kept.push((*step, *distance));
            }
        }
        let x = kept.iter().map(|(step, _)| *step as f64 + 1.0).collect();
        let y = kept
            .iter()
            .map(|(_, distance)| distance.max(1e-16))
            .collect();
        panel = panel.with(Line::new(*name, x, y));
    }
    let steepest = Panel::new(
        Axis::new("step size η", "1").log(),
        Axis::new("first weight at the end", "1").linear(),
    )
    .titled("Steepest descent, p = 4/3")
    .with(Points::new(
        "end",
        sizes.to_vec(),
        ends.iter().map(|w| w[0]).collect(),
    ))
    .with(Level::level("least norm", least[0]));
    Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("Where mirror descent and steepest descent end")
    }
    .with(panel)
    .with(steepest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dual_solution_has_the_least_divergence_of_all_interpolants_around_it() {
        let streams = Streams::new(0);
        for potential in potentials(&mut streams.stream("potentials", 0), 3).unwrap() {
            let is_spectral = matches!(potential, Potential::SpectralEntropy { .. });
            let mut rng = streams.stream("data", u64::from(is_spectral));
            let (problem, start) = problem(&mut rng, 3, 3, is_spectral);
            let found = nearest_interpolant(&problem, &potential, start.as_ref()).unwrap();
            let of = |w: &Col<f64>| potential.divergence(w.as_ref(), start.as_ref()).unwrap();
            let least = of(&found.weights);
            for _ in 0..10 {
                let mut away = draw::normals(&mut rng, 9);
                if is_spectral {
                    let copy = away.clone();
                    away = Col::from_fn(9, |i| copy[i] + copy[(i % 3) * 3 + i / 3]);
                }
                let along =
                    dense::outside_the_row_space(problem.x.as_ref(), away.as_ref()).unwrap();
                let moved = &found.weights + along * faer::Scale(1e-3);
                assert!(of(&moved) > least, "{potential:?}");
            }
        }
    }
}
