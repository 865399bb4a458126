//! Why gradient descent leaves saddle points: it either improves or stays near, and the starts from which it stays near
//! fill a thin layer only.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Points, Style, Width};
use crate::problem::dense;
use crate::problem::saddle::{self, TopEigenvector};
use crate::problem::vector;
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};

const DIMENSIONS: Count = Count::new("dimensions", "dimensions", 50).allowed(3.0, 1e4);
const RADIUS: Number = Number::new(
    "radius",
    "radius ηr of the ball of starts around the \
    saddle point",
    0.05,
)
.allowed(1e-6, 0.3);
const STEPS: Count =
    Count::new("steps", "steps within which a run must leave", 20).allowed(5.0, 1e4);
const STARTS: Count = Count::new("starts", "starts per seed", 200)
    .quick(50)
    .allowed(10.0, 1e5);

/// ‖x − x₀‖ below which a run counts as stuck.
const NEAR: f64 = 0.2;

/// Of ¼‖zzᵀ − xxᵀ‖² in the unit ball.
const SMOOTH: f64 = 3.0;

/// Theory of Deep Learning, sections 7.1 and 7.3.
#[derive(Debug)]
pub struct StuckRegion;

impl Experiment for StuckRegion {
    fn about(&self) -> About {
        About {
            name: "stuck-region",
            subject: Subject::Landscapes,
            claim: "Gradient descent improves or localises, and the starts near a saddle point \
                from which it is stuck are rare.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 7.1 and 7.3, Lemmas \
                7.3.2 and 7.3.3",
            mathematics: "With η ≤ 1/ℓ each step lowers f by η‖∇f‖²/2 at least, so that in t \
                steps the way is at most √(2ηt(f(x₀) − f(x_t))): a run that does not improve \
                stays near. On f = ½ℓx² one step of size η has the ratio 1/√(2 − ηℓ) of the \
                way to that bound, which passes one just at η = 1/ℓ. Two runs whose starts \
                differ along the direction of lowest curvature −γ separate as (1 + ηγ)^t, so \
                that not both are stuck: the stuck starts of a ball of radius ηr form a layer \
                of some width ηω, whose share is at most (ω/r)√(d/π). With ρ a Lipschitz \
                constant of the Hessian, √(ρε) has the unit of a curvature.",
            refuted_by: "A run of step size at most 1/ℓ that goes farther than the bound, \
                twins that separate at another rate, or a larger share of stuck starts.",
            seeds: Extent { full: 20, quick: 6 },
            seconds: Extent {
                full: 0.06,
                quick: 0.02,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            DIMENSIONS.parameter(),
            RADIUS.parameter(),
            STEPS.parameter(),
            STARTS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let curve: Vec<(f64, f64, f64)> = (1..40)
            .map(|index| f64::from(index) * 0.05)
            .map(|product| {
                (
                    product,
                    largest_ratio(product),
                    1.0 / (2.0 - product).sqrt(),
                )
            })
            .collect();
        let twins = twins(setup)?;
        let claims = constants(setup)?
            .into_iter()
            .chain(windows(setup, &curve)?)
            .chain([separation(setup, &twins)])
            .chain(stuck(setup)?);
        Ok(Findings::new()
            .claims(claims)
            .figure("localisation", figure(&curve, &twins)))
    }
}

fn landscape(dimensions: usize) -> TopEigenvector {
    let mut eigenvalues = vec![0.0; dimensions];
    eigenvalues[0] = 1.0;
    TopEigenvector { eigenvalues }
}

/// The largest change of the gradient and of the Hessian over the distance, by pairs of points of the unit ball.
fn constants(setup: &Setup) -> Result<Vec<Claim>, ExperimentError> {
    let top = TopEigenvector {
        eigenvalues: vec![1.0, 0.0, 0.0],
    };
    let pairs = setup.over_seeds(|streams| {
        let mut rng = streams.stream("pairs", 0);
        let [mut first, mut second] = [0.0f64; 2];
        for index in 0..300 {
            let x = saddle::in_ball(&mut rng, 3, 1.0);
            let mut y = saddle::in_ball(&mut rng, 3, 1.0);
            if index % 2 == 0 {
                // Close pairs near the rim, where the constants are attained.
                let length = vector::norm(&x);
                y = x.iter().map(|x| 0.999 * x / length).collect();
            }
            let x: Vec<f64> = if index % 2 == 0 {
                y.iter().map(|y| y / 0.999).collect()
            } else {
                x
            };
            let distance = vector::distance(&x, &y);
            first = first.max(vector::distance(&top.gradient(&x), &top.gradient(&y)) / distance);
            let difference = top.hessian(&x) - top.hessian(&y);
            let values = dense::eigenvalues(difference.as_ref())?;
            second = second.max(values[2].abs().max(values[0].abs()) / distance);
        }
        Ok((first, second))
    })?;
    let first = pairs.iter().map(|pair| pair.0).fold(0.0, f64::max);
    let second = pairs.iter().map(|pair| pair.1).fold(0.0, f64::max);
    let ends = |value: f64| Rule::Between(0.9 * value, value);
    let (of_gradient, of_hessian) = (top.gradient_lipschitz(1.0), top.hessian_lipschitz(1.0));
    Ok(vec![
        Claim::printed(
            "theory 7-1",
            format!(
                "In the unit ball the gradient of ¼‖zzᵀ − xxᵀ‖² is \
                {of_gradient}-Lipschitz, and not much less (largest ratio)"
            ),
            ends(of_gradient),
            Estimate::exact(first, 1e-9),
        ),
        Claim::printed(
            "theory 7-1",
            format!("and the Hessian is {of_hessian}-Lipschitz, and not much less (largest ratio)"),
            ends(of_hessian),
            Estimate::exact(second, 1e-9),
        ),
        unit(),
    ])
}

/// g(x) = a·f(bx) has gradients ab, Hessians ab² and Lipschitz constants of the Hessian ab³ times those of f.
fn unit() -> Claim {
    let (a, b) = (7.0, 0.2);
    let top = TopEigenvector {
        eigenvalues: vec![1.0, 0.0],
    };
    let x = [0.1, 0.05];
    let ratio = |scale_of_gradient: f64, scale_of_hessian: f64, scale_of_bend: f64| {
        let epsilon = scale_of_gradient * vector::norm(&top.gradient(&x));
        let lowest = scale_of_hessian * top.hessian(&x)[(0, 0)];
        lowest / (scale_of_bend * 6.0 * epsilon).sqrt()
    };
    let change = ratio(a * b, a * b * b, a * b * b * b) / ratio(1.0, 1.0, 1.0);
    Claim::printed(
        "theory 7-1",
        format!("Curvature over √(ρε) does not change when f(x) becomes {a}·f({b}x) (factor)"),
        Rule::Equals {
            value: 1.0,
            tolerance: 1e-9,
        },
        Estimate::exact(change, 1e-12),
    )
}

/// The way over its bound, largest over all windows of a run.
fn worst_window(path: &[Vec<f64>], losses: &[f64], step: f64) -> f64 {
    let mut worst: f64 = 0.0;
    for begin in 0..path.len() {
        for end in begin + 1..path.len() {
            let bound = (2.0 * step * (end - begin) as f64 * (losses[begin] - losses[end])).sqrt();
            // Where nothing moves any more, rounding decides.
            if losses[begin] - losses[end] > 1e-12 {
                worst = worst.max(vector::distance(&path[begin], &path[end]) / bound);
            }
        }
    }
    worst
}

/// On ½x² with the step ηℓ, of windows of up to 12 steps.
fn largest_ratio(product: f64) -> f64 {
    let path: Vec<Vec<f64>> = (0..12)
        .map(|step| vec![(1.0 - product).powi(step)])
        .collect();
    let losses: Vec<f64> = path.iter().map(|x| x[0] * x[0] / 2.0).collect();
    worst_window(&path, &losses, product)
}

fn descend(top: &TopEigenvector, start: Vec<f64>, step: f64, steps: usize) -> Vec<Vec<f64>> {
    let next = |x: &Vec<f64>| {
        let mut x = x.clone();
        top.descend(&mut x, step);
        Some(x)
    };
    std::iter::successors(Some(start), next)
        .take(steps + 1)
        .collect()
}

fn windows(setup: &Setup, curve: &[(f64, f64, f64)]) -> Result<Vec<Claim>, ExperimentError> {
    let dimensions = setup.get(DIMENSIONS);
    let worst = setup.over_seeds(|streams| {
        let top = landscape(dimensions);
        let start = saddle::in_ball(&mut streams.stream("window", 0), dimensions, 1.0);
        let path = descend(&top, start, 1.0 / SMOOTH, 80);
        let losses: Vec<f64> = path.iter().map(|x| top.value(x)).collect();
        Ok(worst_window(&path, &losses, 1.0 / SMOOTH))
    })?;
    let at = |product: f64| {
        curve
            .iter()
            .find(|point| (point.0 - product).abs() < 1e-9)
            .map_or(f64::NAN, |point| point.1)
    };
    let off = curve
        .iter()
        .filter(|point| point.0 >= 1.0)
        .map(|point| (point.1 / point.2 - 1.0).abs());
    Ok(vec![
        Claim::printed(
            "theory 7-5",
            "With the step 1/ℓ the way of each window of a run is at most √(2ηt(f(x₀) − \
             f(x_t))) (largest ratio)",
            Rule::Below(1.0 + 1e-9),
            Estimate::exact(worst.into_iter().fold(0.0, f64::max), 1e-9),
        ),
        Claim::must_fail(
            "theory 7-5",
            "It is with the step 1.9/ℓ, too (on a parabola, largest ratio)",
            Rule::Below(1.0 + 1e-9),
            Estimate::exact(at(1.9), 1e-9),
        ),
        Claim::corrected(
            "theory 7-5",
            "Above 1/ℓ the largest ratio on a parabola is 1/√(2 − ηℓ) (largest relative \
             deviation over step sizes)",
            Rule::Below(1e-9),
            Estimate::exact(off.fold(0.0, f64::max), 1e-12),
        ),
    ])
}

/// The distances of twins that start ηω apart along the direction of escape.
fn twins(setup: &Setup) -> Result<Vec<Vec<f64>>, ExperimentError> {
    let (dimensions, steps) = (setup.get(DIMENSIONS), setup.get(STEPS));
    setup.over_seeds(|streams| {
        let top = landscape(dimensions);
        let start = saddle::in_ball(&mut streams.stream("twins", 0), dimensions, 1e-4);
        let mut twin = start.clone();
        twin[0] += 1e-6;
        let (path, other) = (
            descend(&top, start, 1.0 / SMOOTH, steps),
            descend(&top, twin, 1.0 / SMOOTH, steps),
        );
        Ok(path
            .iter()
            .zip(&other)
            .map(|(x, y)| vector::distance(x, y))
            .collect())
    })
}

fn separation(setup: &Setup, twins: &[Vec<f64>]) -> Claim {
    let expected = (1.0 / SMOOTH).ln_1p();
    let slopes: Vec<f64> = twins
        .iter()
        .map(|distances| {
            let steps: Vec<f64> = (0..distances.len()).map(|step| step as f64).collect();
            let logs: Vec<f64> = distances.iter().map(|distance| distance.ln()).collect();
            Estimate::slope(&steps, &logs).value
        })
        .collect();
    let text = format!(
        "Twins that start apart along the direction of escape separate as (1 + η|λmin|)^t over \
         {} steps, by the logarithm {expected:.4} each",
        setup.get(STEPS)
    );
    Claim::printed(
        "theory 7-6",
        text,
        Rule::Equals {
            value: expected,
            tolerance: 0.01 * expected,
        },
        Estimate::mean(&slopes),
    )
}

fn is_stuck(top: &TopEigenvector, start: &[f64], steps: usize) -> bool {
    let mut x = start.to_vec();
    (0..steps).all(|_| {
        top.descend(&mut x, 1.0 / SMOOTH);
        vector::distance(&x, start) < NEAR
    })
}

/// The width of the stuck region along the direction of escape, through a start, by bisection.
fn width(top: &TopEigenvector, start: &[f64], steps: usize) -> f64 {
    let (mut inside, mut outside) = (0.0, 1.0);
    for _ in 0..50 {
        let middle = (inside + outside) / 2.0;
        let mut x = start.to_vec();
        x[0] = middle;
        if is_stuck(top, &x, steps) {
            inside = middle
        } else {
            outside = middle
        }
    }
    2.0 * inside
}

fn stuck(setup: &Setup) -> Result<Vec<Claim>, ExperimentError> {
    let (dimensions, radius, steps, starts) = (
        setup.get(DIMENSIONS),
        setup.get(RADIUS),
        setup.get(STEPS),
        setup.get(STARTS),
    );
    let top = landscape(dimensions);
    let seeds = setup.over_seeds(|streams: Streams| {
        let mut rng = streams.stream("stuck", 0);
        let points: Vec<Vec<f64>> = (0..starts)
            .map(|_| saddle::in_ball(&mut rng, dimensions, radius))
            .collect();
        let count = points
            .iter()
            .filter(|start| is_stuck(&top, start, steps))
            .count();
        let widest = points[..points.len().min(20)]
            .iter()
            .map(|start| width(&top, start, steps))
            .fold(0.0, f64::max);
        Ok((count, widest))
    })?;
    let layer = (dimensions as f64 / std::f64::consts::PI).sqrt();
    // Each seed's share over the bound of its own width. A bound of one or more says nothing of a share.
    let over_bound = |factor: f64| {
        let ratio = |seed: &(usize, f64)| {
            let bound = factor * seed.1 / radius;
            if bound < 1.0 {
                seed.0 as f64 / starts as f64 / bound
            } else {
                f64::NAN
            }
        };
        Estimate::mean(&seeds.iter().map(ratio).collect::<Vec<_>>())
    };
    Ok(vec![
        Claim::printed(
            "theory 7-6",
            format!(
                "Of starts in a ball of radius {radius}, those whose run stays within {NEAR} \
                 for {steps} steps are at most (ω/r)√(d/π), with the width of the stuck \
                 region, found by bisection through starts of the seed, as ω (mean share over \
                 that)"
            ),
            Rule::Below(1.0),
            over_bound(layer),
        ),
        Claim::must_fail(
            "theory 7-6",
            "The share is at most ω/r: the dimension makes no difference (mean share over that)",
            Rule::Below(1.0),
            over_bound(1.0),
        ),
    ])
}

fn figure(curve: &[(f64, f64, f64)], twins: &[Vec<f64>]) -> Figure {
    let x: Vec<f64> = curve.iter().map(|point| point.0).collect();
    let ratio = Panel::new(
        Axis::new("step size times smoothness", "1"),
        Axis::new(
            "largest \
        way over its bound",
            "1",
        )
        .including(0.0),
    )
    .titled("Improve or localise")
    .with(Points::new(
        "on a parabola",
        x.clone(),
        curve.iter().map(|point| point.1).collect(),
    ))
    .with(
        Line::new(
            "1/√(2 − ηℓ)",
            x,
            curve.iter().map(|point| point.2).collect(),
        )
        .styled(Style {
            colour: Some(1),
            dash: 1,
        }),
    )
    .with(crate::figure::Rule::level("bound", 1.0));
    let style = Style {
        colour: Some(0),
        dash: 0,
    };
    let panel = Panel::new(
        Axis::counting("step"),
        Axis::new("distance of the twins", "1").log(),
    )
    .titled(
        "Twins \
        near a saddle point",
    );
    let mut panel = twins
        .iter()
        .enumerate()
        .fold(panel, |panel, (index, distances)| {
            let label = if index == 0 { "each seed" } else { "" };
            let steps = (0..distances.len()).map(|step| step as f64).collect();
            panel.with(
                Line::new(label, steps, distances.clone())
                    .styled(style)
                    .faint(),
            )
        });
    if let Some(distances) = twins.first() {
        let steps: Vec<f64> = (0..distances.len()).map(|step| step as f64).collect();
        let law = steps
            .iter()
            .map(|step| distances[0] * (1.0 + 1.0 / SMOOTH).powf(*step))
            .collect();
        panel = panel.with(Line::new("(1 + η|λmin|)^t", steps, law).styled(Style::REFERENCE));
    }
    Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("Improvement and separation")
    }
    .with(ratio)
    .with(panel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parabola_has_the_ratio_of_its_first_step() {
        // One step of size η on ½x² goes ηx and lowers the loss by ½x²·η(2 − η).
        assert!((largest_ratio(1.9) - 1.0 / 0.1f64.sqrt()).abs() < 1e-9);
        assert!(largest_ratio(0.5) < 1.0);
    }

    #[test]
    fn the_stuck_region_is_a_layer_whose_width_is_that_of_the_growth() {
        let top = landscape(5);
        // x grows by 4/3 each step and must reach 0.2 in 20: near 0.2·(3/4)^20 on each side.
        let width = width(&top, &[0.0; 5], 20);
        let expected = 2.0 * NEAR * 0.75f64.powi(20);
        assert!((width / expected - 1.0).abs() < 0.1, "{width} {expected}");
    }
}
