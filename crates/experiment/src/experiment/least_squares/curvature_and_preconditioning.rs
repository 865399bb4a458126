//! Each eigen-direction of a quadratic is learned at its own speed; a preconditioner is another measure of length.

use super::{beside, each, style};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Points, Style};
use crate::problem::least_squares::{LeastSquares, relative_distance};
use crate::problem::{dense, draw};
use crate::random::{StreamRng, Streams};
use crate::statistics::{Estimate, Rule};
use faer::{Col, Mat, Scale};

const SAMPLES: Count =
    Count::new("samples", "rows of the data of the regression", 200).allowed(60.0, 2_000.0);
const FEATURES: Count = Count::new("features", "features of the regression", 20).allowed(2.0, 40.0);
const SIZE: Count = Count::new(
    "size",
    "dimensions of the quadratics that are preconditioned",
    20,
)
.allowed(3.0, 60.0);
const COPY: Number = Number::new("copy", "noise on the copied feature", 0.1).allowed(0.03, 10.0);

/// The ratios between the largest and the smallest scale of a coordinate.
const SCALES: [f64; 4] = [1.0, 2.0, 5.0, 10.0];

/// The preconditioners: none, the diagonal in the reverse order, the diagonal itself, the Hessian itself, and the inverse of the
/// diagonal's root.
const PRECONDITIONERS: usize = 5;

/// Curvature, and preconditioned descent.
#[derive(Debug)]
pub struct CurvatureAndPreconditioning;

#[derive(Debug)]
struct Measured {
    recursion: f64,
    plain: f64,
    whitened: f64,
    copied: f64,
    condition_copied: f64,
    transformed: f64,
    steepest: f64,
    steps: Vec<[f64; PRECONDITIONERS]>,
    conditions: Vec<[f64; PRECONDITIONERS]>,
    rotated: f64,
}

impl Experiment for CurvatureAndPreconditioning {
    fn about(&self) -> About {
        About {
            name: "curvature-and-preconditioning",
            subject: Subject::LeastSquares,
            claim: "The spectrum of a quadratic decides how fast descent is, and a preconditioner \
                changes the spectrum.",
            source: "Implicit Bias, Flat vs Sharp Minima, and Generalization (course text), Example \
                3; The Mathematical Structure of Machine Learning (course text), Example 1 and \
                B.3.",
            mathematics: "On ½θᵀAθ descent with step α multiplies the part along an eigenvector by 1 − αλ \
                per step. For ‖Xθ − y‖²/2n the Hessian is XᵀX/n, and in its eigenvectors u ← (1 \
                − αλ)u + αb. With a positive definite P, θ ← θ − αP⁻¹∇ is plain descent in z = \
                P^½θ, whose Hessian is P^(−½)HP^(−½): it is steepest descent where length is \
                √(dᵀPd), and the direction of that length one in which the loss falls fastest is \
                −P⁻¹∇/√(∇ᵀP⁻¹∇). The steps that are needed grow in proportion to the condition \
                number of P⁻¹H. A diagonal P undoes different scales of the coordinates; against \
                directions that lie across the coordinates it does nothing.",
            refuted_by: "Numbers of steps that do not follow the condition number of P⁻¹H.",
            seeds: Extent { full: 20, quick: 8 },
            seconds: Extent {
                full: 0.2,
                quick: 0.1,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            FEATURES.parameter(),
            SIZE.parameter(),
            COPY.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let all = setup.over_seeds(|streams| measure(setup, streams))?;
        Ok(Findings::new()
            .claims(of_the_losses())
            .claims(of_the_directions())
            .claims(of_the_spectra())
            .claims(of_the_regression(setup, &all))
            .claims(of_the_metric(&all))
            .claims(of_the_condition_number(&all))
            .claims(of_bad_preconditioners(&all))
            .figure("steps", figure(&all)))
    }
}

/// The point after so many steps on `½Σ λᵢθᵢ²` from ones.
fn diagonal(curvatures: &[f64], step: f64, steps: usize) -> Vec<f64> {
    scaled(curvatures, &vec![step; curvatures.len()], steps)
}

/// The same with a step for each coordinate.
fn scaled(curvatures: &[f64], by_coordinate: &[f64], steps: usize) -> Vec<f64> {
    let mut point = vec![1.0; curvatures.len()];
    for _ in 0..steps {
        for ((coordinate, curvature), step) in point.iter_mut().zip(curvatures).zip(by_coordinate) {
            let gradient = curvature * *coordinate;
            *coordinate -= step * gradient;
        }
    }
    point
}

const SHARP: [f64; 2] = [1.0, 10.0];
const FLAT: [f64; 2] = [0.1, 0.1];

fn loss(curvatures: &[f64], point: &[f64]) -> f64 {
    curvatures
        .iter()
        .zip(point)
        .map(|(curvature, coordinate)| 0.5 * curvature * coordinate * coordinate)
        .sum()
}

fn loss_after(curvatures: &[f64], step: f64, steps: usize) -> f64 {
    loss(curvatures, &diagonal(curvatures, step, steps))
}

fn measure(setup: &Setup, streams: Streams) -> Result<Measured, ExperimentError> {
    let mut rng = streams.stream("regression", 0);
    let (samples, features) = (setup.get(SAMPLES), setup.get(FEATURES));
    let basis = draw::orthogonal(&mut rng, features);
    let deviation = |index: usize| 10f64.powf(-(index as f64) / (features as f64 - 1.0));
    let root = Mat::from_fn(features, features, |row, column| {
        basis[(row, column)] * deviation(column)
    }) * basis.transpose();
    let white = draw::gaussian(&mut rng, samples, features);
    let truth = draw::normals(&mut rng, features);
    let noise = draw::normals(&mut rng, samples);
    let labelled = |x: Mat<f64>, truth: &Col<f64>| {
        let y = &x * truth + Scale(0.1) * &noise;
        LeastSquares { x, y }
    };
    let coloured = labelled(&white * &root, &truth);
    let wider = with_a_copy(&white, setup.get(COPY), &mut rng);
    let longer = Col::from_fn(features + 1, |index| {
        if index < features { truth[index] } else { 0.0 }
    });
    let whitened = labelled(white, &truth);
    let copied = labelled(wider, &longer);
    let spectrum = dense::eigenvalues((copied.x.transpose() * &copied.x).as_ref())?;
    let mut found = Measured {
        recursion: recursion(&coloured)?,
        plain: steps_to_the_minimum(setup, &coloured)?,
        whitened: steps_to_the_minimum(setup, &whitened)?,
        copied: steps_to_the_minimum(setup, &copied)?,
        condition_copied: spectrum[features] / spectrum[0],
        transformed: 0.0,
        steepest: 0.0,
        steps: Vec::new(),
        conditions: Vec::new(),
        rotated: 0.0,
    };
    preconditioned(setup, &mut streams.stream("quadratics", 0), &mut found)?;
    Ok(found)
}

/// With one column more: the first with some noise.
fn with_a_copy(x: &Mat<f64>, noise: f64, rng: &mut StreamRng) -> Mat<f64> {
    let extra = draw::normals(rng, x.nrows());
    Mat::from_fn(x.nrows(), x.ncols() + 1, |row, column| {
        if column < x.ncols() {
            x[(row, column)]
        } else {
            x[(row, 0)] + noise * extra[row]
        }
    })
}

/// How far 30 steps of descent, in the eigenvectors of the Hessian, are from `u ← (1 − αλ)u + αb`.
fn recursion(problem: &LeastSquares) -> Result<f64, ExperimentError> {
    let samples = problem.x.nrows() as f64;
    let hessian = Scale(1.0 / samples) * (problem.x.transpose() * &problem.x);
    let (values, vectors) = dense::eigen(hessian.as_ref())?;
    let step = 1.0 / values[values.len() - 1];
    let linear =
        Scale(1.0 / samples) * (vectors.transpose() * (problem.x.transpose() * &problem.y));
    let mut u = problem.origin();
    for _ in 0..30 {
        u = Col::from_fn(u.nrows(), |index| {
            (1.0 - step * values[index]) * u[index] + step * linear[index]
        });
    }
    let walked = problem.descend(&problem.origin(), step / samples, 30);
    Ok(relative_distance(&(vectors.transpose() * walked), &u))
}

/// Steps of 1/λ_max until the parameters are within a thousandth of the minimiser.
fn steps_to_the_minimum(setup: &Setup, problem: &LeastSquares) -> Result<f64, ExperimentError> {
    const MOST: usize = 50_000;
    let hessian = problem.x.transpose() * &problem.x;
    let linear = problem.x.transpose() * &problem.y;
    let step = 1.0
        / dense::eigenvalues(hessian.as_ref())?
            .last()
            .copied()
            .unwrap_or(1.0);
    let minimum = problem.shortest()?;
    let mut w = problem.origin();
    for steps in 0..MOST {
        if relative_distance(&w, &minimum) < 1e-3 {
            return Ok(steps as f64);
        }
        w = &w - Scale(step) * (&hessian * &w - &linear);
        if steps % 1_000 == 0 {
            setup.go_on()?;
        }
    }
    Err(ExperimentError::because(format!(
        "descent takes more than {MOST} steps: choose a larger `copy`, or more \
         `samples`"
    )))
}

fn preconditioned(
    setup: &Setup,
    rng: &mut StreamRng,
    found: &mut Measured,
) -> Result<(), ExperimentError> {
    let size = setup.get(SIZE);
    for scale in SCALES {
        // Curvatures within a factor of four, across the coordinates, seen in coordinates of different scales.
        let even = draw::symmetric(rng, &spaced(size, 4.0));
        let factor = |index: usize| scale.powf(index as f64 / (size as f64 - 1.0) - 0.5);
        let hessian = Mat::from_fn(size, size, |row, column| {
            even[(row, column)] * factor(row) * factor(column)
        });
        let start = draw::normals(rng, size);
        let mut steps = [0.0; PRECONDITIONERS];
        let mut conditions = [0.0; PRECONDITIONERS];
        for which in 0..PRECONDITIONERS {
            let p = preconditioner(&hessian, which);
            let seen = seen_through(&hessian, &p)?;
            let (values, vectors) = dense::eigen(seen.as_ref())?;
            let (least, most) = (values[0], values[size - 1]);
            conditions[which] = most / least;
            let step = 2.0 / (least + most);
            // The start that takes longest: as much loss in the slowest as in the fastest direction.
            let slowest = Scale(1.0 / least.sqrt()) * vectors.col(0)
                + Scale(1.0 / most.sqrt()) * vectors.col(size - 1);
            steps[which] = steps_with(setup, &hessian, &p, step, &(power(&p, -0.5)? * slowest))?;
            if scale == SCALES[3] && which == 2 {
                found.transformed = transformed(&hessian, &p, &seen, step, &start)?;
                found.steepest = steepest(&p, &(&hessian * &start))?;
            }
        }
        found.steps.push(steps);
        found.conditions.push(conditions);
    }
    let rotated = draw::symmetric(rng, &spaced(size, 100.0));
    let values =
        dense::eigenvalues(seen_through(&rotated, &preconditioner(&rotated, 2))?.as_ref())?;
    found.rotated = 100.0 / (values[size - 1] / values[0]);
    Ok(())
}

/// Numbers from 1 to `ratio`, by their logarithms.
fn spaced(size: usize, ratio: f64) -> Vec<f64> {
    (0..size)
        .map(|index| ratio.powf(index as f64 / (size as f64 - 1.0)))
        .collect()
}

fn preconditioner(hessian: &Mat<f64>, which: usize) -> Mat<f64> {
    let of_diagonal = |entry: &dyn Fn(f64) -> f64| {
        Mat::from_fn(hessian.nrows(), hessian.nrows(), |row, column| {
            if row == column {
                entry(hessian[(row, row)])
            } else {
                0.0
            }
        })
    };
    match which {
        0 => of_diagonal(&|_| 1.0),
        1 => {
            let last = hessian.nrows() - 1;
            Mat::from_fn(last + 1, last + 1, |row, column| {
                if row == column {
                    hessian[(last - row, last - row)]
                } else {
                    0.0
                }
            })
        }
        2 => of_diagonal(&|entry| entry),
        3 => hessian.clone(),
        _ => of_diagonal(&|entry| 1.0 / entry.sqrt()),
    }
}

/// A power of a positive definite matrix.
fn power(matrix: &Mat<f64>, exponent: f64) -> Result<Mat<f64>, ExperimentError> {
    let (values, vectors) = dense::eigen(matrix.as_ref())?;
    let size = values.len();
    let scaled = Mat::from_fn(size, size, |row, column| {
        vectors[(row, column)] * values[column].powf(exponent)
    });
    Ok(scaled * vectors.transpose())
}

/// `P^{−½}HP^{−½}`.
fn seen_through(hessian: &Mat<f64>, p: &Mat<f64>) -> Result<Mat<f64>, ExperimentError> {
    let root = power(p, -0.5)?;
    let seen = &root * hessian * &root;
    // Symmetric to the last digit, too.
    Ok(Scale(0.5) * (&seen + seen.transpose()))
}

/// Steps `θ ← θ − αP⁻¹Hθ` until the loss is 1e-8 of what it was.
fn steps_with(
    setup: &Setup,
    hessian: &Mat<f64>,
    p: &Mat<f64>,
    step: f64,
    start: &Col<f64>,
) -> Result<f64, ExperimentError> {
    const MOST: usize = 100_000;
    let inverse = power(p, -1.0)?;
    let iteration = dense::scaled_identity(start.nrows(), 1.0) - Scale(step) * (inverse * hessian);
    let height = |w: &Col<f64>| dense::dot(w.as_ref(), (hessian * w).as_ref());
    let enough = 1e-8 * height(start);
    let mut w = start.clone();
    for steps in 0..MOST {
        if height(&w) <= enough {
            return Ok(steps as f64);
        }
        w = &iteration * &w;
        if steps % 1_000 == 0 {
            setup.go_on()?;
        }
    }
    Err(ExperimentError::because(format!(
        "preconditioned descent takes more than {MOST} steps: choose a smaller `size`"
    )))
}

/// How far 25 preconditioned steps are from 25 plain ones in `z = P^{½}θ`, mapped back.
fn transformed(
    hessian: &Mat<f64>,
    p: &Mat<f64>,
    seen: &Mat<f64>,
    step: f64,
    start: &Col<f64>,
) -> Result<f64, ExperimentError> {
    let inverse = power(p, -1.0)?;
    let (mut w, mut z) = (start.clone(), power(p, 0.5)? * start);
    for _ in 0..25 {
        w = &w - Scale(step) * (&inverse * (hessian * &w));
        z = &z - Scale(step) * (seen * &z);
    }
    Ok(relative_distance(&(power(p, -0.5)? * z), &w))
}

/// `⟨∇, d⟩` along `d = −P⁻¹∇/√(∇ᵀP⁻¹∇)`, over the largest that a direction of `P`-length one can have.
fn steepest(p: &Mat<f64>, gradient: &Col<f64>) -> Result<f64, ExperimentError> {
    let scaled = power(p, -1.0)? * gradient;
    let most = dense::dot(gradient.as_ref(), scaled.as_ref()).sqrt();
    let direction = Scale(-1.0 / most) * scaled;
    Ok(dense::dot(gradient.as_ref(), direction.as_ref()) / most)
}

fn of_the_losses() -> Vec<Claim> {
    let exact = |value: f64| Estimate::exact(value, 1e-9);
    let equals = |value: f64| Rule::Equals {
        value,
        tolerance: 1e-6,
    };
    let id = "flat-vs-sharp E3";
    vec![
        Claim::printed(
            id,
            "On diag(1, 10), step 0.1, from (1, 1): the loss after 10 steps is ½·0.81¹⁰.",
            equals(0.5 * 0.81f64.powi(10)),
            exact(loss_after(&SHARP, 0.1, 10)),
        ),
        Claim::printed(
            id,
            "On diag(0.1, 0.1): the loss after 10 steps is 0.99²⁰.",
            equals(0.99f64.powi(20)),
            exact(loss_after(&FLAT, 0.1, 10)),
        ),
        Claim::corrected(
            id,
            "It is 0.1·0.99²⁰.",
            equals(0.1 * 0.99f64.powi(20)),
            exact(loss_after(&FLAT, 0.1, 10)),
        ),
        Claim::printed(
            id,
            "On diag(1, 10) the descent is at the minimum after a few steps: the loss after 5 is \
            below a thousandth of the first.",
            Rule::Below(1e-3),
            exact(loss_after(&SHARP, 0.1, 5) / loss_after(&SHARP, 0.1, 0)),
        ),
    ]
}

fn of_the_directions() -> Vec<Claim> {
    let exact = |value: f64| Estimate::exact(value, 1e-9);
    let equals = |value: f64| Rule::Equals {
        value,
        tolerance: 1e-6,
    };
    let curvature = |along: usize| {
        let mut point = [0.0; 2];
        point[along] = 1.0;
        2.0 * loss(&SHARP, &point)
    };
    let id = "flat-vs-sharp E3";
    vec![
        Claim::printed(
            id,
            "diag(1, 10) is sharper along the first direction than along the second (curvatures \
            subtracted).",
            Rule::Above(0.0),
            exact(curvature(0) - curvature(1)),
        ),
        Claim::corrected(
            id,
            "It is sharper along the second.",
            Rule::Above(0.0),
            exact(curvature(1) - curvature(0)),
        ),
        Claim::printed(
            id,
            "With step 0.05 the factors are 0.95 and 0.5 (their sum).",
            equals(1.45),
            exact(diagonal(&SHARP, 0.05, 1).iter().sum()),
        ),
        Claim::printed(
            id,
            "With step 0.2 the second coordinate swings for ever: after 101 steps it is −1.",
            equals(-1.0),
            exact(diagonal(&SHARP, 0.2, 101)[1]),
        ),
    ]
}

fn of_the_spectra() -> Vec<Claim> {
    let exact = |value: f64| Estimate::exact(value, 1e-9);
    let equals = |value: f64| Rule::Equals {
        value,
        tolerance: 1e-6,
    };
    let spectrum = [0.001, 0.01, 0.1, 1.0, 10.0, 100.0];
    let share =
        |curvatures: &[f64]| loss_after(curvatures, 0.1, 50) / loss_after(curvatures, 0.1, 0);
    let newton = scaled(&SHARP, &SHARP.map(|curvature| 0.1 / curvature), 1);
    let id = "flat-vs-sharp E3";
    vec![
        Claim::printed(
            id,
            "Preconditioned by its inverse, diag(1, 10) has the factor 1 − α = 0.9 in both \
            directions (distance of the two from 0.9).",
            equals(0.0),
            exact(newton.iter().map(|factor| (factor - 0.9).abs()).sum()),
        ),
        Claim::printed(
            id,
            "With curvatures 0.001 to 100 and step 1/100 the slowest coordinate still has a third \
            of its start after 1e5 steps.",
            Rule::Above(1.0 / 3.0),
            exact(diagonal(&spectrum, 0.01, 100_000)[0]),
        ),
        Claim::must_fail(
            id,
            "At the same step the flat basin is descended faster: after 50 steps diag(0.1, 0.1) \
            has the smaller share of its loss left (ratio to the other).",
            Rule::Below(1.0),
            exact(share(&FLAT) / share(&SHARP)),
        ),
    ]
}

fn of_the_regression(setup: &Setup, all: &[Measured]) -> Vec<Claim> {
    let mean = |of: &dyn Fn(&Measured) -> f64| Estimate::mean(&each(all, of));
    vec![
        Claim::printed(
            "structure Ex.1",
            "In the eigenvectors of XᵀX/n descent is u ← (1 − αλ)u + αb, to a share of 1e-10 \
            after 30 steps.",
            Rule::Below(1e-10),
            mean(&|one| one.recursion),
        ),
        Claim::printed(
            "structure Ex.1",
            "Whitened features, of deviations between 1 and 0.1 before, need less than a fifth of \
            the steps (ratio).",
            Rule::Below(0.2),
            mean(&|one| one.whitened / one.plain),
        ),
        Claim::printed(
            "structure Ex.1",
            format!(
                "A copy of a feature with noise {} makes descent more than 5 times as slow (ratio \
                of steps).",
                setup.get(COPY)
            ),
            Rule::Above(5.0),
            mean(&|one| one.copied / one.whitened),
        ),
        Claim::must_fail(
            "structure Ex.1",
            "With the copy the condition number stays below 10.",
            Rule::Below(10.0),
            mean(&|one| one.condition_copied),
        ),
    ]
}

fn of_the_metric(all: &[Measured]) -> Vec<Claim> {
    let id = "structure B.3";
    let mean = |of: &dyn Fn(&Measured) -> f64| Estimate::mean(&each(all, of));
    vec![
        Claim::printed(
            id,
            "Descent preconditioned by the diagonal is plain descent in z = P^½θ, to a share of \
            1e-10 after 25 steps.",
            Rule::Below(1e-10),
            mean(&|one| one.transformed),
        ),
        Claim::printed(
            id,
            "d = −P⁻¹∇/√(∇ᵀP⁻¹∇) maximises ⟨∇, d⟩ among directions of P-length one: its share of \
            the largest is 1.",
            Rule::Equals {
                value: 1.0,
                tolerance: 1e-9,
            },
            mean(&|one| one.steepest),
        ),
        Claim::corrected(
            id,
            "It minimises it: its share is −1.",
            Rule::Equals {
                value: -1.0,
                tolerance: 1e-9,
            },
            mean(&|one| one.steepest),
        ),
    ]
}

fn of_the_condition_number(all: &[Measured]) -> Vec<Claim> {
    let id = "structure B.3";
    let mean = |of: &dyn Fn(&Measured) -> f64| Estimate::mean(&each(all, of));
    // Where there is something to converge to slowly.
    let slopes = each(all, |one| {
        let pairs = one
            .conditions
            .iter()
            .flatten()
            .zip(one.steps.iter().flatten());
        let (x, y): (Vec<f64>, Vec<f64>) = pairs
            .filter(|(condition, _)| **condition > 3.0)
            .map(|(condition, steps)| (condition.ln(), steps.ln()))
            .unzip();
        Estimate::slope(&x, &y).value
    });
    vec![
        Claim::printed(
            id,
            "The steps that are needed are proportional to the condition number of P⁻¹H: from the \
            slowest start, slope 1 in logarithms, within 0.1, over all preconditioners and \
            scales with a condition number above 3.",
            Rule::Equals {
                value: 1.0,
                tolerance: 0.1,
            },
            Estimate::mean(&slopes),
        ),
        Claim::printed(
            id,
            "On coordinates whose scales differ by 10 the diagonal saves more than nine tenths of \
            the steps (ratio).",
            Rule::Below(0.1),
            mean(&|one| one.steps[3][2] / one.steps[3][0]),
        ),
    ]
}

fn of_bad_preconditioners(all: &[Measured]) -> Vec<Claim> {
    let id = "structure B.3";
    let mean = |of: &dyn Fn(&Measured) -> f64| Estimate::mean(&each(all, of));
    vec![
        Claim::printed(
            id,
            "A bad preconditioner, the inverse root of the diagonal, makes it more than 5 times \
            as slow where the scales differ by 10 (ratio).",
            Rule::Above(5.0),
            mean(&|one| one.steps[3][4] / one.steps[3][0]),
        ),
        Claim::must_fail(
            id,
            "Against curvatures from 1 to 100 that lie across the coordinates the diagonal \
            improves the condition number by more than a factor of 3.",
            Rule::Above(3.0),
            mean(&|one| one.rotated),
        ),
        Claim::must_fail(
            id,
            "Any diagonal with such numbers would do: those of the diagonal in the reverse order save more than nine tenths of \
             the steps where the scales differ by 10, too (ratio).",
            Rule::Below(0.1),
            mean(&|one| one.steps[3][1] / one.steps[3][0]),
        ),
    ]
}

fn points_panel(all: &[Measured]) -> Panel {
    let names = [
        "none",
        "",
        "diagonal",
        "Hessian",
        "inverse root of the diagonal",
    ];
    let mut steps = Panel::new(
        Axis::new("condition number of P⁻¹H", "1").log(),
        Axis::counting("steps to 1e-8 of the loss").log(),
    )
    .titled("preconditioned descent");
    for (which, name) in names
        .iter()
        .enumerate()
        .filter(|(_, name)| !name.is_empty())
    {
        let all_of = |of: fn(&Measured) -> &Vec<[f64; PRECONDITIONERS]>| -> Vec<f64> {
            all.iter()
                .flat_map(|one| of(one).iter().map(|arms| arms[which]))
                .collect()
        };
        let points = Points::new(
            *name,
            all_of(|one| &one.conditions),
            all_of(|one| &one.steps),
        );
        let style = Some(style(which, 0));
        steps = steps.with(Points { style, ..points });
    }
    let reference: Vec<f64> = vec![2.0, 3e3];
    let line = reference.iter().map(|condition| 4.6 * condition).collect();
    steps.with(Line::new("¼κ·ln 10⁸", reference, line).styled(Style::REFERENCE))
}

fn basin(label: &str, curvatures: &[f64], step: f64, colour: usize) -> Line {
    let losses = (0..=50).map(|steps| loss_after(curvatures, step, steps));
    let x = (0..=50).map(f64::from);
    Line::new(label, x.collect(), losses.collect()).styled(style(colour, colour))
}

fn figure(all: &[Measured]) -> Figure {
    let losses = Panel::new(Axis::counting("steps"), Axis::new("loss", "1").log())
        .titled("two basins")
        .with(basin("diag(1, 10), step 0.1", &SHARP, 0.1, 0))
        .with(basin("diag(1, 10), step 0.2", &SHARP, 0.2, 1))
        .with(basin("diag(0.1, 0.1), step 0.1", &FLAT, 0.1, 2));
    let figure = Figure::new("Descent in two basins, and preconditioned descent")
        .described(
            "Losses over steps on two quadratics, and steps against condition numbers for \
            preconditioners.",
        )
        .with(losses)
        .with(points_panel(all));
    beside(figure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_basins_have_the_losses_that_were_computed_by_hand() {
        for (steps, sharp, flat) in [
            (1, 0.405, 0.0980),
            (10, 0.0608, 0.0818),
            (50, 1.33e-5, 0.0366),
        ] {
            assert!((loss_after(&SHARP, 0.1, steps) / sharp - 1.0).abs() < 2e-3);
            assert!((loss_after(&FLAT, 0.1, steps) / flat - 1.0).abs() < 2e-3);
        }
        assert!((loss_after(&SHARP, 0.2, 200) - 5.0).abs() < 1e-9);
    }

    #[test]
    fn a_power_of_a_matrix_is_one() {
        let matrix = draw::symmetric(&mut Streams::new(0).stream("test", 0), &[1.0, 4.0, 9.0]);
        let root = power(&matrix, 0.5).unwrap();
        assert!((&root * &root - &matrix).norm_l2() < 1e-12);
        assert!(
            (power(&matrix, -1.0).unwrap() * &matrix - dense::scaled_identity(3, 1.0)).norm_l2()
                < 1e-12
        );
    }
}
