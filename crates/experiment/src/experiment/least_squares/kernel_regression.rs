//! Kernel regression is the limit of gradient descent in a space of features that need not be written down.

use super::{each, largest, style};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Points};
use crate::problem::least_squares::LeastSquares;
use crate::problem::{dense, draw};
use crate::random::{StreamRng, Streams};
use crate::statistics::{Estimate, Rule};
use faer::{Col, ColRef, Mat, Scale};
use rand::RngExt;

const POINTS: Count = Count::new("points", "points on the unit sphere", 40).allowed(15.0, 100.0);
const SAMPLES: Count =
    Count::new("samples", "training points of the regression", 15).allowed(2.0, 40.0);
const STEPS: Count = Count::new("steps", "steps of gradient descent", 6_000).allowed(100.0, 1e6);
const WIDTH: Number = Number::new(
    "width",
    "width of the kernel in the figure, for inputs from 0 to 1",
    0.15,
)
.allowed(0.02, 1.0);

/// The dimension of the inputs, and of the printed polynomial kernel its degree.
const DIMENSION: usize = 3;

/// Kernel regression.
#[derive(Debug)]
pub struct KernelRegression;

#[derive(Debug, Default)]
struct Measured {
    features: f64,
    gaussian: f64,
    laplace_as_printed: f64,
    laplace: f64,
    distance_as_printed: f64,
    distance: f64,
    rank: f64,
    descent: f64,
    explicit: f64,
    norm: f64,
    other_norm: f64,
    from_elsewhere: f64,
}

impl Experiment for KernelRegression {
    fn about(&self) -> About {
        About {
            name: "kernel-regression",
            subject: Subject::LeastSquares,
            claim: "Gradient descent on the features of a kernel ends at kernel regression, the \
                interpolant of smallest norm.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 3.2 and problem 3.2.2.",
            mathematics: "With features φ(x) and w = Σ αᵢφ(xᵢ), descent on ½Σ(φ(xᵢ)·w − yᵢ)² from zero \
                needs inner products K(x, x') = φ(x)·φ(x') only: α ← α − η(Gα − y), with the \
                Gram matrix G. Its limit predicts h(x) = zᵀG⁻¹y, zᵢ = K(x, xᵢ), and has ‖w‖² = \
                yᵀG⁻¹y, the smallest of all interpolants. K is a kernel if and only if its Gram \
                matrices have no negative eigenvalue. (1 + x·y)² has the features 1, √2xᵢ, \
                √2xᵢxⱼ, xᵢ². On the unit sphere ‖x − y‖² = 2 − 2x·y. exp(−‖x − y‖²) and exp(−‖x \
                − y‖) are kernels; exp(+‖x − y‖) is none, and 1 + (x·y)³ has finitely many \
                features: one and the 10 cubic monomials.",
            refuted_by: "A limit of descent that predicts otherwise than zᵀG⁻¹y.",
            seeds: Extent { full: 20, quick: 8 },
            seconds: Extent {
                full: 0.1,
                quick: 0.1,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            POINTS.parameter(),
            SAMPLES.parameter(),
            STEPS.parameter(),
            WIDTH.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let all = setup.over_seeds(|streams| measure(setup, streams))?;
        Ok(Findings::new()
            .claims(of_the_kernels(setup, &all))
            .claims(of_the_sphere_and_the_rank(setup, &all))
            .claims(of_the_regression(setup, &all))
            .claims(of_another_start(&all))
            .figure("fits", figure(setup)?))
    }
}

fn sphere(rng: &mut StreamRng, count: usize) -> Vec<Col<f64>> {
    (0..count)
        .map(|_| draw::on_sphere(rng, DIMENSION))
        .collect()
}

fn apart(x: ColRef<f64>, y: ColRef<f64>) -> f64 {
    (x - y).norm_l2()
}

fn gram(
    left: &[Col<f64>],
    right: &[Col<f64>],
    kernel: impl Fn(ColRef<f64>, ColRef<f64>) -> f64,
) -> Mat<f64> {
    Mat::from_fn(left.len(), right.len(), |row, column| {
        kernel(left[row].as_ref(), right[column].as_ref())
    })
}

/// The features of `(1 + x·y)²`.
fn quadratic_features(x: ColRef<f64>) -> Vec<f64> {
    let root = 2f64.sqrt();
    let size = x.nrows();
    let linear = (0..size).map(|i| root * x[i]);
    let mixed = (0..size).flat_map(|i| (i + 1..size).map(move |j| root * x[i] * x[j]));
    let squares = (0..size).map(|i| x[i] * x[i]);
    std::iter::once(1.0)
        .chain(linear)
        .chain(mixed)
        .chain(squares)
        .collect()
}

fn quadratic(x: ColRef<f64>, y: ColRef<f64>) -> f64 {
    (1.0 + dense::dot(x, y)).powi(2)
}

fn laplace(x: ColRef<f64>, y: ColRef<f64>) -> f64 {
    (-apart(x, y)).exp()
}

fn measure(setup: &Setup, streams: Streams) -> Result<Measured, ExperimentError> {
    let mut rng = streams.stream("points", 0);
    let points = sphere(&mut rng, setup.get(POINTS));
    let least = |kernel: fn(ColRef<f64>, ColRef<f64>) -> f64| -> Result<f64, ExperimentError> {
        let values = dense::eigenvalues(gram(&points, &points, kernel).as_ref())?;
        Ok(values[0] / values[values.len() - 1])
    };
    let pairs = || points.iter().zip(points.iter().skip(1));
    let squares = |constant: f64| {
        largest(pairs().map(|(x, y)| {
            let product = dense::dot(x.as_ref(), y.as_ref());
            (apart(x.as_ref(), y.as_ref()).powi(2) - (constant - 2.0 * product)).abs()
        }))
    };
    let features = largest(pairs().map(|(x, y)| {
        let [first, second] = [x, y].map(|point| quadratic_features(point.as_ref()));
        let product: f64 = first.iter().zip(&second).map(|(a, b)| a * b).sum();
        (product - quadratic(x.as_ref(), y.as_ref())).abs()
    }));
    let cubic = gram(&points, &points, |x, y| {
        1.0 + dense::dot(x, y).powi(DIMENSION as i32)
    });
    let spectrum = dense::singular_values(cubic.as_ref())?;
    let mut found = Measured {
        features,
        gaussian: least(|x, y| (-apart(x, y).powi(2)).exp())?,
        laplace_as_printed: least(|x, y| apart(x, y).exp())?,
        laplace: least(laplace)?,
        distance_as_printed: squares(1.0),
        distance: squares(2.0),
        rank: spectrum
            .iter()
            .filter(|value| **value > 1e-10 * spectrum[0])
            .count() as f64,
        ..Measured::default()
    };
    regression(setup, &mut streams.stream("regression", 0), &mut found)?;
    explicit(setup, &mut streams.stream("explicit", 0), &mut found)?;
    Ok(found)
}

/// Descent in the space of functions against `zᵀG⁻¹y`, at other points: the largest difference over the largest value.
fn regression(
    setup: &Setup,
    rng: &mut StreamRng,
    found: &mut Measured,
) -> Result<(), ExperimentError> {
    let train = sphere(rng, setup.get(SAMPLES));
    let test = sphere(rng, 50);
    let labels = draw::normals(rng, train.len());
    let own = gram(&train, &train, laplace);
    let across = gram(&test, &train, laplace);
    let step = 1.0
        / dense::eigenvalues(own.as_ref())?
            .last()
            .copied()
            .unwrap_or(1.0);
    let weights = descend(&own, &labels, step, setup.get(STEPS));
    let predicted = &across * dense::solve(own.as_ref(), labels.as_ref())?;
    found.descent = (across * weights - &predicted).norm_max() / predicted.norm_max();
    Ok(())
}

/// `α ← α − η(Gα − y)` from zero.
fn descend(own: &Mat<f64>, labels: &Col<f64>, step: f64, steps: usize) -> Col<f64> {
    let mut weights = Col::zeros(labels.nrows());
    for _ in 0..steps {
        weights = &weights - Scale(step) * (own * &weights - labels);
    }
    weights
}

/// Descent on the ten features of the quadratic kernel with six points, against kernel regression.
fn explicit(
    setup: &Setup,
    rng: &mut StreamRng,
    found: &mut Measured,
) -> Result<(), ExperimentError> {
    const SAMPLES_HERE: usize = 6;
    let train = sphere(rng, SAMPLES_HERE);
    let test = sphere(rng, 50);
    let labels = draw::normals(rng, SAMPLES_HERE);
    let features = |points: &[Col<f64>]| {
        let rows: Vec<Vec<f64>> = points
            .iter()
            .map(|point| quadratic_features(point.as_ref()))
            .collect();
        Mat::from_fn(rows.len(), rows[0].len(), |row, column| rows[row][column])
    };
    let own = gram(&train, &train, quadratic);
    let inverse = dense::solve(own.as_ref(), labels.as_ref())?;
    let predicted = gram(&test, &train, quadratic) * &inverse;
    let problem = LeastSquares {
        x: features(&train),
        y: labels,
    };
    // Conjugate gradients are descent without its patience: the Gram matrix may be ill-conditioned.
    let rule = crate::problem::least_squares::Rule::Conjugate;
    let start = draw::normals(rng, problem.unknowns());
    let (from_zero, from_start) = (
        problem.walk(&rule, &problem.origin(), setup.get(STEPS), rng),
        problem.walk(&rule, &start, setup.get(STEPS), rng),
    );
    let off = |w: &Col<f64>| (features(&test) * w - &predicted).norm_max() / predicted.norm_max();
    found.explicit = off(&from_zero);
    found.from_elsewhere = off(&from_start);
    found.norm = from_zero.squared_norm_l2() / dense::dot(problem.y.as_ref(), inverse.as_ref());
    found.other_norm = from_start.squared_norm_l2() / from_zero.squared_norm_l2();
    Ok(())
}

fn of_the_kernels(setup: &Setup, all: &[Measured]) -> Vec<Claim> {
    let id = "theory 3-3";
    let points = setup.get(POINTS);
    let mean = |of: fn(&Measured) -> f64| Estimate::mean(&each(all, of));
    let no_negative = Rule::Above(-1e-10);
    vec![
        Claim::printed(
            id,
            "The features 1, √2xᵢ, √2xᵢxⱼ, xᵢ² have the products (1 + x·y)², to 1e-12.",
            Rule::Below(1e-12),
            mean(|one| one.features),
        ),
        Claim::printed(
            id,
            format!(
                "exp(−‖x − y‖²) is a kernel: the Gram matrix of {points} points on the sphere has \
                no negative eigenvalue (smallest over largest)."
            ),
            no_negative,
            mean(|one| one.gaussian),
        ),
        Claim::printed(
            id,
            "exp(‖x − y‖) is a kernel: the Gram matrix of these points has no negative \
            eigenvalue.",
            no_negative,
            mean(|one| one.laplace_as_printed),
        ),
        Claim::corrected(
            id,
            "exp(−‖x − y‖) is one.",
            no_negative,
            mean(|one| one.laplace),
        ),
    ]
}

fn of_the_sphere_and_the_rank(setup: &Setup, all: &[Measured]) -> Vec<Claim> {
    let id = "theory 3-3";
    let points = setup.get(POINTS);
    let mean = |of: fn(&Measured) -> f64| Estimate::mean(&each(all, of));
    vec![
        Claim::printed(
            id,
            "On the unit sphere ‖x − y‖² is 1 − 2x·y, to 1e-12.",
            Rule::Below(1e-12),
            mean(|one| one.distance_as_printed),
        ),
        Claim::corrected(
            id,
            "It is 2 − 2x·y.",
            Rule::Below(1e-12),
            mean(|one| one.distance),
        ),
        Claim::printed(
            id,
            format!(
                "1 + (x·y)³ in three dimensions needs features without number: the Gram matrix of \
                {points} points has rank {points}."
            ),
            Rule::Equals {
                value: points as f64,
                tolerance: 0.0,
            },
            mean(|one| one.rank),
        ),
        Claim::corrected(
            id,
            "It has rank 11, for 1 and the ten cubic monomials.",
            Rule::Equals {
                value: 11.0,
                tolerance: 0.0,
            },
            mean(|one| one.rank),
        ),
    ]
}

fn of_the_regression(setup: &Setup, all: &[Measured]) -> Vec<Claim> {
    let id = "theory 3-4";
    let mean = |of: fn(&Measured) -> f64| Estimate::mean(&each(all, of));
    vec![
        Claim::printed(
            id,
            format!(
                "{} steps in the space of functions predict zᵀG⁻¹y at other points, to a share of \
                1e-4, for exp(−‖x − y‖).",
                setup.get(STEPS)
            ),
            Rule::Below(1e-4),
            mean(|one| one.descent),
        ),
        Claim::printed(
            id,
            "Descent on the ten features of (1 + x·y)² from zero predicts the same as the kernel, \
            to a share of 1e-6.",
            Rule::Below(1e-6),
            mean(|one| one.explicit),
        ),
        Claim::printed(
            id,
            "The squared norm of its weights is yᵀG⁻¹y (ratio, within 1e-6).",
            Rule::Equals {
                value: 1.0,
                tolerance: 1e-6,
            },
            mean(|one| one.norm),
        ),
        Claim::printed(
            id,
            "Another interpolant, from a random start, has a larger norm (ratio of the squares).",
            Rule::Above(1.0),
            Estimate::median(&each(all, |one| one.other_norm)),
        ),
    ]
}

fn of_another_start(all: &[Measured]) -> Vec<Claim> {
    let id = "theory 3-4";
    vec![Claim::must_fail(
        id,
        "From a random start the predictions are those of the kernel, too, to a share of \
            1e-6.",
        Rule::Below(1e-6),
        Estimate::median(&each(all, |one| one.from_elsewhere)),
    )]
}

/// Eight places between 0 and 1, and a noisy sine there.
fn on_the_line(rng: &mut StreamRng) -> (Vec<Col<f64>>, Col<f64>) {
    let places = |rng: &mut StreamRng, place: u32| {
        let at = (f64::from(place) + rng.random_range(0.1..0.9)) / 8.0;
        Col::from_fn(1, |_| at)
    };
    let train: Vec<Col<f64>> = (0..8).map(|place| places(rng, place)).collect();
    let labels = Col::from_fn(train.len(), |index| {
        (std::f64::consts::TAU * train[index][0]).sin() + 0.3 * draw::normal(rng)
    });
    (train, labels)
}

/// Descent with a Gaussian kernel on the line, of the first seed.
fn figure(setup: &Setup) -> Result<Figure, ExperimentError> {
    let mut rng = Streams::new(setup.seeds().first().copied().unwrap_or(0)).stream("line", 0);
    let width = setup.get(WIDTH);
    let (train, labels) = on_the_line(&mut rng);
    let kernel = |x: ColRef<f64>, y: ColRef<f64>| (-0.5 * (apart(x, y) / width).powi(2)).exp();
    let x: Vec<f64> = (0..=100).map(|place| f64::from(place) / 100.0).collect();
    let grid: Vec<Col<f64>> = x.iter().map(|&place| Col::from_fn(1, |_| place)).collect();
    let (own, across) = (gram(&train, &train, kernel), gram(&grid, &train, kernel));
    let spectrum = dense::eigenvalues(own.as_ref())?;
    let step = 1.0 / spectrum[spectrum.len() - 1];
    let mut panel = Panel::new(
        Axis::new("x", "1").linear(),
        Axis::new("prediction", "1").linear(),
    );
    for (order, steps) in [3usize, 30, 1_000].into_iter().enumerate() {
        let values = dense::numbers((&across * descend(&own, &labels, step, steps)).as_ref());
        let style = style(order + 1, order + 1);
        panel = panel.with(Line::new(format!("{steps} steps"), x.clone(), values).styled(style));
    }
    let limit = dense::least_norm(own.as_ref(), labels.as_ref())?;
    let limit = dense::numbers((&across * limit).as_ref());
    let places: Vec<f64> = train.iter().map(|point| point[0]).collect();
    let data = Points::new("data", places, dense::numbers(labels.as_ref()));
    panel = panel
        .with(Line::new("kernel regression", x, limit).styled(style(0, 0)))
        .with(Points {
            style: Some(style(2, 0)),
            ..data
        });
    Ok(Figure::new("Descent towards kernel regression")
        .described(
            "Fits of gradient descent with a Gaussian kernel after some steps, and their limit.",
        )
        .noted(format!("Gaussian kernel of width {width}; one draw."))
        .with(panel))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_laplace_kernel_is_none() {
        // Two points at distance r: eigenvalues 1 ± e^r, one of which is negative.
        let points = [Col::from_fn(1, |_| 0.0), Col::from_fn(1, |_| 1.0)];
        let values =
            dense::eigenvalues(gram(&points, &points, |x, y| apart(x, y).exp()).as_ref()).unwrap();
        assert!((values[0] - (1.0 - 1f64.exp())).abs() < 1e-12);
    }

    #[test]
    fn there_are_ten_quadratic_features_of_three_numbers() {
        let x = Col::from_fn(3, |index| index as f64 - 0.5);
        let y = Col::from_fn(3, |index| 0.3 * index as f64 + 1.0);
        let [a, b] = [&x, &y].map(|point| quadratic_features(point.as_ref()));
        assert_eq!(a.len(), 10);
        let product: f64 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
        assert!((product - quadratic(x.as_ref(), y.as_ref())).abs() < 1e-12);
    }
}
