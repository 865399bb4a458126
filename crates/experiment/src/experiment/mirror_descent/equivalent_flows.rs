//! Gradient flow on parameters and mirror flow on weights are the same path where the metrics agree.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Rule as Level};
use crate::problem::mirror::{self, Parameterisation, Potential, Regression, mirror_flow};
use crate::problem::{dense, draw};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule, mean};
use faer::{Col, ColRef, Mat, Scale};
use rand::RngExt;

const SAMPLES: Count = Count::new("samples", "rows of the data matrix", 5).allowed(2.0, 30.0);
const FEATURES: Count = Count::new("features", "weights of the linear model", 8).allowed(3.0, 40.0);
const END: Number =
    Number::new("end", "time at which the flows are compared last", 1.0).allowed(0.01, 20.0);
const SCALE: Number = Number::new(
    "scale",
    "parameters α at the start of the small initialisations",
    0.1,
)
.allowed(0.01, 1.0);

/// The step sizes of gradient descent, as shares of the time of the comparison.
const SHARES: [f64; 5] = [0.01, 0.005, 0.002, 0.001, 0.0005];

/// See the file.
#[derive(Debug)]
pub struct EquivalentFlows;

/// The derivatives of three losses of a residual r: ½r², log cosh r, √(1 + r²).
const LOSSES: [fn(f64) -> f64; 3] = [|r| r, f64::tanh, |r| r / (1.0 + r * r).sqrt()];

impl Experiment for EquivalentFlows {
    fn about(&self) -> About {
        About {
            name: "mirror-flow-equivalence",
            subject: Subject::MirrorDescent,
            claim: "Gradient flow on a parameterisation G follows the mirror flow of a potential R where ∂G∂Gᵀ = (∇²R)⁻¹, \
                    whatever the loss, so that one model class has as many biases as parameterisations.",
            source: "Arora et al., Theory of Deep Learning (draft), secs. 8.1.2 and 8.1.3, (8.6) to (8.11), Examples 8.1.3 \
                     and 8.1.4",
            mathematics: "Mirror flow moves the weights by ẇ = −(∇²R)⁻¹∇L, gradient flow on θ by d G(θ)/dt = −∂G∂Gᵀ∇L. \
                          With R = ½wᵀΣ⁻¹w both matrices are Σ for G = √Σθ, and with R = ¼Σ(w log w − w) both are 4 \
                          diag(w) for G = θ², number by number. The flows are solved as differential equations in their \
                          own variables, θ and ∇R(w), for three losses of the residuals. Gradient descent with step η \
                          stays about η away. The same linear functions written as w, as u·v and as θ₊² − θ₋² then end \
                          at different interpolants: the first at the one of least ‖w‖₂, the others, from small \
                          parameters, near the one of least ‖w‖₁; and u·v is θ₊² − θ₋² in rotated parameters, at half \
                          the speed.",
            refuted_by: "A distance between the two flows that is larger than the errors of the solver.",
            seeds: Extent { full: 20, quick: 8 },
            seconds: Extent {
                full: 0.9,
                quick: 0.3,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            FEATURES.parameter(),
            END.parameter(),
            SCALE.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        if setup.get(SAMPLES) >= setup.get(FEATURES) {
            return Err(ExperimentError::because(
                "samples must be less than features, or there is only one interpolant",
            ));
        }
        let runs = setup.over_seeds(|streams| run(setup, streams))?;
        Ok(Findings::new()
            .claims(claims(setup, &runs))
            .figure("steps", figure(&runs)))
    }
}

/// What one seed gives.
struct Run {
    /// The distance between the two flows, the largest of losses and times, for Σ and for squares.
    gaps: [f64; 2],
    /// The same for squares where the potential lacks its ¼.
    unequal: f64,
    /// The distance of gradient descent on θ² from the mirror flow, for each step size.
    descent: Vec<f64>,
    /// The excess of ‖w‖₂ and of ‖w‖₁ at the ends of w, u·v and θ₊² − θ₋².
    excess: [[f64; 2]; 3],
    /// The distance between the paths of u·v and θ₊² − θ₋² at double speed.
    rotated: f64,
}

fn run(setup: &Setup, streams: Streams) -> Result<Run, ExperimentError> {
    let mut rng = streams.stream("data", 0);
    let (samples, features) = (setup.get(SAMPLES), setup.get(FEATURES));
    let truth = mirror::sparse(&mut rng, features, features, false);
    let problem = Regression::gaussian(&mut rng, samples, &truth);
    let times: Vec<f64> = (1..=5)
        .map(|part| setup.get(END) * f64::from(part) / 5.0)
        .collect();
    let start = Col::from_fn(features, |_| rng.random_range(0.3..1.0));
    let values: Vec<f64> = (0..features).map(|_| rng.random_range(0.2..2.0)).collect();
    let (root, inverse) = root_and_inverse(&draw::orthogonal(&mut rng, features), &values);
    let quadratic = Potential::quadratic(inverse)?;
    let squares = Parameterisation::squares(features);
    let parameters = mirror::map(start.as_ref(), f64::sqrt);
    let (mut gaps, mut unequal) = ([0.0f64; 2], 0.0f64);
    for slope in LOSSES {
        setup.go_on()?;
        let loss = |w: ColRef<f64>| gradient(&problem, slope, w);
        let linear = Parameterisation::linear(root.clone());
        // √Σθ = 0 and w = 0 at the start.
        let zero = Col::zeros(features);
        let path = linear.flow(zero.as_ref(), &times, loss)?;
        let mirrored = mirror_flow(&quadratic, zero.as_ref(), &times, loss)?;
        gaps[0] = gaps[0].max(largest_gap(&linear, &path, &mirrored));
        let path = squares.flow(parameters.as_ref(), &times, loss)?;
        // A quarter of the potential is four times the gradient.
        let mirrored = mirror_flow(&Potential::Entropy, start.as_ref(), &times, |w| {
            loss(w) * Scale(4.0)
        })?;
        gaps[1] = gaps[1].max(largest_gap(&squares, &path, &mirrored));
        let mirrored = mirror_flow(&Potential::Entropy, start.as_ref(), &times, loss)?;
        unequal = unequal.max(largest_gap(&squares, &path, &mirrored));
    }
    let descent = descent(&problem, &squares, &parameters, setup.get(END))?;
    let (excess, rotated) = biases(setup, streams)?;
    Ok(Run {
        gaps,
        unequal,
        descent,
        excess,
        rotated,
    })
}

/// `√Σ` and `Σ⁻¹` of `Σ` with these eigenvectors and eigenvalues.
fn root_and_inverse(basis: &Mat<f64>, values: &[f64]) -> (Mat<f64>, Mat<f64>) {
    let of = |power: f64| {
        let scaled = Mat::from_fn(basis.nrows(), basis.ncols(), |i, j| {
            basis[(i, j)] * values[j].powf(power)
        });
        scaled * basis.transpose()
    };
    (of(0.5), of(-1.0))
}

fn gradient(problem: &Regression, slope: fn(f64) -> f64, w: ColRef<f64>) -> Col<f64> {
    problem.x.transpose() * mirror::map(problem.residual(w).as_ref(), slope)
}

fn largest_gap(map: &Parameterisation, path: &[Col<f64>], mirrored: &[Col<f64>]) -> f64 {
    let gaps = path
        .iter()
        .zip(mirrored)
        .map(|(parameters, w)| (map.value(parameters.as_ref()) - w).norm_l2() / w.norm_l2());
    gaps.fold(0.0, f64::max)
}

/// How far gradient descent on the parameters is from their flow at time `end`, for each of the step sizes.
fn descent(
    problem: &Regression,
    map: &Parameterisation,
    start: &Col<f64>,
    end: f64,
) -> Result<Vec<f64>, ExperimentError> {
    // On a tenth of the time, where the weights still move.
    let end = end / 10.0;
    let mut path = map.flow(start.as_ref(), &[end], |w| problem.gradient(w))?;
    let goal = path
        .pop()
        .ok_or_else(|| ExperimentError::because("a flow has no end"))?;
    let goal = map.value(goal.as_ref());
    let each = SHARES.iter().map(|share| {
        let mut parameters = start.clone();
        for _ in 0..(1.0 / share).round() as usize {
            let pull = problem.gradient(map.value(parameters.as_ref()).as_ref());
            parameters -= map.pull_back(parameters.as_ref(), pull.as_ref()) * Scale(share * end);
        }
        (map.value(parameters.as_ref()) - &goal).norm_l2() / goal.norm_l2()
    });
    Ok(each.collect())
}

/// Where gradient flow on `w`, on `u·v` and on `θ₊² − θ₋²` ends on a problem with a sparse solution.
fn biases(setup: &Setup, streams: Streams) -> Result<([[f64; 2]; 3], f64), ExperimentError> {
    let mut rng = streams.stream("sparse data", 0);
    let (samples, features, scale) = (setup.get(SAMPLES), setup.get(FEATURES), setup.get(SCALE));
    let truth = mirror::sparse(&mut rng, features, 1, true);
    let problem = Regression::gaussian(&mut rng, samples, &truth);
    let least = dense::least_norm(problem.x.as_ref(), problem.y.as_ref())?;
    let sparse = mirror::least_absolute(&problem, false)?;
    let (signed, pairs) = (
        Parameterisation::signed_squares(features),
        Parameterisation::pairs(features),
    );
    let plain = Parameterisation::linear(dense::scaled_identity(features, 1.0));
    let of_signed = Col::from_fn(2 * features, |i| if i < features { scale } else { -scale });
    // u = θ₊ + θ₋ and v = θ₊ − θ₋.
    let of_pairs = Col::from_fn(
        2 * features,
        |i| if i < features { 0.0 } else { 2.0 * scale },
    );
    let starts = [
        (&plain, Col::zeros(features)),
        (&pairs, of_pairs.clone()),
        (&signed, of_signed.clone()),
    ];
    let mut excess = [[0.0; 2]; 3];
    for ((map, start), excess) in starts.iter().zip(&mut excess) {
        setup.go_on()?;
        let end = map.end_of_flow(&problem, start.as_ref(), (1e4, 1e-8))?;
        let w = map.value(end.as_ref());
        *excess = [
            w.norm_l2() / least.norm_l2() - 1.0,
            w.norm_l1() / sparse.norm_l1() - 1.0,
        ];
    }
    let times = [0.2, 0.5, 1.0];
    let slow = pairs.flow(of_pairs.as_ref(), &times.map(|time| time * 2.0), |w| {
        problem.gradient(w)
    })?;
    let path = signed.flow(of_signed.as_ref(), &times, |w| problem.gradient(w))?;
    let weights: Vec<Col<f64>> = path
        .iter()
        .map(|parameters| signed.value(parameters.as_ref()))
        .collect();
    Ok((excess, largest_gap(&pairs, &slow, &weights)))
}

fn claims(setup: &Setup, runs: &[Run]) -> Vec<Claim> {
    let of = |get: &dyn Fn(&Run) -> f64| Estimate::mean(&runs.iter().map(get).collect::<Vec<_>>());
    let logs = SHARES.map(f64::ln);
    let order = |run: &Run| {
        let distances: Vec<f64> = run.descent.iter().map(|distance| distance.ln()).collect();
        Estimate::slope(&logs, &distances).value
    };
    let scale = setup.get(SCALE);
    vec![
        Claim::printed(
            "theory 8-8",
            "R = ½wᵀΣ⁻¹w and G = √Σθ: the two flows agree to 1e-7 of the weights, for three losses.",
            Rule::Below(1e-7),
            of(&|run| run.gaps[0]),
        ),
        Claim::printed(
            "theory 8-8",
            "R = ¼Σ(w log w − w) and G = θ²: the two flows agree to 1e-7 of the weights, for three losses.",
            Rule::Below(1e-7),
            of(&|run| run.gaps[1]),
        ),
        Claim::must_hold(
            "theory 8-8",
            "Without the ¼ in the potential the flows part: by more than 1 % of the weights.",
            Rule::Above(0.01),
            of(&|run| run.unequal),
        ),
        Claim::printed(
            "theory 8-8",
            "It is the flows that agree: gradient descent on θ² is away from them by a distance that is proportional to \
             its step (slope 1 of the logarithms).",
            // What steps of a hundredth of the time leave of a first-order law.
            Rule::Equals {
                value: 1.0,
                tolerance: 0.1,
            },
            of(&order),
        ),
        Claim::printed(
            "theory 8-7",
            format!(
                "The same linear functions have different biases: θ₊² − θ₋² from α = {scale} ends at a ‖w‖₂ more than \
                 5 % above the least."
            ),
            Rule::Above(0.05),
            of(&|run| run.excess[2][0]),
        ),
        Claim::printed(
            "theory 8-7",
            "With w itself as the parameters, gradient flow ends at the least ‖w‖₂ (within 1e-6).",
            Rule::Below(1e-6),
            of(&|run| run.excess[0][0]),
        ),
        Claim::printed(
            "theory 8-7",
            format!(
                "u·v from small parameters (v = {}) ends at a smaller ‖w‖₁ than w does, by more than 5 % of the least.",
                2.0 * scale
            ),
            Rule::Above(0.05),
            of(&|run| run.excess[0][1] - run.excess[1][1]),
        ),
        Claim::must_hold(
            "theory 8-7",
            "Not every change of parameters changes the bias: u·v and θ₊² − θ₋² from corresponding starts are the same \
             path, the first at half the speed, to 1e-7 of the weights.",
            Rule::Below(1e-7),
            of(&|run| run.rotated),
        ),
    ]
}

fn figure(runs: &[Run]) -> Figure {
    let at = |place: usize| {
        runs.iter()
            .map(|run| run.descent[place])
            .collect::<Vec<_>>()
    };
    let of = |get: &dyn Fn(&[f64]) -> f64| {
        (0..SHARES.len())
            .map(|place| get(&at(place)))
            .collect::<Vec<f64>>()
    };
    let means = of(&mean);
    let flows = runs.iter().map(|run| run.gaps[1]).fold(0.0, f64::max);
    let panel = Panel::new(
        Axis::new("step size", "share of the time").log(),
        Axis::new("distance from the mirror flow", "‖w‖").log(),
    )
    .with(
        Line::new("gradient descent on θ²", SHARES.to_vec(), means)
            .with_markers()
            .with_band(
                of(&|values| values.iter().copied().fold(f64::INFINITY, f64::min)),
                of(&|values| values.iter().copied().fold(0.0, f64::max)),
                format!("smallest to largest of {} seeds", runs.len()),
            ),
    )
    .with(Level::level("gradient flow, largest", flows));
    Figure::new("Gradient descent and flow on θ², and the mirror flow").with(panel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_and_an_inverse_are_of_the_same_matrix() {
        let basis = draw::orthogonal(&mut Streams::new(0).stream("test", 0), 3);
        let (root, inverse) = root_and_inverse(&basis, &[0.5, 1.0, 3.0]);
        let product = &root * &root * inverse;
        assert!((product - dense::scaled_identity(3, 1.0)).norm_l2() < 1e-14);
    }

    #[test]
    fn mirror_flow_of_the_euclidean_potential_is_the_closed_form_of_gradient_flow() {
        // One sample x = (3, 4), y = 5: w(t) = x·y(1 − e^(−25 t))/25.
        let problem = Regression {
            x: Mat::from_fn(1, 2, |_, j| 3.0 + j as f64),
            y: dense::column(&[5.0]),
        };
        let path = mirror_flow(
            &Potential::Euclidean,
            Col::zeros(2).as_ref(),
            &[0.05],
            |w| problem.gradient(w),
        )
        .unwrap();
        let share = (1.0 - (-1.25f64).exp()) / 5.0;
        assert!(
            (path[0][0] - 3.0 * share).abs() < 1e-10 && (path[0][1] - 4.0 * share).abs() < 1e-10
        );
    }
}
