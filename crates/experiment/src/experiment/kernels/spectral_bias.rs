//! Low frequencies are learned before high ones.

use super::{at, banded};
use crate::experiment::parameter::Handle;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Number, Parameter, Setup,
    Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Style, Width};
use crate::problem::dense;
use crate::problem::kernel::{Modes, gram, tangent_of_both};
use crate::problem::relu::TwoLayer;
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};
use faer::{Col, ColRef, Mat};
use std::f64::consts::TAU;

const POINTS: Count = Count::new("points", "places on the unit interval, evenly spaced", 128)
    .quick(64)
    .allowed(32.0, 1000.0);
const LOW: Count = Count::new("low", "periods of the slow part of the target", 1).allowed(1.0, 5.0);
const HIGH: Count = Count::new("high", "periods of its fast part", 10).allowed(2.0, 15.0);
const HEIGHT: Number = Number::new(
    "height",
    "amplitude of the fast part over that of the slow one",
    0.2,
)
.allowed(0.01, 10.0);
const FEATURES: Count = Count::new(
    "features",
    "frequencies of the sines and cosines that replace the place as input",
    12,
)
.allowed(1.0, 15.0);
const RIDGE: Number =
    Number::new("ridge", "ridge, over the number of points", 0.002).allowed(1e-9, 10.0);
const WIDTH: Count = Count::new(
    "width",
    "hidden units of the networks, half of them twins of the others",
    1024,
)
.quick(512)
.allowed(16.0, 1e5);
const STEPS: Count = Count::new("steps", "steps of the networks", 600)
    .quick(400)
    .allowed(20.0, 1e5);
/// The claims' place in the catalogue of sources.
const ID: &str = "structure Ex.3";
/// How much of a part is learned when it counts as learned.
const LEARNED: f64 = 0.9;

/// What one draw gives.
struct Draw {
    /// Learned shares of the slow and the fast part by a network over the steps, and by its kernel.
    network: [Vec<f64>; 2],
    kernel: [Vec<f64>; 2],
}

/// Spectral bias.
#[derive(Debug)]
pub struct SpectralBias;

impl Experiment for SpectralBias {
    fn about(&self) -> About {
        About {
            name: "spectral-bias",
            subject: Subject::Kernels,
            claim: "Gradient descent learns low frequencies before high ones, in the order of the kernel's eigenvalues.",
            source: "The Mathematical Structure of Machine Learning (course text), Example 3; Rahaman et al. 2019, On the spectral bias of neural networks",
            mathematics: "The target sin(2πx) + 0.2 sin(20πx) on the unit interval is fitted by a two-layer ReLU network of the input (2x − 1, 1). With its \
                tangent kernel a mode of the eigenvalue λ is learned to the share 1 − e^(−λt), and a ridge γ keeps it at λ/(λ + γ) for ever. \
                Smooth functions belong to large eigenvalues. With sines and cosines up to a frequency as inputs the eigenvalues of the \
                frequencies below it are near to each other.",
            refuted_by: "A fast part that is learned as early as the slow one.",
            seeds: Extent { full: 10, quick: 8 },
            seconds: Extent {
                full: 2.3,
                quick: 0.4,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            POINTS.parameter(),
            LOW.parameter(),
            HIGH.parameter(),
            HEIGHT.parameter(),
            FEATURES.parameter(),
            RIDGE.parameter(),
            WIDTH.parameter(),
            STEPS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        if setup.get(HIGH) <= setup.get(LOW) {
            return Err(ExperimentError::because("`high` must be above `low`"));
        }
        let draws = setup.over_seeds(|streams| one(setup, streams))?;
        let plain = Modes::of(gram(with_bias(setup).as_ref(), tangent_of_both).as_ref())?;
        let features = Modes::of(gram(fourier(setup).as_ref(), tangent_of_both).as_ref())?;
        let findings = Findings::new()
            .claims(of_networks(setup, &draws))
            .claims(of_kernels(setup, &plain, &features));
        Ok(findings.figure("parts-over-time", figure(setup, &draws, &plain, &features)))
    }
}

fn places(setup: &Setup) -> Vec<f64> {
    let count = setup.get(POINTS);
    (0..count)
        .map(|index| (index as f64 + 0.5) / count as f64)
        .collect()
}

fn with_bias(setup: &Setup) -> Mat<f64> {
    let places = places(setup);
    Mat::from_fn(places.len(), 2, |row, column| {
        if column == 0 {
            2.0 * places[row] - 1.0
        } else {
            1.0
        }
    })
}

fn fourier(setup: &Setup) -> Mat<f64> {
    let (places, count) = (places(setup), setup.get(FEATURES));
    Mat::from_fn(places.len(), 2 * count, |row, column| {
        let angle = TAU * places[row] * (1 + column % count) as f64;
        let value = if column < count {
            angle.sin()
        } else {
            angle.cos()
        };
        value / (count as f64).sqrt()
    })
}

/// The slow and the fast part of the target, with amplitude 1.
fn waves(setup: &Setup) -> [Col<f64>; 2] {
    let places = places(setup);
    [LOW, HIGH].map(|periods| {
        Col::from_fn(places.len(), |index| {
            (TAU * setup.get(periods) as f64 * places[index]).sin()
        })
    })
}

fn target(setup: &Setup) -> Col<f64> {
    let [low, high] = waves(setup);
    low + faer::Scale(setup.get(HEIGHT)) * high
}

/// The learned shares of the slow and the fast part in some outputs.
fn shares(setup: &Setup, outputs: ColRef<f64>) -> [f64; 2] {
    let [low, high] = waves(setup);
    let along = |wave: &Col<f64>| dense::dot(outputs, wave.as_ref()) / wave.squared_norm_l2();
    [along(&low), along(&high) / setup.get(HEIGHT)]
}

fn one(setup: &Setup, streams: Streams) -> Result<Draw, ExperimentError> {
    let (points, target) = (with_bias(setup), target(setup));
    let mut rng = streams.stream("weights", 0);
    let mut network = TwoLayer::with_normals(&mut rng, setup.get(WIDTH).div_ceil(2), 2).paired();
    let modes = Modes::of(network.tangent(points.as_ref()).as_ref())?;
    let rate = 1.0 / modes.largest();
    let mut draw = Draw {
        network: [Vec::new(), Vec::new()],
        kernel: [Vec::new(), Vec::new()],
    };
    for step in 0..=setup.get(STEPS) {
        setup.go_on()?;
        let outputs = network.descend(points.as_ref(), target.as_ref(), rate) + &target;
        let fixed = modes.filtered(target.as_ref(), |value| {
            1.0 - (1.0 - rate * value).max(0.0).powi(step as i32)
        });
        let (of_network, of_kernel) = (
            shares(setup, outputs.as_ref()),
            shares(setup, fixed.as_ref()),
        );
        for part in 0..2 {
            draw.network[part].push(of_network[part]);
            draw.kernel[part].push(of_kernel[part]);
        }
    }
    Ok(draw)
}

/// The time at which a part is learned with a kernel: by halving, in units of the inverse of the largest eigenvalue.
fn time_of(setup: &Setup, modes: &Modes, part: usize) -> f64 {
    let target = target(setup);
    let share = |time: f64| {
        let learned = |value: f64| -(-time * value.max(0.0) / modes.largest()).exp_m1();
        shares(setup, modes.filtered(target.as_ref(), learned).as_ref())[part]
    };
    let (mut low, mut high) = (-2.0, 12.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if share(10f64.powf(middle)) < LEARNED {
            low = middle
        } else {
            high = middle
        }
    }
    10f64.powf(high)
}

fn of_networks(setup: &Setup, draws: &[Draw]) -> Vec<Claim> {
    let then = |draw: &Draw| {
        let step = draw.network[0].iter().position(|share| *share >= LEARNED);
        step.map_or(f64::NAN, |step| draw.network[1][step])
    };
    let off = |draw: &Draw| {
        let pairs = (0..2).flat_map(|part| draw.network[part].iter().zip(&draw.kernel[part]));
        pairs.fold(0.0, |most: f64, (network, kernel)| {
            most.max((network - kernel).abs())
        })
    };
    let mean =
        |of: &dyn Fn(&Draw) -> f64| Estimate::mean(&draws.iter().map(of).collect::<Vec<_>>());
    let (width, low, high) = (setup.get(WIDTH), setup.get(LOW), setup.get(HIGH));
    let order = format!(
        "When a network of {width} units has learned 90 % of the slow part, it has learned less than half of the fast one (slow: {low}, fast: {high} periods): share"
    );
    let rates = format!(
        "Networks of {width} units learn the parts as their kernels' modes are multiplied by 1 − e^(−λt), here 1 − (1 − ηλ)ᵗ, to a tenth: largest difference of the shares"
    );
    vec![
        Claim::printed(ID, order, Rule::Below(0.5), mean(&then)),
        Claim::printed(ID, rates, Rule::Below(0.1), mean(&off)),
    ]
}

fn of_kernels(setup: &Setup, plain: &Modes, features: &Modes) -> Vec<Claim> {
    let ratio = |modes: &Modes| time_of(setup, modes, 1) / time_of(setup, modes, 0);
    let (of_place, of_waves) = (ratio(plain), ratio(features));
    let ridge = setup.get(RIDGE) * setup.get(POINTS) as f64;
    let kept = plain.filtered(target(setup).as_ref(), |value| value / (value + ridge));
    let kept = shares(setup, kept.as_ref());
    let exact = |value: f64| Estimate::exact(value, 1e-6 * value);
    let times = |input: &str| {
        format!(
            "With {input} as input of the tangent kernel the fast part takes more than 10 times as long as the slow one to be learned to 90 %: ratio of the times"
        )
    };
    let waves = format!("sines and cosines up to {} periods", setup.get(FEATURES));
    let forward = format!(
        "With {waves} as input the fast part comes forward against the slow one: ratio of the times over that with the place"
    );
    let ridge = |what: &str| format!("A ridge of {} n {what}: share", setup.get(RIDGE));
    let (fast, slow) = (
        ridge("keeps the fast part below half for ever"),
        ridge("lets the slow part be learned to 90 %"),
    );
    vec![
        Claim::printed(ID, times("the place"), Rule::Above(10.0), exact(of_place)),
        Claim::must_fail(ID, times(&waves), Rule::Above(10.0), exact(of_waves)),
        Claim::printed(ID, forward, Rule::Below(1.0), exact(of_waves / of_place)),
        Claim::printed(ID, fast, Rule::Below(0.5), exact(kept[1])),
        Claim::printed(ID, slow, Rule::Above(LEARNED), exact(kept[0])),
    ]
}

fn figure(setup: &Setup, draws: &[Draw], plain: &Modes, features: &Modes) -> Figure {
    let names = ["slow part", "fast part"].map(str::to_owned);
    let steps: Vec<f64> = (0..=setup.get(STEPS)).map(|step| step as f64).collect();
    let y = || {
        Axis::new("share that is learned", "1")
            .linear()
            .over([-0.05, 1.15])
    };
    let mut networks = Panel::new(Axis::counting("steps"), y())
        .titled(format!("networks, {} units", setup.get(WIDTH)));
    let times: Vec<f64> = (0..=60)
        .map(|index| 10f64.powf(f64::from(index) / 10.0))
        .collect();
    let target = target(setup);
    let panel = |modes: &Modes, title: &str| {
        let rows: Vec<[f64; 2]> = times
            .iter()
            .map(|time| {
                let learned = |value: f64| -(-time * value.max(0.0) / modes.largest()).exp_m1();
                shares(setup, modes.filtered(target.as_ref(), learned).as_ref())
            })
            .collect();
        let panel = Panel::new(Axis::new("time", "1/λ₁").log(), y()).titled(title);
        (0..2).fold(panel, |panel, part| {
            panel.with(Line::new(
                names[part].clone(),
                times.clone(),
                rows.iter().map(|row| row[part]).collect(),
            ))
        })
    };
    for (part, name) in names.iter().enumerate() {
        let rows: Vec<Vec<f64>> = draws
            .iter()
            .map(|draw| draw.network[part].clone())
            .collect();
        networks = networks.with(banded(name.clone(), &steps, &rows));
    }
    for part in 0..2 {
        let rows: Vec<Vec<f64>> = draws.iter().map(|draw| draw.kernel[part].clone()).collect();
        let medians = (0..steps.len())
            .map(|place| Estimate::median(&at(&rows, place)).value)
            .collect();
        let label = if part == 0 { "their kernels" } else { "" };
        networks = networks.with(Line::new(label, steps.clone(), medians).styled(Style::REFERENCE));
    }
    let figure = Figure::new("A slow and a fast part of a target in training")
        .with(networks)
        .with(panel(plain, "kernel, place as input"))
        .with(panel(features, "kernel, waves as input"));
    Figure {
        columns: 3,
        width: Width::Page,
        ..figure
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn the_target_has_all_of_both_parts_and_waves_are_unit_vectors() {
        let stop = AtomicBool::new(false);
        let setup = Setup::new(BTreeMap::new(), vec![0], true, &stop);
        for share in shares(&setup, target(&setup).as_ref()) {
            assert!((share - 1.0).abs() < 1e-12);
        }
        let waves = fourier(&setup);
        assert!((waves.row(3).norm_l2() - 1.0).abs() < 1e-12);
    }
}
