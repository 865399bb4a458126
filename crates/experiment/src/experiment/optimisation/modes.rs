//! Gradient descent on a kernel's functions: each eigenmode at the speed of its eigenvalue.

use super::each;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Mark, Panel, Points, Style, Width};
use crate::problem::dense::{column, eigen, numbers, scaled_identity, solve};
use crate::problem::vector::{moved, normals};
use crate::random::{StreamRng, Streams};
use crate::statistics::{Estimate, Rule, estimate};
use faer::Mat;
use rand::RngExt;

const SAMPLES: Count = Count::new("samples", "places at which the function is known", 40)
    .quick(24)
    .allowed(8.0, 200.0);
const WIDTH: Number =
    Number::new("width", "width of the Gaussian kernel on [0, 1]", 0.1).allowed(0.02, 0.5);
const STEPS: Count = Count::new("steps", "steps of gradient descent", 4000)
    .quick(2000)
    .allowed(200.0, 1e5);

/// The step size, times the largest eigenvalue: a time step of the flow.
const PACE: f64 = 0.02;
/// What is added to the kernel before it is inverted, times its largest eigenvalue: below it are only modes that rounding
/// has spoilt.
const RIDGE: f64 = 1e-10;
/// Modes are followed whose residual falls by so much, and not to rounding.
const SEEN: [f64; 2] = [0.05, 1e-8];

/// Structure B.9.
#[derive(Debug)]
pub struct ModesByEigenvalue;

/// What a seed gives of the modes that are followed, from the largest eigenvalue on.
struct Seed {
    eigenvalues: Vec<f64>,
    /// Fitted rates of decay.
    rates: Vec<f64>,
    /// The same where the residual is preconditioned with the inverse kernel.
    preconditioned: Vec<f64>,
    /// The largest residual over `exp(−λt)` of its start, over modes and steps.
    beyond: f64,
    /// How often the mode changes its sign along the places.
    changes: Vec<f64>,
    /// Times, and residuals of three modes.
    course: (Vec<f64>, Vec<Vec<f64>>),
}

impl Experiment for ModesByEigenvalue {
    fn about(&self) -> About {
        About {
            name: "modes-by-eigenvalue",
            subject: Subject::Optimisation,
            claim: "Under gradient flow in a reproducing kernel Hilbert space, the residual in each eigenmode of the kernel decays \
                    exponentially with its eigenvalue as rate.",
            source: "The Mathematical Structure of Machine Learning (course text), Exercise B.9",
            mathematics: "For the square loss, the values u of a kernel's function at the data obey du/dt = −K(u − y), with the \
                kernel's matrix K. In the basis of its eigenvectors, the residual e = u − y has e_j(t) = exp(−λ_j t) e_j(0): \
                large eigenvalues first. For a smooth kernel these belong to slow oscillations, so that fast ones are \
                learnt last. The flow is followed by gradient descent with small steps on the values themselves, and \
                rates are fitted to its residuals.",
            refuted_by: "A mode whose fitted rate is not its eigenvalue, or faster decay of a smaller eigenvalue.",
            seeds: Extent { full: 10, quick: 6 },
            seconds: Extent {
                full: 0.3,
                quick: 0.05,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![SAMPLES.parameter(), WIDTH.parameter(), STEPS.parameter()]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let (samples, width, steps) = (setup.get(SAMPLES), setup.get(WIDTH), setup.get(STEPS));
        let seeds = setup.over_seeds(|streams| seed(samples, width, steps, streams))?;
        Ok(Findings::new()
            .claims(claims(&seeds))
            .figure("modes", figure(&seeds)))
    }
}

fn claims(seeds: &[Seed]) -> Vec<Claim> {
    let id = "structure B.9";
    let order = |of: fn(&Seed) -> &[f64]| {
        Estimate::median(&each(seeds, |seed| {
            estimate::kendall(&seed.eigenvalues, of(seed))
        }))
    };
    let off = each(seeds, |seed| {
        let ratios = seed
            .rates
            .iter()
            .zip(&seed.eigenvalues)
            .map(|(rate, eigenvalue)| (rate / eigenvalue - 1.0).abs());
        ratios.fold(0.0, f64::max)
    });
    vec![
        Claim::printed(
            id,
            "The decay of a mode is faster the larger its eigenvalue: Kendall's τ of fitted rates and eigenvalues is 1.",
            Rule::Above(0.99),
            order(|seed| &seed.rates),
        ),
        Claim::printed(
            id,
            "The fitted rate of every mode that is followed is its eigenvalue, to 2 %.",
            Rule::Below(0.02),
            Estimate::median(&off),
        ),
        Claim::printed(
            id,
            "At no time after the start is the residual in a mode above exp(−λt) times its start: the largest ratio is at most 1.",
            Rule::Below(1.0 + 1e-6),
            Estimate::median(&each(seeds, |seed| seed.beyond)),
        ),
        Claim::printed(
            id,
            "Small eigenvalues belong to fast oscillations: Kendall's τ of eigenvalues and changes of sign is below −0.9.",
            Rule::Below(-0.9),
            order(|seed| &seed.changes),
        ),
        Claim::must_fail(
            id,
            "With the inverse kernel as preconditioner, rates still follow eigenvalues: the largest rate is more than twice the \
             smallest.",
            Rule::Above(2.0),
            Estimate::median(&each(seeds, |seed| {
                let rates = &seed.preconditioned;
                let most = rates.iter().copied().fold(0.0, f64::max);
                most / rates.iter().copied().fold(f64::INFINITY, f64::min)
            })),
        ),
    ]
}

fn seed(
    samples: usize,
    width: f64,
    steps: usize,
    streams: Streams,
) -> Result<Seed, ExperimentError> {
    let mut rng = streams.stream("places", 0);
    let kernel = kernel(samples, width, &mut rng);
    let (ascending, vectors) = eigen(kernel.as_ref())?;
    let time = PACE / ascending[samples - 1];
    let horizon = time * steps as f64;
    let is_followed = |mode: &usize| ascending[*mode] * horizon > -SEEN[0].ln();
    let followed: Vec<usize> = (0..samples).rev().filter(is_followed).collect();
    if followed.len() < 4 {
        return Err(ExperimentError::because(
            "fewer than four modes decay within `steps`: more steps or a smaller `width` are needed",
        ));
    }
    let start = normals(&mut rng, samples);
    let course = course(&start, &vectors, steps, |residual| {
        let slope = numbers((&kernel * column(residual)).as_ref());
        moved(residual, -time, &slope)
    });
    let inverted = preconditioned(&kernel, ascending[samples - 1])?;
    let plain = self::course(&start, &vectors, steps, |residual| {
        moved(
            residual,
            -time,
            &numbers((&inverted * column(residual)).as_ref()),
        )
    });
    let changes = |mode: &usize| {
        let signs = (1..samples)
            .filter(|place| vectors[(*place, *mode)] * vectors[(*place - 1, *mode)] < 0.0);
        signs.count() as f64
    };
    let of = |value: &dyn Fn(&usize) -> f64| followed.iter().map(value).collect::<Vec<f64>>();
    let shown = [0, followed.len() / 2, followed.len() - 1].map(|index| followed[index]);
    let left = |mode: usize| {
        let shares = course.iter().map(|row| (row[mode] / course[0][mode]).abs());
        shares.map(|share| share.max(1e-12)).collect()
    };
    let beyond = of(&|mode| largest_beyond(&course, *mode, ascending[*mode] * time));
    Ok(Seed {
        eigenvalues: of(&|mode| ascending[*mode]),
        rates: of(&|mode| decay(&course, *mode, time)),
        preconditioned: of(&|mode| decay(&plain, *mode, time)),
        beyond: beyond.into_iter().fold(0.0, f64::max),
        changes: of(&changes),
        course: (
            (0..=steps).map(|step| step as f64 * time).collect(),
            shown.map(left).into(),
        ),
    })
}

/// The matrix of a Gaussian kernel at random places in [0, 1], over their number; in the order of the places.
fn kernel(samples: usize, width: f64, rng: &mut StreamRng) -> Mat<f64> {
    let mut places: Vec<f64> = (0..samples).map(|_| rng.random()).collect();
    places.sort_by(f64::total_cmp);
    Mat::from_fn(samples, samples, |i, j| {
        (-0.5 * ((places[i] - places[j]) / width).powi(2)).exp() / samples as f64
    })
}

/// What the gradient becomes with the inverse kernel before it: the largest eigenvalue λ times `(K + RIDGE λ)⁻¹K`, so that
/// the quickest mode keeps its speed.
fn preconditioned(kernel: &Mat<f64>, largest: f64) -> Result<Mat<f64>, ExperimentError> {
    let size = kernel.nrows();
    let regular = kernel + scaled_identity(size, RIDGE * largest);
    let columns = (0..size)
        .map(|index| solve(regular.as_ref(), kernel.col(index)))
        .collect::<Result<Vec<_>, ExperimentError>>()?;
    Ok(Mat::from_fn(size, size, |row, index| {
        largest * columns[index][row]
    }))
}

/// The residual in each eigenmode before and after each of some steps.
fn course(
    start: &[f64],
    vectors: &Mat<f64>,
    steps: usize,
    step: impl Fn(&[f64]) -> Vec<f64>,
) -> Vec<Vec<f64>> {
    let mut residual = start.to_vec();
    let each = (0..=steps).map(|_| {
        let modes = numbers((vectors.transpose() * column(&residual)).as_ref());
        residual = step(&residual);
        modes
    });
    each.collect()
}

/// The rate of decay of a mode, fitted to the logarithm of its residual while that is well above rounding.
fn decay(course: &[Vec<f64>], mode: usize, time: f64) -> f64 {
    let start = course[0][mode].abs();
    let seen = course
        .iter()
        .map(|row| row[mode].abs() / start)
        .take_while(|left| *left > SEEN[1]);
    let logs: Vec<f64> = seen.map(f64::ln).collect();
    let times: Vec<f64> = (0..logs.len()).map(|step| step as f64 * time).collect();
    -Estimate::slope(&times, &logs).value
}

fn largest_beyond(course: &[Vec<f64>], mode: usize, pace: f64) -> f64 {
    let start = course[0][mode].abs();
    let ratios = course
        .iter()
        .enumerate()
        // At the start it is 1.
        .skip(1)
        .map(|(step, row)| (row[mode].abs() / start, (-pace * step as f64).exp()));
    ratios
        .take_while(|(left, _)| *left > SEEN[1])
        .map(|(left, bound)| left / bound)
        .fold(0.0, f64::max)
}

fn figure(seeds: &[Seed]) -> Figure {
    let mut residuals = Panel::new(
        Axis::new("time", "1").linear(),
        Axis::new("|residual| / start", "1").log().over([1e-8, 1.5]),
    )
    .titled("Three modes of one kernel");
    if let Some(seed) = seeds.first() {
        let count = seed.eigenvalues.len();
        for (index, left) in [0, count / 2, count - 1].into_iter().zip(&seed.course.1) {
            let label = format!("λ = {:.3}", seed.eigenvalues[index]);
            residuals = residuals.with(Line::new(label, seed.course.0.clone(), left.clone()));
        }
    }
    let all = |of: fn(&Seed) -> &Vec<f64>| {
        seeds
            .iter()
            .flat_map(|seed| of(seed).clone())
            .collect::<Vec<_>>()
    };
    let eigenvalues = all(|seed| &seed.eigenvalues);
    let ends =
        [f64::min, f64::max].map(|fold| eigenvalues.iter().copied().reduce(fold).unwrap_or(1.0));
    let rates = Panel::new(
        Axis::new("eigenvalue λ", "1").log(),
        Axis::new("fitted rate", "1").log(),
    )
    .titled("All modes of all seeds")
    .with(Line::new("rate = λ", ends.to_vec(), ends.to_vec()).styled(Style::REFERENCE))
    .with(Mark::Points(Points::new(
        "gradient flow",
        eigenvalues.clone(),
        all(|seed| &seed.rates),
    )))
    .with(Mark::Points(Points::new(
        "preconditioned",
        eigenvalues,
        all(|seed| &seed.preconditioned),
    )));
    let figure = Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("How fast a kernel's modes are learnt")
    };
    figure.with(residuals).with(rates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preconditioned_kernel_is_flat_where_the_ridge_is_small() {
        let ends = [2.0, 1e-3, 1e-12];
        let kernel = Mat::from_fn(
            3,
            3,
            |row, column| {
                if row == column { ends[row] } else { 0.0 }
            },
        );
        let found = preconditioned(&kernel, 2.0).unwrap();
        assert!((found[(0, 0)] - 2.0).abs() < 1e-8 && (found[(1, 1)] - 2.0).abs() < 1e-6);
        assert!(found[(2, 2)] < 0.02 && found[(0, 1)] == 0.0);
    }

    #[test]
    fn a_pure_decay_has_the_rate_it_was_given() {
        let course: Vec<Vec<f64>> = (0..200)
            .map(|step| vec![-3.0 * (-0.05 * f64::from(step)).exp()])
            .collect();
        assert!((decay(&course, 0, 0.5) - 0.1).abs() < 1e-10);
        assert!((largest_beyond(&course, 0, 0.05) - 1.0).abs() < 1e-9);
        assert!(largest_beyond(&course, 0, 0.06) > 2.0);
    }
}
