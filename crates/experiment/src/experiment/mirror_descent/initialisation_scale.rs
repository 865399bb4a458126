//! From kernel to feature learning by the scale of the start.

use crate::experiment::lines::tested;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Numbers, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Width};
use crate::problem::mirror::{self, Potential, Regression, nearest_interpolant};
use crate::problem::{dense, draw};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule, mean};
use faer::{Col, Mat, Scale};

const SAMPLES: Count = Count::new("samples", "training samples", 20).allowed(3.0, 60.0);
const INPUTS: Count = Count::new("inputs", "inputs of the ReLU network", 5).allowed(2.0, 30.0);
const FEATURES: Count =
    Count::new("features", "weights of the diagonal network", 60).allowed(4.0, 100.0);
const UNITS: Count = Count::new("units", "hidden units of the ReLU network", 80)
    .quick(40)
    .allowed(2.0, 500.0);
const STEPS: Count = Count::new("steps", "the most steps of gradient descent", 8_000)
    .quick(8_000)
    .allowed(100.0, 1e6);
const SCALES: Numbers = Numbers::new(
    "scales",
    "factors α of the start, ascending",
    &[0.1, 0.3, 1.0, 3.0, 10.0, 30.0],
)
.quick(&[0.1, 1.0, 10.0, 30.0])
.allowed(0.01, 100.0);

/// How many inputs the error of the ReLU network is measured on.
const TEST: usize = 500;

/// See the file.
#[derive(Debug)]
pub struct InitialisationScale;

impl Experiment for InitialisationScale {
    fn about(&self) -> About {
        About {
            name: "initialisation-scale",
            subject: Subject::MirrorDescent,
            claim: "As the scale of the start grows, one and the same network goes from learning features to a fixed \
                    kernel, and what it learns changes with it.",
            source: "Inductive bias of optimisation (lecture notes), on initialisation; after Chizat, Oyallon & Bach, On \
                     lazy training in differentiable programming (2019), and Woodworth et al. (2020)",
            mathematics: "A network that is homogeneous of degree 2 in its weights, started at α times fixed weights with \
                          output 0, moves by about 1/α to fit, and its features by 1/α² of themselves, so that for large \
                          α its tangent kernel K = JJᵀ stays what it was, up to α⁻². The diagonal network θ₊² − θ₋² has \
                          J = 2Xθ and K ∝ X diag √(w² + 4α⁴) Xᵀ, which changes by α⁻⁴ only, since the first order of its \
                          two halves cancels; its end is the minimiser of R_α, computed as such. The ReLU network Σ aⱼ \
                          max(0, uⱼ·x), less what it puts out at the start, is trained by gradient descent on the \
                          squared loss to a misfit of 0.3 %; its targets are those of two units.",
            refuted_by: "A change of the kernel that does not fall with the scale.",
            seeds: Extent { full: 12, quick: 4 },
            seconds: Extent {
                full: 3.0,
                quick: 0.3,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            INPUTS.parameter(),
            FEATURES.parameter(),
            UNITS.parameter(),
            STEPS.parameter(),
            SCALES.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        if setup.get(SAMPLES) >= setup.get(FEATURES) {
            return Err(ExperimentError::because(
                "samples must be less than features, or there is only one interpolant",
            ));
        }
        let scales = setup.get(SCALES);
        if scales.len() < 3 || !scales.is_sorted() {
            return Err(ExperimentError::because(
                "scales must be at least three ascending numbers",
            ));
        }
        let diagonal = setup.over_seeds(|streams| diagonal(setup, streams))?;
        let relu = setup.over_seeds(|streams| relu(setup, streams))?;
        Ok(Findings::new()
            .claims(claims(&scales, &diagonal, &relu))
            .figure("transition", figure(&scales, &diagonal, &relu)))
    }
}

/// What one seed gives for each scale.
#[derive(Default)]
struct Sweep {
    /// The change of the kernel on the training inputs, as a share of it.
    drifts: Vec<f64>,
    /// What is learnt: ‖w‖₁ of the diagonal network, and the error of the ReLU network on new inputs as a share of that of
    /// predicting nothing.
    norms: Vec<f64>,
    /// What is left of the targets.
    misfits: Vec<f64>,
}

fn diagonal(setup: &Setup, streams: Streams) -> Result<Sweep, ExperimentError> {
    let mut rng = streams.stream("diagonal", 0);
    let features = setup.get(FEATURES);
    let truth = mirror::sparse(&mut rng, features, 3.min(features), true);
    let problem = Regression::gaussian(&mut rng, setup.get(SAMPLES), &truth);
    let mut sweep = Sweep::default();
    for scale in setup.get(SCALES) {
        let potential = Potential::Hyperbolic { scale };
        let end = nearest_interpolant(&problem, &potential, Col::zeros(features).as_ref())?.weights;
        let kernel = |w: &Col<f64>| -> Result<Mat<f64>, ExperimentError> {
            let metric = potential.metric(potential.dual(w.as_ref())?.as_ref())?;
            Ok(&problem.x * metric * problem.x.transpose())
        };
        let first = kernel(&Col::zeros(features))?;
        sweep
            .drifts
            .push((kernel(&end)? - &first).norm_l2() / first.norm_l2());
        sweep.norms.push(end.norm_l1());
        sweep.misfits.push(problem.misfit(end.as_ref()));
    }
    Ok(sweep)
}

/// A network `Σ aⱼ max(0, uⱼ·x)`.
#[derive(Clone)]
struct Network {
    /// `uⱼ` as rows.
    inner: Mat<f64>,
    /// `aⱼ`.
    outer: Col<f64>,
}

impl Network {
    /// Its outputs.
    fn outputs(&self, x: &Mat<f64>) -> Col<f64> {
        self.hidden(x) * &self.outer
    }

    /// The positive parts of `uⱼ·xᵢ`, a row for each sample.
    fn hidden(&self, x: &Mat<f64>) -> Mat<f64> {
        let before = x * self.inner.transpose();
        Mat::from_fn(before.nrows(), before.ncols(), |i, j| {
            before[(i, j)].max(0.0)
        })
    }

    /// The tangent kernel of the samples.
    fn kernel(&self, x: &Mat<f64>) -> Mat<f64> {
        let hidden = self.hidden(x);
        let active = Mat::from_fn(hidden.nrows(), hidden.ncols(), |i, j| {
            if hidden[(i, j)] > 0.0 {
                self.outer[j]
            } else {
                0.0
            }
        });
        let (inputs, gates) = (x * x.transpose(), &active * active.transpose());
        let outer = &hidden * hidden.transpose();
        Mat::from_fn(x.nrows(), x.nrows(), |i, j| {
            outer[(i, j)] + inputs[(i, j)] * gates[(i, j)]
        })
    }

    /// One step down `½Σ(f(xᵢ) − yᵢ)²`, of one over the trace of the kernel, and of no more than a twentieth of the
    /// weights. Gives the norm of the residuals before it.
    fn descend(&mut self, x: &Mat<f64>, y: &Col<f64>) -> f64 {
        let hidden = self.hidden(x);
        let residual = &hidden * &self.outer - y;
        let outer = hidden.transpose() * &residual;
        let pulled = Mat::from_fn(hidden.nrows(), hidden.ncols(), |i, j| {
            if hidden[(i, j)] > 0.0 {
                residual[i] * self.outer[j]
            } else {
                0.0
            }
        });
        let inner = pulled.transpose() * x;
        let gates = (0..x.nrows()).map(|i| {
            let active = (0..hidden.ncols()).filter(|j| hidden[(i, *j)] > 0.0);
            x.row(i).squared_norm_l2() * active.map(|j| self.outer[j] * self.outer[j]).sum::<f64>()
        });
        let trace = hidden.squared_norm_l2() + gates.sum::<f64>();
        let size = (self.inner.squared_norm_l2() + self.outer.squared_norm_l2()).sqrt();
        let pull = (inner.squared_norm_l2() + outer.squared_norm_l2()).sqrt();
        let step = (1.0 / trace).min(0.05 * size / pull);
        self.inner -= inner * Scale(step);
        self.outer -= outer * Scale(step);
        residual.norm_l2()
    }
}

fn relu(setup: &Setup, streams: Streams) -> Result<Sweep, ExperimentError> {
    let (samples, inputs, units) = (setup.get(SAMPLES), setup.get(INPUTS), setup.get(UNITS));
    let mut rng = streams.stream("relu", 0);
    let mut draw_inputs =
        |count| draw::gaussian(&mut rng, count, inputs) * Scale(1.0 / (inputs as f64).sqrt());
    let (x, test) = (draw_inputs(samples), draw_inputs(TEST));
    // A teacher of two units.
    let teacher = Network {
        inner: draw::gaussian(&mut rng, 2, inputs),
        outer: dense::column(&[1.0, -1.0]),
    };
    let (y, goal) = (teacher.outputs(&x), teacher.outputs(&test));
    let inner = draw::gaussian(&mut rng, units, inputs) * Scale(1.0 / (units as f64).sqrt());
    let outer = draw::normals(&mut rng, units) * Scale(1.0 / (units as f64).sqrt());
    let mut sweep = Sweep::default();
    for scale in setup.get(SCALES) {
        let start = Network {
            inner: &inner * Scale(scale),
            outer: &outer * Scale(scale),
        };
        // What the start puts out is subtracted: it is the change that is to fit.
        let targets = &y + start.outputs(&x);
        let (mut network, mut misfit) = (start.clone(), 1.0);
        for step in 0..setup.get(STEPS) {
            if step % 500 == 0 {
                setup.go_on()?;
            }
            misfit = network.descend(&x, &targets) / y.norm_l2();
            if misfit < 3e-3 {
                break;
            }
        }
        let (before, after) = (start.kernel(&x), network.kernel(&x));
        sweep
            .drifts
            .push((after - &before).norm_l2() / before.norm_l2());
        let found = network.outputs(&test) - start.outputs(&test);
        sweep.norms.push((found - &goal).norm_l2() / goal.norm_l2());
        sweep.misfits.push(misfit);
    }
    Ok(sweep)
}

fn claims(scales: &[f64], diagonal: &[Sweep], relu: &[Sweep]) -> Vec<Claim> {
    let [.., before, last] = scales else {
        return Vec::new();
    };
    let mut claims = claims_of_network("diagonal", scales, diagonal);
    claims.extend(claims_of_network("ReLU", scales, relu));
    claims.extend(claims_of_large_scales([*before, *last], diagonal, relu));
    claims
}

/// What tells the rich from the lazy end of the scales.
fn claims_of_network(name: &str, scales: &[f64], sweeps: &[Sweep]) -> Vec<Claim> {
    let last = scales[scales.len() - 1];
    let drops: Vec<Vec<f64>> = (0..scales.len())
        .map(|place| {
            sweeps
                .iter()
                .map(|sweep| -sweep.drifts[place].ln())
                .collect()
        })
        .collect();
    let what = if name == "ReLU" {
        "error on new inputs"
    } else {
        "‖w‖₁ of the solution"
    };
    vec![
        Claim::printed(
            "inductive-bias N12",
            format!(
                "In the {name} network the change of the kernel falls with the scale, from each to the next of {}.",
                tested(scales)
            ),
            Rule::Above(0.0),
            Estimate::smallest_step(&drops),
        ),
        Claim::printed(
            "inductive-bias N12",
            format!(
                "In the {name} network at {last} the kernel changes by less than 5 % (lazy), at {} by more than its own \
                 size (rich): the ratio of both changes to these bounds is below 1.",
                scales[0]
            ),
            Rule::Below(1.0),
            Estimate::mean(
                &sweeps
                    .iter()
                    .map(|sweep| (sweep.drifts[scales.len() - 1] / 0.05).max(1.0 / sweep.drifts[0]))
                    .collect::<Vec<_>>(),
            ),
        ),
        Claim::printed(
            "inductive-bias N12",
            format!(
                "In the {name} network the {what} is larger at {last} than at {}.",
                scales[0]
            ),
            Rule::Above(0.0),
            Estimate::mean(
                &sweeps
                    .iter()
                    .map(|sweep| (sweep.norms[scales.len() - 1] / sweep.norms[0]).ln())
                    .collect::<Vec<_>>(),
            ),
        ),
    ]
}

/// The power of the law over the last two scales, and that all networks fit.
fn claims_of_large_scales(
    [before, last]: [f64; 2],
    diagonal: &[Sweep],
    relu: &[Sweep],
) -> Vec<Claim> {
    let slope = |sweeps: &[Sweep]| {
        let values: Vec<f64> = sweeps
            .iter()
            .map(|sweep| {
                let count = sweep.drifts.len();
                (sweep.drifts[count - 1] / sweep.drifts[count - 2]).ln() / (last / before).ln()
            })
            .collect();
        Estimate::mean(&values)
    };
    vec![
        Claim::must_hold(
            "inductive-bias N12",
            format!(
                "From {before} to {last} the change of the kernel of the diagonal network falls with the power 4."
            ),
            Rule::Equals {
                value: -4.0,
                tolerance: 0.1,
            },
            slope(diagonal),
        ),
        Claim::must_hold(
            "inductive-bias N12",
            format!(
                "From {before} to {last} that of the ReLU network, whose units also switch, falls faster than with the power \
             1.5."
            ),
            Rule::Below(-1.5),
            slope(relu),
        ),
        Claim::must_hold(
            "inductive-bias N12",
            "All of the networks fit: the largest misfit is below 1 %.",
            Rule::Below(0.01),
            Estimate::mean(
                &relu
                    .iter()
                    .map(|sweep| sweep.misfits.iter().copied().fold(0.0, f64::max))
                    .collect::<Vec<_>>(),
            ),
        ),
    ]
}

fn figure(scales: &[f64], diagonal: &[Sweep], relu: &[Sweep]) -> Figure {
    let line = |name: &str, sweeps: &[Sweep], get: fn(&Sweep, usize) -> f64| {
        let at = |place: usize| {
            sweeps
                .iter()
                .map(|sweep| get(sweep, place))
                .collect::<Vec<_>>()
        };
        let of = |fold: &dyn Fn(&[f64]) -> f64| {
            (0..scales.len())
                .map(|place| fold(&at(place)))
                .collect::<Vec<f64>>()
        };
        Line::new(name, scales.to_vec(), of(&mean))
            .with_markers()
            .with_band(
                of(&|values| values.iter().copied().fold(f64::INFINITY, f64::min)),
                of(&|values| values.iter().copied().fold(0.0, f64::max)),
                format!("smallest to largest of {} seeds", sweeps.len()),
            )
    };
    let drifts = Panel::new(
        Axis::new("scale α of the start", "1").log(),
        Axis::new("change of the kernel", "its size at the start").log(),
    )
    .titled("Kernel")
    .with(line("diagonal network", diagonal, |sweep, place| {
        sweep.drifts[place]
    }))
    .with(line("ReLU network", relu, |sweep, place| {
        sweep.drifts[place]
    }));
    let solution = |title: &str, what: &str, unit: &str| {
        Panel::new(
            Axis::new("scale α of the start", "1").log(),
            Axis::new(what, unit).linear().including(0.0),
        )
        .titled(title)
    };
    let norms = solution("Diagonal network", "‖w‖₁", "1").with(line(
        "diagonal network",
        diagonal,
        |sweep, place| sweep.norms[place],
    ));
    let errors = solution("ReLU network", "error", "that of predicting 0").with(line(
        "ReLU network",
        relu,
        |sweep, place| sweep.norms[place],
    ));
    Figure {
        columns: 3,
        width: Width::Page,
        ..Figure::new("Kernel and solution by the scale of the start")
    }
    .with(drifts)
    .with(norms)
    .with(errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_that_of_the_derivatives() {
        // One unit of one input: f = a max(0, ux), whose derivatives at x are max(0, ux) and a x.
        let network = Network {
            inner: dense::scaled_identity(1, 2.0),
            outer: dense::column(&[3.0]),
        };
        let x = Mat::from_fn(2, 1, |i, _| 1.0 - 3.0 * i as f64);
        let kernel = network.kernel(&x);
        assert_eq!(kernel[(0, 0)], 4.0 + 9.0);
        assert_eq!([kernel[(0, 1)], kernel[(1, 1)]], [0.0; 2]);
    }

    #[test]
    fn a_step_is_against_the_gradient() {
        let mut rng = Streams::new(0).stream("test", 0);
        let (x, y) = (draw::gaussian(&mut rng, 4, 3), draw::normals(&mut rng, 4));
        let start = Network {
            inner: draw::gaussian(&mut rng, 5, 3),
            outer: draw::normals(&mut rng, 5),
        };
        let loss =
            |network: &Network| (network.hidden(&x) * &network.outer - &y).squared_norm_l2() / 2.0;
        let mut moved = start.clone();
        moved.descend(&x, &y);
        // The ratio of two moves is that of two differences of the loss.
        let slope = |change: &dyn Fn(&mut Network, f64)| {
            let at = |step: f64| {
                let mut network = start.clone();
                change(&mut network, step);
                loss(&network)
            };
            (at(1e-6) - at(-1e-6)) / 2e-6
        };
        let inner = slope(&|network, step| network.inner[(1, 2)] += step);
        let outer = slope(&|network, step| network.outer[3] += step);
        let ratio = (moved.inner[(1, 2)] - start.inner[(1, 2)]) / (moved.outer[3] - start.outer[3]);
        assert!((ratio - inner / outer).abs() < 1e-6 * ratio.abs().max(1.0));
    }
}
