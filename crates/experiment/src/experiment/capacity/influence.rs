//! What leaving out an example does to the loss of another, without training again.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Points, Style, Width};
use crate::problem::dense;
use crate::problem::linear_class::{Logistic, correlation, logistic_examples};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};
use faer::{Col, ColRef, Mat, Scale};

const EXAMPLES: Count = Count::new(
    "examples",
    "training examples of the logistic regression",
    100,
)
.quick(50)
.allowed(10.0, 1e3);
const DIMENSIONS: Count = Count::new("dimensions", "weights", 5).allowed(2.0, 50.0);
const RIDGE: Number =
    Number::new("ridge", "λ, which is added to the Hessian", 0.05).allowed(1e-4, 10.0);
const PROBES: Count = Count::new("probes", "examples whose loss is asked for", 5)
    .quick(3)
    .allowed(1.0, 50.0);
const TERMS: Count =
    Count::new("terms", "terms of the series for the inverse Hessian", 60).allowed(3.0, 1e4);

/// What one seed gives.
struct Seed {
    /// The predicted and the true change of the loss of a probe, for each example that is left out.
    pairs: Vec<[f64; 2]>,
    correlation: f64,
    derivative: f64,
    /// The errors of the series for H⁻¹v, of the exact law for its largest error, and of conjugate gradients, by steps.
    series: Vec<[f64; 3]>,
}

/// Theory of Deep Learning, section 10.1.
#[derive(Debug)]
pub struct InfluenceFunctions;

impl Experiment for InfluenceFunctions {
    fn about(&self) -> About {
        About {
            name: "influence-functions",
            subject: Subject::Capacity,
            claim: "The influence −∇ℓ(z)ᵀH⁻¹∇ℓ(x) predicts what leaving out x does to the loss \
                of z, and a series of Hessian-vector products computes it.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 10.1, Theorem 10.1.2, \
                Problems 10.1.3 and 10.1.4; Koh & Liang (2017)",
            mathematics: "With the weight 1/n + ε on example x the minimiser moves by \
                −εH⁻¹∇ℓ(x) + O(ε²), and the loss of z changes by ε·I(x, z) with I(x, z) = \
                −∇ℓ(z)ᵀH⁻¹∇ℓ(x). Leaving out x is ε = −1/n. For 0 ≺ A with eigenvalues below \
                one, A⁻¹ = Σ(I − A)^i; the sum of r terms leaves an error whose largest \
                eigenvalue is (1 − λmin)^r/λmin, which the text leaves open. Conjugate \
                gradients find A⁻¹v with fewer products. Here the model is logistic regression with a \
                ridge, whose minimum is one; of networks, whose H has negative eigenvalues and which \
                training again leads elsewhere, nothing is tested.",
            refuted_by: "Changes of losses after training again that the influences do not \
                predict.",
            seeds: Extent { full: 10, quick: 4 },
            seconds: Extent {
                full: 0.05,
                quick: 0.01,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            EXAMPLES.parameter(),
            DIMENSIONS.parameter(),
            RIDGE.parameter(),
            PROBES.parameter(),
            TERMS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let seeds = setup.over_seeds(|streams| one(setup, streams))?;
        Ok(Findings::new()
            .claims(claims(setup, &seeds))
            .figure("influence", figure(&seeds)))
    }
}

fn one(setup: &Setup, streams: Streams) -> Result<Seed, ExperimentError> {
    let (count, probes) = (setup.get(EXAMPLES), setup.get(PROBES));
    let mut rng = streams.stream("examples", 0);
    let (x, y) = logistic_examples(&mut rng, count + probes, &vec![0.8; setup.get(DIMENSIONS)]);
    // The last examples have no weight: they are the probes.
    let mut full = Logistic::of_mean(x, y, setup.get(RIDGE));
    full.weights = (0..count + probes)
        .map(|row| if row < count { 1.0 / count as f64 } else { 0.0 })
        .collect();
    let best = full.minimise()?;
    let hessian = full.hessian(best.as_ref());
    let influence = |row: usize, probe: usize| -> Result<f64, ExperimentError> {
        let step = dense::solve(
            hessian.as_ref(),
            full.loss_gradient(row, best.as_ref()).as_ref(),
        )?;
        Ok(-dense::dot(
            full.loss_gradient(probe, best.as_ref()).as_ref(),
            step.as_ref(),
        ))
    };
    let retrained = |row: usize, weight: f64| {
        let mut other = full.clone();
        other.weights[row] += weight;
        other.minimise()
    };
    let mut pairs = Vec::new();
    for row in 0..count {
        setup.go_on()?;
        let without = retrained(row, -1.0 / count as f64)?;
        for probe in count..count + probes {
            let change = full.loss(probe, without.as_ref()) - full.loss(probe, best.as_ref());
            pairs.push([-influence(row, probe)? / count as f64, change]);
        }
    }
    let size = 1e-4;
    let (more, less) = (retrained(0, size)?, retrained(0, -size)?);
    let slope = (full.loss(count, more.as_ref()) - full.loss(count, less.as_ref())) / (2.0 * size);
    let [predicted, true_ones] =
        [0, 1].map(|side| pairs.iter().map(|pair| pair[side]).collect::<Vec<f64>>());
    Ok(Seed {
        correlation: correlation(&predicted, &true_ones),
        derivative: slope / influence(0, count)?,
        series: series(
            &hessian,
            &full.loss_gradient(0, best.as_ref()),
            setup.get(TERMS),
        )?,
        pairs,
    })
}

/// Of the scaled Hessian, whose largest eigenvalue is 0.9: the relative errors after each number of products.
fn series(
    hessian: &Mat<f64>,
    v: &Col<f64>,
    terms: usize,
) -> Result<Vec<[f64; 3]>, ExperimentError> {
    let values = dense::eigenvalues(hessian.as_ref())?;
    let a = hessian * Scale(0.9 / values[values.len() - 1]);
    let lowest = values[0] * 0.9 / values[values.len() - 1];
    let inverse =
        crate::problem::linear_class::solve_all(&a, &dense::scaled_identity(v.nrows(), 1.0))?;
    let solution = &inverse * v;
    let (mut power, mut sum) = (
        dense::scaled_identity(v.nrows(), 1.0),
        Mat::<f64>::zeros(v.nrows(), v.nrows()),
    );
    let (mut x, mut residual, mut direction) = (Col::<f64>::zeros(v.nrows()), v.clone(), v.clone());
    let error = |x: ColRef<f64>| (x - &solution).norm_l2() / solution.norm_l2();
    let mut errors = Vec::new();
    for term in 1..=terms {
        sum += &power;
        power = &power - &a * &power;
        let left = dense::eigenvalues((&inverse - &sum).as_ref())?;
        let law = (1.0 - lowest).powi(term as i32) / lowest;
        if residual.norm_l2() > 1e-14 * v.norm_l2() {
            let image = &a * &direction;
            let size = residual.squared_norm_l2() / dense::dot(direction.as_ref(), image.as_ref());
            x += Scale(size) * &direction;
            let next = &residual - Scale(size) * image;
            direction =
                &next + Scale(next.squared_norm_l2() / residual.squared_norm_l2()) * &direction;
            residual = next;
        }
        let image = &sum * v;
        errors.push([
            error(image.as_ref()),
            left[left.len() - 1] / law,
            error(x.as_ref()),
        ]);
    }
    Ok(errors)
}

fn claims(setup: &Setup, seeds: &[Seed]) -> Vec<Claim> {
    let all = |f: &dyn Fn(&Seed) -> f64| -> Vec<f64> { seeds.iter().map(f).collect() };
    let first = |errors: &[[f64; 3]], which: usize| {
        errors
            .iter()
            .position(|error| error[which] < 1e-3)
            .unwrap_or(errors.len()) as f64
            + 1.0
    };
    // Only as long as the error is above rounding.
    let law = |seed: &Seed| {
        seed.series[..20.min(seed.series.len())]
            .iter()
            .map(|error| (error[1] - 1.0).abs())
            .fold(0.0, f64::max)
    };
    let mirrored = |seed: &Seed| {
        let shuffled: Vec<f64> = seed.pairs.iter().rev().map(|pair| pair[1]).collect();
        correlation(
            &seed.pairs.iter().map(|pair| pair[0]).collect::<Vec<_>>(),
            &shuffled,
        )
    };
    let terms = setup.get(TERMS);
    vec![
        Claim::printed(
            "theory 10-1",
            "In logistic regression, which stands for networks here, the influence is the derivative \
             of the loss of z by the weight of x (mean ratio)",
            Rule::Equals {
                value: 1.0,
                tolerance: 1e-3,
            },
            Estimate::mean(&all(&|seed| seed.derivative)),
        ),
        Claim::printed(
            "theory 10-1",
            format!(
                "There −I(x, z)/n predicts the change when x is left out of {} examples (mean \
                correlation over all x)",
                setup.get(EXAMPLES)
            ),
            Rule::Above(0.99),
            Estimate::mean(&all(&|seed| seed.correlation)),
        ),
        Claim::must_fail(
            "theory 10-1",
            "The influences of other examples predict it as well (mean correlation)",
            Rule::Above(0.99),
            Estimate::mean(&all(&mirrored)),
        ),
        Claim::printed(
            "theory 10-2",
            format!(
                "The series Σ(I − H)^i converges to H⁻¹ where the eigenvalues are in (0, \
                1) (mean relative error after {terms} terms)"
            ),
            Rule::Below(0.01),
            Estimate::mean(&all(&|seed| seed.series[terms - 1][0])),
        ),
        Claim::corrected(
            "theory 10-2",
            "The largest eigenvalue of its error after r terms is (1 − λmin)^r/λmin (largest \
             relative deviation, r ≤ 20)",
            Rule::Below(1e-9),
            Estimate::exact(all(&law).into_iter().fold(0.0, f64::max), 1e-11),
        ),
        Claim::must_fail(
            "theory 10-2",
            "No method needs fewer products: conjugate gradients need as many for a relative \
             error of 1e-3 (mean ratio)",
            Rule::Above(1.0),
            Estimate::mean(&all(&|seed| {
                first(&seed.series, 2) / first(&seed.series, 0)
            })),
        ),
    ]
}

fn figure(seeds: &[Seed]) -> Figure {
    let pairs: Vec<[f64; 2]> = seeds[0].pairs.iter().take(300).copied().collect();
    let [x, y] = [0, 1].map(|side| {
        pairs
            .iter()
            .map(|pair| 1e3 * pair[side])
            .collect::<Vec<f64>>()
    });
    let (low, high) = x
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
            (low.min(*x), high.max(*x))
        });
    let scatter = Panel::new(
        Axis::new("predicted change of the loss", "10⁻³"),
        Axis::new(
            "change \
        after training again",
            "10⁻³",
        ),
    )
    .titled("Leaving out an example, seed 0")
    .with(Points::new("pairs of examples", x, y))
    .with(Line::new("equal", vec![low, high], vec![low, high]).styled(Style::REFERENCE));
    let steps: Vec<f64> = (1..=seeds[0].series.len())
        .map(|step| step as f64)
        .collect();
    let of = |which: usize| {
        seeds[0]
            .series
            .iter()
            .map(|error| {
                Some(error[which])
                    .filter(|e| *e > 1e-15)
                    .unwrap_or(f64::NAN)
            })
            .collect()
    };
    let errors = Panel::new(
        Axis::counting("Hessian-vector products"),
        Axis::new("relative error", "1").log(),
    )
    .titled("Inverse Hessian times a vector")
    .with(Line::new("series", steps.clone(), of(0)))
    .with(Line::new("conjugate gradients", steps, of(2)));
    Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("Influence of training examples")
    }
    .with(scatter)
    .with(errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_of_a_diagonal_matrix_is_geometric() {
        let a = Mat::from_fn(
            2,
            2,
            |row, column| if row == column { [0.9, 0.3][row] } else { 0.0 },
        );
        let errors = series(&a, &dense::column(&[0.0, 1.0]), 5).unwrap();
        // (1 − 0.3)^r of the solution is left; two steps of conjugate gradients, here one, are enough.
        for (index, error) in errors.iter().enumerate() {
            assert!((error[0] - 0.7f64.powi(index as i32 + 1)).abs() < 1e-12);
            assert!((error[1] - 1.0).abs() < 1e-12 && error[2] < 1e-14);
        }
    }
}
