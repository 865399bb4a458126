//! Exchanging neurons leaves the loss of a network as it is; therefore it is not convex and has saddle points.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Parameter, Setup,
    Subject,
};
use crate::figure::{Axis, Figure, Line, Panel};
use crate::problem::{dense, draw};
use crate::random::Streams;
use crate::statistics::estimate::median;
use crate::statistics::{Estimate, Rule};
use faer::{Col, Mat, Scale};

const NEURONS: Count = Count::new("neurons", "hidden neurons", 4)
    .quick(3)
    .allowed(2.0, 12.0);
const DIMENSIONS: Count = Count::new("dimensions", "inputs", 4)
    .quick(3)
    .allowed(1.0, 20.0);
const EXAMPLES: Count = Count::new("examples", "examples", 200)
    .quick(80)
    .allowed(20.0, 5e3);

/// `h(x) = Σⱼ tanh⟨wⱼ, x⟩` with the loss `½·mean (h − h*)²`, where h* is such a network too: the minimum is zero.
struct Network {
    x: Mat<f64>,
    targets: Col<f64>,
}

impl Network {
    fn output(x: &Mat<f64>, w: &Mat<f64>) -> Col<f64> {
        let hidden = x * w.transpose();
        Col::from_fn(x.nrows(), |row| {
            (0..w.nrows())
                .map(|neuron| hidden[(row, neuron)].tanh())
                .sum()
        })
    }

    fn value(&self, w: &Mat<f64>) -> f64 {
        (Self::output(&self.x, w) - &self.targets).squared_norm_l2() / (2.0 * self.x.nrows() as f64)
    }

    /// The derivatives by the weights of all neurons, neuron after neuron, of each output: a row for each example.
    fn jacobian(&self, w: &Mat<f64>) -> Mat<f64> {
        let (hidden, inputs) = (&self.x * w.transpose(), self.x.ncols());
        Mat::from_fn(self.x.nrows(), w.nrows() * inputs, |row, place| {
            let slope = 1.0 - hidden[(row, place / inputs)].tanh().powi(2);
            slope * self.x[(row, place % inputs)]
        })
    }

    fn gradient(&self, w: &Mat<f64>) -> Col<f64> {
        let errors = Self::output(&self.x, w) - &self.targets;
        self.jacobian(w).transpose() * errors * Scale(1.0 / self.x.nrows() as f64)
    }

    fn hessian(&self, w: &Mat<f64>) -> Mat<f64> {
        let (jacobian, hidden, inputs) =
            (self.jacobian(w), &self.x * w.transpose(), self.x.ncols());
        let errors = Self::output(&self.x, w) - &self.targets;
        let mut hessian = jacobian.transpose() * &jacobian;
        for neuron in 0..w.nrows() {
            // tanh″ = −2·tanh·(1 − tanh²)
            let bent = Mat::from_fn(self.x.nrows(), inputs, |row, column| {
                let t = hidden[(row, neuron)].tanh();
                -2.0 * errors[row] * t * (1.0 - t * t) * self.x[(row, column)]
            });
            let block = self.x.transpose() * bent;
            for row in 0..inputs {
                for column in 0..inputs {
                    hessian[(neuron * inputs + row, neuron * inputs + column)] +=
                        block[(row, column)];
                }
            }
        }
        hessian * Scale(1.0 / self.x.nrows() as f64)
    }

    /// A best network of equal neurons, by Newton's method among such networks; by symmetry it is a critical point among
    /// all networks.
    fn collapsed(&self, start: &Mat<f64>) -> Result<Mat<f64>, ExperimentError> {
        let mut w = mean_neuron(start);
        let (neurons, inputs) = (w.nrows(), w.ncols());
        for _ in 0..200 {
            let (gradient, hessian) = (self.gradient(&w), self.hessian(&w));
            if gradient.norm_l2() < 1e-13 {
                break;
            }
            let sum = |row: usize| {
                (0..neurons)
                    .map(|neuron| gradient[neuron * inputs + row])
                    .sum::<f64>()
            };
            let together = Mat::from_fn(inputs, inputs, |row, column| {
                let pairs = (0..neurons).flat_map(|a| (0..neurons).map(move |b| (a, b)));
                pairs
                    .map(|(a, b)| hessian[(a * inputs + row, b * inputs + column)])
                    .sum::<f64>()
            });
            // Curvatures by their size, so that each step goes down.
            let (values, vectors) = dense::eigen(together.as_ref())?;
            let along = vectors.transpose() * Col::from_fn(inputs, sum);
            let step = &vectors
                * Col::from_fn(inputs, |index| along[index] / values[index].abs().max(1e-3));
            let moved = |size: f64| {
                Mat::from_fn(neurons, inputs, |row, column| {
                    w[(row, column)] - size * step[column]
                })
            };
            let sizes = (0..30).map(|halvings| 0.5f64.powi(halvings));
            let next = sizes
                .map(moved)
                .find(|next| self.value(next) < self.value(&w));
            let Some(next) = next else { break };
            w = next;
        }
        Ok(w)
    }
}

/// The network whose neurons are all the mean of those of `w`: the mean over all exchanges.
fn mean_neuron(w: &Mat<f64>) -> Mat<f64> {
    let mean =
        |column: usize| (0..w.nrows()).map(|row| w[(row, column)]).sum::<f64>() / w.nrows() as f64;
    Mat::from_fn(w.nrows(), w.ncols(), |_, column| mean(column))
}

/// Each neuron in the place of the next.
fn exchanged(w: &Mat<f64>) -> Mat<f64> {
    Mat::from_fn(w.nrows(), w.ncols(), |row, column| {
        w[((row + 1) % w.nrows(), column)]
    })
}

/// What one seed gives.
struct Seed {
    loss_moves: f64,
    spectrum_moves: f64,
    at_mean: f64,
    gradient: f64,
    lowest: f64,
    highest: f64,
    line: Vec<f64>,
    other: Vec<f64>,
}

/// How many places between two networks the loss is looked at.
const PLACES: usize = 40;

/// Theory of Deep Learning, section 6.3.
#[derive(Debug)]
pub struct PermutationSymmetry;

impl Experiment for PermutationSymmetry {
    fn about(&self) -> About {
        About {
            name: "permutation-symmetry",
            subject: Subject::Landscapes,
            claim: "A network's loss does not change when neurons are exchanged, and is \
                therefore not convex and has saddle points.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 6.3",
            mathematics: "The network h(x) = Σⱼ tanh⟨wⱼ, x⟩ is the same after an exchange π of \
                its neurons: f(πθ) = f(θ), and the Hessian at πθ is that at θ with rows and \
                columns exchanged. If f were convex, the mean of all πθ* of a minimum θ* would \
                be a minimum too; but there all neurons are equal, and one neuron rarely does \
                the work of many. A best network of equal neurons is a critical point of f: \
                the gradient of each neuron is the same, and their sum vanishes. With a \
                negative eigenvalue of its Hessian it is a saddle point.",
            refuted_by: "A loss or a Hessian spectrum that an exchange changes, a mean network \
                as good as the best, or no negative curvature where all neurons are equal.",
            seeds: Extent { full: 20, quick: 6 },
            seconds: Extent {
                full: 0.2,
                quick: 0.01,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            NEURONS.parameter(),
            DIMENSIONS.parameter(),
            EXAMPLES.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let seeds = setup.over_seeds(|streams| one(setup, streams))?;
        Ok(Findings::new()
            .claims(claims(&seeds))
            .figure("line", figure(&seeds)))
    }
}

fn one(setup: &Setup, streams: Streams) -> Result<Seed, ExperimentError> {
    let (neurons, inputs) = (setup.get(NEURONS), setup.get(DIMENSIONS));
    let x = draw::gaussian(
        &mut streams.stream("inputs", 0),
        setup.get(EXAMPLES),
        inputs,
    );
    let mut rng = streams.stream("teacher", 0);
    let teacher = draw::gaussian(&mut rng, neurons, inputs);
    let network = Network {
        targets: Network::output(&x, &teacher),
        x,
    };
    let elsewhere = draw::gaussian(&mut rng, neurons, inputs);
    let spectra = [&elsewhere, &exchanged(&elsewhere)]
        .map(|w| dense::eigenvalues(network.hessian(w).as_ref()));
    let [first, second] = spectra;
    let moves = first?
        .iter()
        .zip(second?)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    let collapsed = network.collapsed(&elsewhere)?;
    let there = dense::eigenvalues(network.hessian(&collapsed).as_ref())?;
    let along = |end: &Mat<f64>| -> Vec<f64> {
        let at = |place: usize| {
            let share = place as f64 / PLACES as f64;
            network.value(&(&teacher * Scale(1.0 - share) + end * Scale(share)))
        };
        (0..=PLACES).map(at).collect()
    };
    Ok(Seed {
        loss_moves: (network.value(&elsewhere) / network.value(&exchanged(&elsewhere)) - 1.0).abs(),
        spectrum_moves: moves,
        at_mean: network.value(&mean_neuron(&teacher)),
        gradient: network.gradient(&collapsed).norm_l2(),
        lowest: there[0],
        highest: there[there.len() - 1],
        line: along(&exchanged(&teacher)),
        other: along(&teacher),
    })
}

fn claims(seeds: &[Seed]) -> Vec<Claim> {
    let all = |f: &dyn Fn(&Seed) -> f64| -> Vec<f64> { seeds.iter().map(f).collect() };
    let largest = |f: &dyn Fn(&Seed) -> f64| all(f).into_iter().fold(0.0, f64::max);
    let peak = |line: &[f64]| line.iter().copied().fold(0.0, f64::max);
    let printed = |text: &str, rule, estimate| Claim::printed("theory 6-5", text, rule, estimate);
    vec![
        printed(
            "Exchanging neurons leaves the loss as it is (largest relative change)",
            Rule::Below(1e-12),
            Estimate::exact(largest(&|seed| seed.loss_moves), 1e-14),
        ),
        printed(
            "It leaves the spectrum of the Hessian as it is (largest change of an eigenvalue)",
            Rule::Below(1e-10),
            Estimate::exact(largest(&|seed| seed.spectrum_moves), 1e-13),
        ),
        printed(
            "The mean over all exchanges of a minimum with the loss 0 is no minimum (median \
             loss there)",
            Rule::Above(1e-3),
            Estimate::median(&all(&|seed| seed.at_mean)),
        ),
        printed(
            "On the line from a minimum to its exchange the loss rises (median of the highest)",
            Rule::Above(1e-3),
            Estimate::median(&all(&|seed| peak(&seed.line))),
        ),
        printed(
            "A best network of equal neurons is a critical point (largest gradient norm)",
            Rule::Below(1e-6),
            Estimate::exact(largest(&|seed| seed.gradient), 1e-12),
        ),
        printed(
            "It is a saddle point: the lowest eigenvalue of the Hessian there is negative (median)",
            Rule::Below(0.0),
            Estimate::median(&all(&|seed| seed.lowest)),
        ),
        printed(
            "and the highest is positive (median)",
            Rule::Above(0.0),
            Estimate::median(&all(&|seed| seed.highest)),
        ),
        Claim::must_fail(
            "theory 6-5",
            "The loss rises on the way from the minimum to itself too (median of the highest)",
            Rule::Above(1e-3),
            Estimate::median(&all(&|seed| peak(&seed.other))),
        ),
    ]
}

fn figure(seeds: &[Seed]) -> Figure {
    let x: Vec<f64> = (0..=PLACES)
        .map(|place| place as f64 / PLACES as f64)
        .collect();
    let of = |pick: &dyn Fn(&[f64]) -> f64| -> Vec<f64> {
        (0..=PLACES)
            .map(|place| {
                pick(
                    &seeds
                        .iter()
                        .map(|seed| seed.line[place])
                        .collect::<Vec<_>>(),
                )
            })
            .collect()
    };
    let low = of(&|values| values.iter().copied().fold(f64::INFINITY, f64::min));
    let high = of(&|values| values.iter().copied().fold(0.0, f64::max));
    let line = Line::new("median", x, of(&median)).with_band(
        low,
        high,
        "smallest to largest \
        of all seeds",
    );
    let panel = Panel::new(
        Axis::new("share of the way to the exchanged minimum", "1"),
        Axis::new("loss", "1").including(0.0),
    );
    Figure::new("Loss between a minimum and its exchange")
        .with(panel.with(line))
        .described("The loss rises from zero to a barrier and falls to zero again.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_agree_with_differences() {
        let mut rng = Streams::new(0).stream("test", 0);
        let x = draw::gaussian(&mut rng, 20, 2);
        let teacher = draw::gaussian(&mut rng, 3, 2);
        let network = Network {
            targets: Network::output(&x, &teacher),
            x,
        };
        assert_eq!(network.value(&teacher), 0.0);
        let w = draw::gaussian(&mut rng, 3, 2);
        let hessian = network.hessian(&w);
        for place in 0..6 {
            let moved = |by: f64| {
                let mut w = w.clone();
                w[(place / 2, place % 2)] += by;
                (network.gradient(&w), network.value(&w))
            };
            let (above, below) = (moved(1e-5), moved(-1e-5));
            assert!(
                ((&above.0 - &below.0) * Scale(1.0 / 2e-5) - hessian.col(place)).norm_l2() < 1e-8
            );
            assert!(((above.1 - below.1) / 2e-5 - network.gradient(&w)[place]).abs() < 1e-9);
        }
    }

    #[test]
    fn an_exchange_moves_each_neuron_to_its_neighbour() {
        let w = Mat::from_fn(3, 1, |row, _| row as f64);
        let moved = exchanged(&w);
        assert_eq!(
            [moved[(0, 0)], moved[(1, 0)], moved[(2, 0)]],
            [1.0, 2.0, 0.0]
        );
        assert_eq!(mean_neuron(&w)[(2, 0)], 1.0);
    }
}
