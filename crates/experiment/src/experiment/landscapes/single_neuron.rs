//! Learning one neuron: a loss that is not convex and yet points to its minimum everywhere, and a convex one with the
//! same minimum.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Width};
use crate::problem::dense;
use crate::problem::draw;
use crate::problem::linear_class::sigmoid;
use crate::random::StreamRng;
use crate::statistics::estimate::median;
use crate::statistics::{Estimate, Rule};
use faer::{Col, ColRef, Mat, Scale};

const EXAMPLES: Count = Count::new("examples", "examples without noise", 200)
    .quick(100)
    .allowed(10.0, 1e5);
const DIMENSIONS: Count = Count::new("dimensions", "inputs of the neuron", 5).allowed(1.0, 200.0);
const TEACHER: Number =
    Number::new("teacher", "norm of the weights that made the labels", 2.0).allowed(0.1, 10.0);
const START: Number =
    Number::new("start", "norm of the weights at the start", 6.0).allowed(0.1, 30.0);
const STEPS: Count = Count::new("steps", "steps of gradient descent at most", 20_000)
    .quick(6_000)
    .allowed(100.0, 1e6);

/// Which function the neuron applies.
#[derive(Clone, Copy, PartialEq)]
enum Activation {
    Sigmoid,
    Sine,
}

impl Activation {
    fn at(self, z: f64) -> f64 {
        if self == Self::Sigmoid {
            sigmoid(z)
        } else {
            z.sin()
        }
    }

    fn slope(self, z: f64) -> f64 {
        if self == Self::Sigmoid {
            sigmoid(z) * sigmoid(-z)
        } else {
            z.cos()
        }
    }
}

/// A neuron that is to become its teacher on some examples.
struct Neuron {
    x: Mat<f64>,
    teacher: Col<f64>,
    activation: Activation,
}

impl Neuron {
    fn draw(rng: &mut StreamRng, setup: &Setup, activation: Activation) -> Self {
        let dimensions = setup.get(DIMENSIONS);
        let x = draw::gaussian(rng, setup.get(EXAMPLES), dimensions);
        let teacher = Scale(setup.get(TEACHER)) * draw::on_sphere(rng, dimensions);
        Self {
            x,
            teacher,
            activation,
        }
    }

    /// Σᵢ factor(output, target)·xᵢ/n.
    fn mean_of(&self, w: ColRef<f64>, factor: impl Fn(f64, f64) -> f64) -> Col<f64> {
        let (outputs, targets) = (&self.x * w, &self.x * &self.teacher);
        let factors = Col::from_fn(outputs.nrows(), |row| {
            factor(outputs[row], targets[row]) / outputs.nrows() as f64
        });
        self.x.transpose() * factors
    }

    /// The gradient of `½·mean (σ(⟨w, x⟩) − σ(⟨w*, x⟩))²`.
    fn squared(&self, w: ColRef<f64>) -> Col<f64> {
        let sigma = self.activation;
        self.mean_of(w, |z, target| {
            (sigma.at(z) - sigma.at(target)) * sigma.slope(z)
        })
    }

    /// The gradient of the matching loss, the same without σ′ (eq. 6.5).
    fn matching(&self, w: ColRef<f64>) -> Col<f64> {
        let sigma = self.activation;
        self.mean_of(w, |z, target| sigma.at(z) - sigma.at(target))
    }

    /// The lowest eigenvalue of the Hessian of the matching or of the squared loss.
    fn lowest(&self, w: ColRef<f64>, is_matching: bool) -> Result<f64, ExperimentError> {
        let (outputs, targets) = (&self.x * w, &self.x * &self.teacher);
        let scaled = Mat::from_fn(self.x.nrows(), self.x.ncols(), |row, column| {
            let (z, slope) = (outputs[row], self.activation.slope(outputs[row]));
            // Of the sigmoid: σ″ = σ′(1 − 2σ).
            let second = slope * (1.0 - 2.0 * sigmoid(z));
            let error = sigmoid(z) - sigmoid(targets[row]);
            let factor = if is_matching {
                slope
            } else {
                slope * slope + error * second
            };
            factor * self.x[(row, column)] / self.x.nrows() as f64
        });
        Ok(dense::eigenvalues((self.x.transpose() * scaled).as_ref())?[0])
    }
}

/// What descent along a gradient did.
struct Path {
    /// The distance to the teacher after each step.
    distances: Vec<f64>,
    /// The least cosine between the gradient and the way from the teacher.
    least_cosine: f64,
}

fn descend(
    neuron: &Neuron,
    start: &Col<f64>,
    step: f64,
    steps: usize,
    gradient: impl Fn(ColRef<f64>) -> Col<f64>,
) -> Path {
    let mut w = start.clone();
    let mut path = Path {
        distances: Vec::new(),
        least_cosine: f64::INFINITY,
    };
    for _ in 0..steps {
        let away = &w - &neuron.teacher;
        path.distances.push(away.norm_l2());
        if away.norm_l2() < 1e-7 {
            break;
        }
        let slope = gradient(w.as_ref());
        path.least_cosine = path
            .least_cosine
            .min(dense::cosine(slope.as_ref(), away.as_ref()));
        w -= Scale(step) * slope;
    }
    path
}

/// What one seed gives.
struct Seed {
    squared: Path,
    matching: Path,
    sine: f64,
    lowest_squared: f64,
    lowest_matching: f64,
    at_teacher: f64,
}

/// Theory of Deep Learning, section 6.2.
#[derive(Debug)]
pub struct SingleNeuron;

impl Experiment for SingleNeuron {
    fn about(&self) -> About {
        About {
            name: "single-neuron",
            subject: Subject::Landscapes,
            claim: "The squared loss of a neuron with a monotone activation is not convex, but \
                its gradient points away from the teacher everywhere; the matching loss is \
                convex.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 6.2.1 and 6.2.2",
            mathematics: "The labels are σ(⟨w*, x⟩). For L = ½E(σ(⟨w, x⟩) − σ(⟨w*, x⟩))² the \
                mean value theorem gives ⟨∇L, w − w*⟩ = E σ′(ξ)σ′(⟨w, x⟩)⟨w − w*, x⟩², which \
                is not negative where σ is monotone; thus w* is the only critical point. \
                Leaving σ′ out of the gradient gives the gradient of g = E τ(⟨w, x⟩) − σ(⟨w*, \
                x⟩)⟨w, x⟩ with τ′ = σ, whose Hessian E σ′(⟨w, x⟩)xxᵀ has no negative \
                eigenvalue.",
            refuted_by: "A start from which the gradient turns away from the teacher or \
                descent ends elsewhere, or a negative eigenvalue of the Hessian of the \
                matching loss.",
            seeds: Extent { full: 20, quick: 6 },
            seconds: Extent {
                full: 0.4,
                quick: 0.03,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            EXAMPLES.parameter(),
            DIMENSIONS.parameter(),
            TEACHER.parameter(),
            START.parameter(),
            STEPS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let steps = setup.get(STEPS);
        let seeds = setup.over_seeds(|streams| {
            let neuron = Neuron::draw(
                &mut streams.stream("examples", 0),
                setup,
                Activation::Sigmoid,
            );
            let wave = Neuron::draw(&mut streams.stream("examples", 0), setup, Activation::Sine);
            let mut rng = streams.stream("start", 0);
            let start = Scale(setup.get(START)) * draw::on_sphere(&mut rng, neuron.teacher.nrows());
            // σ′ ≤ 1/4 bounds both Hessians by a quarter of the largest eigenvalue of the mean of xxᵀ.
            let gram = neuron.x.transpose() * &neuron.x * Scale(1.0 / neuron.x.nrows() as f64);
            let smooth = dense::eigenvalues(gram.as_ref())?[neuron.x.ncols() - 1] / 4.0;
            let teacher = neuron.teacher.as_ref();
            Ok(Seed {
                squared: descend(&neuron, &start, 1.0 / smooth, steps, |w| neuron.squared(w)),
                matching: descend(&neuron, &start, 1.0 / smooth, steps, |w| neuron.matching(w)),
                sine: descend(&wave, &start, 0.1, 300, |w| wave.squared(w)).least_cosine,
                lowest_squared: neuron.lowest(start.as_ref(), false)?,
                lowest_matching: neuron.lowest(start.as_ref(), true)?,
                at_teacher: neuron.matching(teacher).norm_l2(),
            })
        })?;
        Ok(Findings::new()
            .claims(claims_of_squared_loss(setup, &seeds))
            .claims(claims_of_matching_loss(setup, &seeds))
            .figure("distances", figure(&seeds)))
    }
}

fn each(seeds: &[Seed], f: impl Fn(&Seed) -> f64) -> Vec<f64> {
    seeds.iter().map(f).collect()
}

/// Where descent on the squared loss goes.
fn claims_of_squared_loss(setup: &Setup, seeds: &[Seed]) -> Vec<Claim> {
    let share = |f: &dyn Fn(&Seed) -> bool| {
        Estimate::proportion(seeds.iter().filter(|seed| f(seed)).count(), seeds.len())
    };
    let start = setup.get(START);
    vec![
        Claim::printed(
            "theory 6-3",
            "Along descent on the squared loss the gradient never turns away from w − w* \
             (least cosine of all seeds and steps)",
            Rule::Above(0.0),
            Estimate::exact(
                each(seeds, |seed| seed.squared.least_cosine)
                    .into_iter()
                    .fold(f64::INFINITY, f64::min),
                1e-9,
            ),
        ),
        Claim::printed(
            "theory 6-3",
            format!(
                "As the teacher is the only minimum, from ‖w‖ = {start} descent comes within \
                0.01 of it for more than half of the draws (share)"
            ),
            Rule::Above(0.5),
            share(&|seed| {
                seed.squared
                    .distances
                    .last()
                    .is_some_and(|distance| *distance < 1e-2)
            }),
        ),
        Claim::must_fail(
            "theory 6-3",
            "The gradient does not turn away with the activation sin either, which is not \
             monotone (median least cosine)",
            Rule::Above(0.0),
            Estimate::median(&each(seeds, |seed| seed.sine)),
        ),
    ]
}

/// What the matching loss has that the squared loss has not.
fn claims_of_matching_loss(setup: &Setup, seeds: &[Seed]) -> Vec<Claim> {
    let count = |path: &Path| {
        path.distances
            .iter()
            .position(|d| *d < 1e-2)
            .unwrap_or(path.distances.len()) as f64
    };
    let start = setup.get(START);
    vec![
        Claim::printed(
            "theory 6-4",
            "The gradient of the matching loss vanishes at the teacher (largest norm)",
            Rule::Below(1e-12),
            Estimate::exact(
                each(seeds, |seed| seed.at_teacher)
                    .into_iter()
                    .fold(0.0, f64::max),
                1e-15,
            ),
        ),
        Claim::printed(
            "theory 6-4",
            format!(
                "The matching loss is convex: at ‖w‖ = {start} the lowest eigenvalue of \
                its Hessian is positive (mean)"
            ),
            Rule::Above(0.0),
            Estimate::mean(&each(seeds, |seed| seed.lowest_matching)),
        ),
        Claim::must_fail(
            "theory 6-4",
            "So is that of the squared loss, at the same weights (mean)",
            Rule::Above(0.0),
            Estimate::mean(&each(seeds, |seed| seed.lowest_squared)),
        ),
        Claim::printed(
            "theory 6-4",
            format!(
                "The matching loss is easier: of at most {} steps, those that come within 0.01 \
                 of the teacher are fewer than on the squared loss (median ratio)",
                setup.get(STEPS)
            ),
            Rule::Below(1.0),
            Estimate::median(&each(seeds, |seed| {
                count(&seed.matching) / count(&seed.squared)
            })),
        ),
    ]
}

fn figure(seeds: &[Seed]) -> Figure {
    let panel = |title: &str, of: &dyn Fn(&Seed) -> &Path, label: &str, colour: usize| {
        let panel = Panel::new(
            Axis::counting("step").log(),
            Axis::new("distance to the teacher", "1").log(),
        )
        .titled(title);
        let longest = seeds
            .iter()
            .map(|seed| of(seed).distances.len())
            .max()
            .unwrap_or(1);
        let mut steps: Vec<usize> = (0..150)
            .map(|index| 10f64.powf(f64::from(index) / 149.0 * (longest as f64).log10()) as usize)
            .collect();
        steps.dedup();
        let style = crate::figure::Style {
            colour: Some(colour),
            dash: 0,
        };
        let panel = seeds.iter().fold(panel, |panel, seed| {
            let distances = &of(seed).distances;
            let y = steps
                .iter()
                .map(|step| distances.get(*step).copied().unwrap_or(f64::NAN))
                .collect();
            panel.with(
                Line::new("", steps.iter().map(|s| *s as f64).collect(), y)
                    .styled(style)
                    .faint(),
            )
        });
        let y = steps.iter().map(|step| {
            let ended = |seed: &Seed| of(seed).distances.get(*step).copied().unwrap_or(1e-7);
            median(&seeds.iter().map(ended).collect::<Vec<_>>())
        });
        let y: Vec<f64> = y.collect();
        panel.with(Line::new(label, steps.iter().map(|s| *s as f64).collect(), y).styled(style))
    };
    let squared = panel(
        "Squared loss",
        &|seed| &seed.squared,
        "median, squared loss",
        0,
    );
    let matching = panel(
        "Matching loss",
        &|seed| &seed.matching,
        "median, matching loss",
        1,
    );
    Figure {
        columns: 2,
        width: Width::Page,
        shares_x: true,
        shares_y: true,
        ..Figure::new(
            "Learning \
        one neuron by two losses",
        )
    }
    .with(squared)
    .with(matching)
    .noted("Pale: each seed.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Streams;

    fn neuron() -> Neuron {
        let mut rng = Streams::new(0).stream("test", 0);
        let x = draw::gaussian(&mut rng, 30, 3);
        Neuron {
            x,
            teacher: dense::column(&[1.0, -1.0, 0.5]),
            activation: Activation::Sigmoid,
        }
    }

    #[test]
    fn gradients_and_hessians_agree_with_differences() {
        let (neuron, w) = (neuron(), dense::column(&[0.3, 0.8, -1.2]));
        for is_matching in [true, false] {
            let gradient = |w: &Col<f64>| {
                if is_matching {
                    neuron.matching(w.as_ref())
                } else {
                    neuron.squared(w.as_ref())
                }
            };
            let hessian = Mat::from_fn(3, 3, |row, column| {
                let moved = |by: f64| {
                    let mut w = w.clone();
                    w[column] += by;
                    gradient(&w)[row]
                };
                (moved(1e-5) - moved(-1e-5)) / 2e-5
            });
            let lowest = dense::eigenvalues(hessian.as_ref()).unwrap()[0];
            assert!((lowest - neuron.lowest(w.as_ref(), is_matching).unwrap()).abs() < 1e-8);
        }
    }

    #[test]
    fn the_correlation_is_that_of_the_mean_value_theorem() {
        let (neuron, w) = (neuron(), dense::column(&[0.3, 0.8, -1.2]));
        let away = &w - &neuron.teacher;
        let left = dense::dot(neuron.squared(w.as_ref()).as_ref(), away.as_ref());
        let right: f64 = (0..30)
            .map(|row| {
                let (a, b) = (neuron.x.row(row) * &w, neuron.x.row(row) * &neuron.teacher);
                let between = (sigmoid(a) - sigmoid(b)) / (a - b);
                between * sigmoid(a) * sigmoid(-a) * (a - b).powi(2) / 30.0
            })
            .sum();
        assert!((left - right).abs() < 1e-14 && left > 0.0);
    }
}
