//! Polynomials of a degree that is too high, with and without a penalty.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Style};
use crate::problem::linear_class::solve_all;
use crate::problem::{dense, draw};
use crate::random::Streams;
use crate::statistics::estimate::median;
use crate::statistics::{Estimate, Rule};
use faer::{Col, Mat};
use rand::RngExt;

const EXAMPLES: Count = Count::new("examples", "n, points on [0, 1]", 25).allowed(5.0, 1e3);
const TRUE_DEGREE: Count = Count::new(
    "true-degree",
    "d, degree of the polynomial behind the \
    data",
    3,
)
.allowed(1.0, 8.0);
const DEGREES: Numbers = Numbers::new(
    "degrees",
    "degrees of the fit, ascending; the first is d",
    &[3.0, 6.0, 10.0, 15.0, 20.0],
)
.allowed(1.0, 24.0);
const PENALTY: Number = Number::new("penalty", "λ of the penalty λ‖θ‖²", 0.01).allowed(1e-8, 10.0);
const NOISE: Number =
    Number::new("noise", "σ, standard deviation of the noise", 0.3).allowed(1e-3, 10.0);

/// What one seed gives: for each degree the test error to the true polynomial and the training loss over nσ².
struct Seed {
    plain: Vec<f64>,
    penalised: Vec<f64>,
    train: Vec<f64>,
    truth: f64,
}

/// Theory of Deep Learning, section 5.1.
#[derive(Debug)]
pub struct PolynomialInterpolation;

impl Experiment for PolynomialInterpolation {
    fn about(&self) -> About {
        About {
            name: "polynomial-interpolation",
            subject: Subject::Capacity,
            claim: "A penalty on the coefficients makes a polynomial of too high a degree find \
                the true one.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 5.1.2",
            mathematics: "The data are y = p(x) + noise at n even random points of [0, 1], \
                with a polynomial p of degree d. The squared error of the true polynomial is \
                nσ² on average, so that a fit of degree N ≫ d that goes below has fitted \
                noise. The penalty λ‖θ‖² makes it useless to go to zero. The sum over the \
                monomials of the model goes to its degree; the text prints n there.",
            refuted_by: "A fit without a penalty that is as close to p as the fit with it, at \
                a high degree.",
            seeds: Extent {
                full: 40,
                quick: 12,
            },
            seconds: Extent {
                full: 0.02,
                quick: 0.01,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            EXAMPLES.parameter(),
            TRUE_DEGREE.parameter(),
            DEGREES.parameter(),
            PENALTY.parameter(),
            NOISE.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let degrees: Vec<usize> = setup
            .get(DEGREES)
            .iter()
            .map(|degree| *degree as usize)
            .collect();
        if degrees.iter().any(|degree| *degree >= setup.get(EXAMPLES)) {
            return Err(ExperimentError::because("degrees must be below examples"));
        }
        let seeds = setup.over_seeds(|streams| one(setup, &degrees, streams))?;
        Ok(Findings::new()
            .claims(claims(setup, &degrees, &seeds))
            .figure("test-errors", figure(setup, &seeds)))
    }
}

fn powers(x: &[f64], degree: usize) -> Mat<f64> {
    Mat::from_fn(x.len(), degree + 1, |row, column| {
        x[row].powi(column as i32)
    })
}

fn one(setup: &Setup, degrees: &[usize], streams: Streams) -> Result<Seed, ExperimentError> {
    let (count, noise) = (setup.get(EXAMPLES), setup.get(NOISE));
    let mut rng = streams.stream("points", 0);
    let truth = draw::normals(&mut rng, setup.get(TRUE_DEGREE) + 1);
    let x: Vec<f64> = (0..count).map(|_| rng.random::<f64>()).collect();
    let errors = Col::from_fn(count, |_| noise * draw::normal(&mut rng));
    let grid: Vec<f64> = (0..=200).map(|index| f64::from(index) / 200.0).collect();
    let at = |x: &[f64]| powers(x, setup.get(TRUE_DEGREE)) * &truth;
    let (y, goal) = (at(&x) + &errors, at(&grid));
    let scale = count as f64 * noise * noise;
    let mut seed = Seed {
        plain: vec![],
        penalised: vec![],
        train: vec![],
        truth: errors.squared_norm_l2() / scale,
    };
    for degree in degrees {
        let (design, test) = (powers(&x, *degree), powers(&grid, *degree));
        let theta = dense::least_norm(design.as_ref(), y.as_ref())?;
        let off = |theta: &Col<f64>| (&test * theta - &goal).squared_norm_l2() / grid.len() as f64;
        seed.train
            .push((&design * &theta - &y).squared_norm_l2() / scale);
        seed.plain.push(off(&theta));
        let gram =
            design.transpose() * &design + dense::scaled_identity(degree + 1, setup.get(PENALTY));
        let right = Mat::from_fn(degree + 1, 1, |row, _| {
            dense::dot(design.col(row), y.as_ref())
        });
        seed.penalised
            .push(off(&solve_all(&gram, &right)?.col(0).to_owned()));
    }
    Ok(seed)
}

fn claims(setup: &Setup, degrees: &[usize], seeds: &[Seed]) -> Vec<Claim> {
    let id = "theory 5-2";
    let last = degrees.len() - 1;
    let ratio = |index: usize| {
        Estimate::median(
            &seeds
                .iter()
                .map(|seed| seed.penalised[index] / seed.plain[index])
                .collect::<Vec<_>>(),
        )
    };
    let square = setup.get(NOISE).powi(2);
    vec![
        Claim::printed(
            id,
            "The training loss of the true polynomial is nσ², up to 15 % (mean ratio)",
            Rule::Equals {
                value: 1.0,
                tolerance: 0.15,
            },
            Estimate::mean(&seeds.iter().map(|seed| seed.truth).collect::<Vec<_>>()),
        ),
        Claim::printed(
            id,
            format!(
                "A fit of degree {} without a penalty goes below half of that (mean ratio)",
                degrees[last]
            ),
            Rule::Below(0.5),
            Estimate::mean(
                &seeds
                    .iter()
                    .map(|seed| seed.train[last])
                    .collect::<Vec<_>>(),
            ),
        ),
        Claim::printed(
            id,
            format!(
                "A penalty {}·‖θ‖² brings a fit of degree {} ten times closer to the true \
                 polynomial (median ratio of squared errors)",
                setup.get(PENALTY),
                degrees[last]
            ),
            Rule::Below(0.1),
            ratio(last),
        ),
        Claim::printed(
            id,
            "and within σ² of it (median of the squared error over σ²)",
            Rule::Below(1.0),
            Estimate::median(
                &seeds
                    .iter()
                    .map(|seed| seed.penalised[last] / square)
                    .collect::<Vec<_>>(),
            ),
        ),
        Claim::must_fail(
            id,
            format!(
                "It brings a fit of the true degree {} ten times closer, too (median ratio)",
                degrees[0]
            ),
            Rule::Below(0.1),
            ratio(0),
        ),
    ]
}

fn figure(setup: &Setup, seeds: &[Seed]) -> Figure {
    let x = setup.get(DEGREES);
    let of = |f: &dyn Fn(&Seed) -> &Vec<f64>, pick: &dyn Fn(&[f64]) -> f64| -> Vec<f64> {
        (0..x.len())
            .map(|index| pick(&seeds.iter().map(|seed| f(seed)[index]).collect::<Vec<_>>()))
            .collect()
    };
    let low = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    let line = |label: &str, f: &dyn Fn(&Seed) -> &Vec<f64>, colour: usize| {
        Line::new(label, x.clone(), of(f, &median))
            .with_band(
                of(f, &low),
                of(f, &high),
                "smallest to largest of all seeds",
            )
            .with_markers()
            .styled(Style {
                colour: Some(colour),
                dash: 0,
            })
    };
    let panel = Panel::new(
        Axis::counting("degree of the fit"),
        Axis::new(
            "squared error to \
        the truth",
            "1",
        )
        .log(),
    )
    .with(line("without a penalty", &|seed| &seed.plain, 0))
    .with(line("with a penalty", &|seed| &seed.penalised, 1))
    .with(crate::figure::Rule::level(
        "variance of the noise",
        setup.get(NOISE).powi(2),
    ));
    Figure::new("Polynomials of too high a degree").with(panel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fit_without_noise_is_the_true_polynomial() {
        let x = [0.1, 0.4, 0.5, 0.9];
        let y = powers(&x, 2) * dense::column(&[1.0, -2.0, 3.0]);
        let theta = dense::least_norm(powers(&x, 2).as_ref(), y.as_ref()).unwrap();
        assert!((theta - dense::column(&[1.0, -2.0, 3.0])).norm_l2() < 1e-12);
        assert!((powers(&[0.5], 3)[(0, 3)] - 0.125).abs() < 1e-15);
    }
}
