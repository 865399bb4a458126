//! The effective dimension of a spectrum, and the rates it gives for ridge regression.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Points, Style, Width};
use crate::problem::dense;
use crate::statistics::{Estimate, Rule};
use faer::Mat;
use rand::RngExt;

const DECAY: Number = Number::new("decay", "p: the eigenvalues are j^(−2p)", 1.0).allowed(0.6, 3.0);
const SOURCES: Numbers = Numbers::new(
    "sources",
    "s, smoothness of the target; the last is \
    above 1",
    &[0.5, 1.0, 2.0],
)
.allowed(0.3, 4.0);
const TERMS: Count = Count::new("terms", "eigenvalues", 100_000)
    .quick(20_000)
    .allowed(1e3, 1e7);
const POINTS: Count = Count::new("points", "points of the kernel matrix", 300)
    .quick(150)
    .allowed(50.0, 1e3);
const LIMIT: Count =
    Count::new("limit", "steps of conjugate gradients at most", 2_000).allowed(10.0, 1e5);

/// Problems B.2 and B.4 of the course text.
#[derive(Debug)]
pub struct EffectiveDimension;

/// A power law: exponents fitted to points, and the points.
struct Law {
    x: Vec<f64>,
    y: Vec<f64>,
}

impl Law {
    fn slope(&self) -> Estimate {
        let logs = |values: &[f64]| values.iter().map(|value| value.ln()).collect::<Vec<_>>();
        Estimate::slope(&logs(&self.x), &logs(&self.y))
    }
}

impl Experiment for EffectiveDimension {
    fn about(&self) -> About {
        About {
            name: "effective-dimension",
            subject: Subject::Capacity,
            claim: "The effective dimension tr K(K + λI)⁻¹ governs sample complexity and \
                conditioning of kernel ridge regression.",
            source: "The Mathematical Structure of Machine Learning (course text), Problems \
                B.2 and B.4; Caponnetto & De Vito (2007)",
            mathematics: "With eigenvalues μⱼ = j^(−2p) the effective dimension Σμⱼ/(μⱼ + λ) \
                grows as λ^(−1/(2p)). For a target of smoothness s, with coefficients μⱼ^s·gⱼ, \
                ridge regression has the squared bias Σ(λ/(μⱼ + λ))²μⱼ^(2s)gⱼ², of order \
                λ^(2s) at worst where s ≤ 1, and a variance of order Σ(μⱼ/(μⱼ + λ))²/n; \
                balancing both gives λ = n^(−2p/(4ps + 1)) and the risk n^(−4ps/(4ps + 1)). \
                For s > 1 the bias stays at λ²: ridge regression saturates, which the text \
                leaves out. The best approximation by m eigenfunctions leaves m^(−4ps) of the \
                risk (the text has the exponent −2ps, that of the norm). The steps of \
                conjugate gradients depend on how the eigenvalues are spread, and not on the \
                effective dimension alone.",
            refuted_by: "Exponents other than these.",
            seeds: Extent { full: 5, quick: 3 },
            seconds: Extent {
                full: 0.1,
                quick: 0.06,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            DECAY.parameter(),
            SOURCES.parameter(),
            TERMS.parameter(),
            POINTS.parameter(),
            LIMIT.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let decay = setup.get(DECAY);
        let spectrum: Vec<f64> = (1..=setup.get(TERMS))
            .map(|j| (j as f64).powf(-2.0 * decay))
            .collect();
        let dimension = dimension_law(&spectrum);
        let sources = setup.get(SOURCES);
        let rates = setup.over(&sources, |source| Ok(rate_law(&spectrum, *source, decay)))?;
        let kernels = setup.over_seeds(|streams| kernel_law(setup.get(POINTS), streams))?;
        let claims = b2(setup, &dimension, &rates)
            .into_iter()
            .chain(b4(setup, &kernels)?);
        Ok(Findings::new()
            .claims(claims)
            .figure("rates", figure(&sources, &dimension, &rates, &kernels)))
    }
}

fn dimension_of(spectrum: &[f64], ridge: f64) -> f64 {
    spectrum.iter().map(|value| value / (value + ridge)).sum()
}

fn grid(low: f64, high: f64, count: i32) -> Vec<f64> {
    (0..count)
        .map(|index| low * (high / low).powf(f64::from(index) / f64::from(count - 1)))
        .collect()
}

/// Where the eigenvalues that are left out play no part: the law ends where λ comes near the last one.
fn dimension_law(spectrum: &[f64]) -> Law {
    let last = spectrum[spectrum.len() - 1];
    let x = grid(1e4 * last, 1e-3f64.max(1e5 * last), 12);
    Law {
        y: x.iter()
            .map(|ridge| dimension_of(spectrum, *ridge))
            .collect(),
        x,
    }
}

/// The risk of ridge regression with noise of variance one and the worst target of smoothness s and unit norm: all of it at
/// the eigenvalue where it hurts most. The powers are those of the eigenvalues to 2s.
fn risk(spectrum: &[f64], powers: &[f64], ridge: f64, samples: f64) -> f64 {
    let each = spectrum.iter().zip(powers);
    let bias = each
        .map(|(value, power)| (ridge / (value + ridge)).powi(2) * power)
        .fold(0.0, f64::max);
    let variance: f64 = spectrum
        .iter()
        .map(|value| (value / (value + ridge)).powi(2))
        .sum();
    bias + variance / samples
}

/// The least risk over λ for each n.
fn rate_law(spectrum: &[f64], source: f64, decay: f64) -> Law {
    let head = &spectrum[..spectrum.len().min(20_000)];
    let powers: Vec<f64> = head.iter().map(|value| value.powf(2.0 * source)).collect();
    let x = grid(1e4, 1e8, 7);
    let least = |samples: &f64| {
        let centre = samples.powf(-2.0 * decay / (4.0 * decay * source.min(1.0) + 1.0));
        let all = grid(centre / 100.0, (centre * 100.0).min(10.0), 60);
        all.iter()
            .map(|ridge| risk(head, &powers, *ridge, *samples))
            .fold(f64::INFINITY, f64::min)
    };
    Law {
        y: x.iter().map(least).collect(),
        x,
    }
}

/// The effective dimension of the kernel min(x, x′) at random points of [0, 1], whose eigenvalues fall as j^(−2).
fn kernel_law(points: usize, streams: crate::random::Streams) -> Result<Law, ExperimentError> {
    let mut rng = streams.stream("points", 0);
    let at: Vec<f64> = (0..points).map(|_| rng.random::<f64>()).collect();
    let gram = Mat::from_fn(points, points, |row, column| {
        at[row].min(at[column]) / points as f64
    });
    let spectrum = dense::eigenvalues(gram.as_ref())?;
    let spectrum: Vec<f64> = spectrum.into_iter().map(|value| value.max(0.0)).collect();
    // λ from where some ten eigenvalues count to where the number of points does not yet.
    let x = grid(30.0 / (points * points) as f64, 1e-2, 8);
    Ok(Law {
        y: x.iter()
            .map(|ridge| dimension_of(&spectrum, *ridge))
            .collect(),
        x,
    })
}

/// The steps that conjugate gradients take on (K + λI)a = y, y being equal in all eigendirections, to a relative residual of 1e-6.
fn conjugate_steps(spectrum: &[f64], ridge: f64, limit: usize) -> f64 {
    let a: Vec<f64> = spectrum.iter().map(|value| value + ridge).collect();
    let mut residual = vec![1.0; a.len()];
    let mut direction = residual.clone();
    let square = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>();
    let first = square(&residual);
    for step in 1..=limit {
        let before = square(&residual);
        let curvature: f64 = a.iter().zip(&direction).map(|(a, d)| a * d * d).sum();
        for index in 0..a.len() {
            residual[index] -= before / curvature * a[index] * direction[index];
        }
        if square(&residual) < 1e-12 * first {
            return step as f64;
        }
        let ratio = square(&residual) / before;
        direction
            .iter_mut()
            .zip(&residual)
            .for_each(|(direction, residual)| *direction = residual + ratio * *direction);
    }
    f64::NAN
}

fn b2(setup: &Setup, dimension: &Law, rates: &[Law]) -> Vec<Claim> {
    let (id, p) = ("structure B.2", setup.get(DECAY));
    let near = |value: f64| Rule::Equals {
        value,
        tolerance: 0.06 * value.abs(),
    };
    let mut claims = vec![Claim::printed(
        id,
        format!(
            "With eigenvalues j^(−2p), p = {p}, the effective dimension grows as \
            λ^(−1/(2p)) (slope of the logarithms)"
        ),
        near(-1.0 / (2.0 * p)),
        dimension.slope(),
    )];
    for (source, law) in setup.get(SOURCES).into_iter().zip(rates) {
        let printed = -4.0 * p * source / (4.0 * p * source + 1.0);
        claims.push(Claim::printed(
            id,
            format!(
                "For a target of smoothness s = {source} the best ridge has the risk \
                n^(−4ps/(4ps + 1)) (slope of the logarithms)"
            ),
            near(printed),
            law.slope(),
        ));
        if source > 1.0 {
            claims.push(Claim::corrected(
                id,
                format!(
                    "For s = {source} ridge regression saturates: the risk is that of s = \
                    1, n^(−4p/(4p + 1)) (slope)"
                ),
                near(-4.0 * p / (4.0 * p + 1.0)),
                law.slope(),
            ));
        }
    }
    let source = setup.get(SOURCES)[0];
    // The worst target of unit norm has all of it at the first eigenfunction that is left out: μ^(2s).
    let x: Vec<f64> = grid(10.0, 1e4, 10).into_iter().map(f64::round).collect();
    let left = Law {
        y: x.iter()
            .map(|m| (m + 1.0).powf(-2.0 * p).powf(2.0 * source))
            .collect(),
        x,
    };
    claims.push(Claim::printed(
        id,
        format!(
            "The best approximation by m eigenfunctions, s = {source}, leaves the risk \
            m^(−2ps) (slope of the logarithms)"
        ),
        near(-2.0 * p * source),
        left.slope(),
    ));
    claims.push(Claim::corrected(
        id,
        "It leaves m^(−4ps) (slope)",
        near(-4.0 * p * source),
        left.slope(),
    ));
    claims
}

fn b4(setup: &Setup, kernels: &[Law]) -> Result<Vec<Claim>, ExperimentError> {
    let (id, limit) = ("structure B.4", setup.get(LIMIT));
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for law in kernels {
        x.extend_from_slice(&law.x);
        y.extend_from_slice(&law.y);
    }
    // Two spectra with the same effective dimension at λ: a power law, and as many equal large eigenvalues (the rest zero).
    let ridge = 1e-4;
    let power: Vec<f64> = (1..=500).map(|j| f64::from(j).powi(-2)).collect();
    let target = dimension_of(&power, ridge);
    let count = target.ceil() as usize;
    let share = target / count as f64;
    let equal: Vec<f64> = (0..500)
        .map(|index| {
            if index < count {
                ridge * share / (1.0 - share)
            } else {
                0.0
            }
        })
        .collect();
    let steps = conjugate_steps(&power, ridge, limit) / conjugate_steps(&equal, ridge, limit);
    let condition =
        |spectrum: &[f64]| (spectrum[0] + ridge) / (spectrum[spectrum.len() - 1] + ridge);
    let slope = Law { x, y }.slope();
    Ok(vec![
        Claim::printed(
            id,
            "For the kernel min(x, x′) at random points, with eigenvalues as j^(−β), β = 2, \
             the effective dimension grows as λ^(−1/β) (slope)",
            Rule::Equals {
                value: -0.5,
                tolerance: 0.05,
            },
            slope,
        ),
        Claim::must_fail(
            id,
            "It grows as λ^(−1), as if it were a condition number (slope)",
            Rule::Equals {
                value: -1.0,
                tolerance: 0.05,
            },
            slope,
        ),
        Claim::printed(
            id,
            "It controls the conditioning: a power law and a spectrum of two values with the \
             same effective dimension have one condition number, to a factor 2 (ratio)",
            Rule::Between(0.5, 2.0),
            Estimate::exact(condition(&power) / condition(&equal), 1e-9),
        ),
        Claim::printed(
            id,
            "and need as many steps of conjugate gradients, to a factor 2 (ratio)",
            Rule::Between(0.5, 2.0),
            Estimate::exact(steps, 0.1),
        ),
        Claim::corrected(
            id,
            "The spread of the eigenvalues does: a spectrum of two values needs 2 steps",
            Rule::Equals {
                value: 2.0,
                tolerance: 0.5,
            },
            Estimate::exact(conjugate_steps(&equal, ridge, limit), 0.0),
        ),
    ])
}

fn figure(sources: &[f64], dimension: &Law, rates: &[Law], kernels: &[Law]) -> Figure {
    let dimensions = Panel::new(
        Axis::new("ridge λ", "1").log(),
        Axis::new("effective dimension", "1").log(),
    )
    .titled("Effective dimension")
    .with(Points::new("power law", dimension.x.clone(), dimension.y.clone()).with_fit())
    .with(
        Points::new(
            "kernel min(x, x′)",
            kernels[0].x.clone(),
            kernels[0].y.clone(),
        )
        .with_fit(),
    );
    let risks = Panel::new(
        Axis::counting("samples").log(),
        Axis::new("least risk", "1").log(),
    )
    .titled(
        "Risk \
        of the best ridge",
    );
    let risks =
        sources
            .iter()
            .zip(rates)
            .enumerate()
            .fold(risks, |panel, (index, (source, law))| {
                let line =
                    Line::new(format!("s = {source}"), law.x.clone(), law.y.clone()).with_markers();
                panel.with(line.styled(Style {
                    colour: Some(2 + index),
                    dash: [0, 1, 3][index % 3],
                }))
            });
    Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("Effective dimension and rates")
    }
    .with(dimensions)
    .with(risks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_effective_dimension_of_equal_eigenvalues_is_their_share() {
        assert!((dimension_of(&[1.0; 10], 1.0) - 5.0).abs() < 1e-15);
    }

    #[test]
    fn conjugate_gradients_take_a_step_for_each_eigenvalue() {
        assert_eq!(conjugate_steps(&[1.0; 20], 0.1, 100), 1.0);
        assert_eq!(conjugate_steps(&[1.0, 1.0, 2.0, 2.0, 4.0], 0.1, 100), 3.0);
    }

    #[test]
    fn the_best_risk_is_that_of_its_parts() {
        // One eigenvalue 1, λ = 1: bias ¼, variance ¼/n.
        assert!((risk(&[1.0], &[1.0], 1.0, 10.0) - 0.275).abs() < 1e-15);
    }
}
