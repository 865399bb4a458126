//! Random Fourier features of a Gaussian kernel: the shortest fit in more and more dimensions.

use super::{beside, curve, each, style};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Rule as Mark};
use crate::problem::spectra::shortest_fits;
use crate::problem::{dense, draw};
use crate::random::{StreamRng, Streams};
use crate::statistics::{Estimate, Rule, mean};
use faer::{Col, Mat, Scale};
use rand::RngExt;
use std::f64::consts::TAU;

/// Training samples.
const SAMPLES: usize = DIMENSIONS[ONE];
const INPUTS: Count = Count::new("inputs", "dimensions of the inputs", 5).allowed(2.0, 20.0);
const SPREAD: Number =
    Number::new("spread", "standard deviation of the inputs", 0.4).allowed(0.2, 2.0);
const NOISE: Number = Number::new(
    "noise",
    "standard deviation of the label noise; the target has variance near 1",
    0.2,
)
.allowed(0.0, 10.0);

/// The dimensions.
const DIMENSIONS: [usize; 14] = [5, 10, 20, 30, 36, 40, 44, 50, 60, 80, 160, 320, 640, 1_280];
const QUARTER: usize = 1;
const ONE: usize = 5;
const DOUBLE: usize = 9;
const LAST: usize = 13;

/// Test points.
const TESTS: usize = 60;

/// Double descent with random Fourier features.
#[derive(Debug)]
pub struct RandomFourierFeatures;

#[derive(Debug, Default)]
struct Measured {
    test: Vec<f64>,
    noisy: Vec<f64>,
    training: Vec<f64>,
    to_kernel: Vec<f64>,
    to_another: f64,
    kernel: f64,
    as_printed: f64,
    normalised: f64,
}

impl Experiment for RandomFourierFeatures {
    fn about(&self) -> About {
        About {
            name: "random-fourier-features",
            subject: Subject::DoubleDescent,
            claim: "With more random Fourier features than samples the test error of the shortest \
                fit falls again, towards the kernel's.",
            source: "Inductive bias of optimisation (lecture notes); Rahimi & Recht (2007), Random \
                features for large-scale kernel machines.",
            mathematics: "With frequencies ω from N(0, 2I) and phases θ even on the circle, the mean of \
                cos(ω·x + θ)cos(ω·x' + θ) is ½exp(−‖x − x'‖²). So the features √(2/d)·cos(ω·x + \
                θ) have the Gaussian kernel as the mean of their products, from which they \
                differ by order 1/√d; with 1/√d in front it is half the kernel, which changes no \
                shortest fit. The shortest least-squares fit interpolates from d = n on, has its \
                largest error there, and comes nearer to kernel regression as 1/√d. The target \
                is a sum of kernel functions.",
            refuted_by: "A test error that does not fall past d = n, or a distance to kernel regression \
                that stays.",
            seeds: Extent {
                full: 60,
                quick: 24,
            },
            seconds: Extent {
                full: 1.7,
                quick: 0.7,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![INPUTS.parameter(), SPREAD.parameter(), NOISE.parameter()]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let all = setup.over_seeds(|streams| measure(setup, streams))?;
        Ok(Findings::new()
            .claims(of_the_peak(&all))
            .claims(of_the_second_descent(&all))
            .claims(of_the_kernel(&all))
            .claims(of_another_kernel(&all))
            .figure("errors", figure(&all)))
    }
}

/// Inputs with the values of a target there, and noise.
struct Task {
    train: Mat<f64>,
    test: Mat<f64>,
    labels: Col<f64>,
    noise: Col<f64>,
    truth: Col<f64>,
}

impl Task {
    fn drawn(setup: &Setup, streams: Streams) -> Self {
        let mut rng = streams.stream("data", 0);
        let points = |rng: &mut StreamRng, count| {
            Scale(setup.get(SPREAD)) * draw::gaussian(rng, count, setup.get(INPUTS))
        };
        let train = points(&mut rng, SAMPLES);
        let (test, centres) = (points(&mut rng, TESTS), points(&mut rng, 20));
        let weights = draw::normals(&mut rng, 20);
        // The variance of the target is that of its weights through the kernel.
        let own = kernel(&centres, &centres, 1.0);
        let size = dense::dot(weights.as_ref(), (&own * &weights).as_ref()).sqrt();
        let target = |x: &Mat<f64>| Scale(1.0 / size) * (kernel(x, &centres, 1.0) * &weights);
        Self {
            labels: target(&train),
            noise: Scale(setup.get(NOISE)) * draw::normals(&mut rng, SAMPLES),
            truth: target(&test),
            train,
            test,
        }
    }

    /// What regression with a Gaussian kernel of a width predicts.
    fn regression(&self, width: f64) -> Result<Col<f64>, ExperimentError> {
        let own = kernel(&self.train, &self.train, width);
        let weights = dense::least_norm(own.as_ref(), self.labels.as_ref())?;
        Ok(kernel(&self.test, &self.train, width) * weights)
    }

    /// The mean over pairs of training points of products of features over their kernel.
    fn product_ratio(&self, features: &Mat<f64>) -> f64 {
        let products = features * features.transpose();
        let exact = kernel(&self.train, &self.train, 1.0);
        let ratios: Vec<f64> = (1..self.train.nrows())
            .map(|row| products[(row, row - 1)] / exact[(row, row - 1)])
            .collect();
        mean(&ratios)
    }
}

fn measure(setup: &Setup, streams: Streams) -> Result<Measured, ExperimentError> {
    let task = Task::drawn(setup, streams);
    let limit = task.regression(1.0)?;
    let apart = |a: &Col<f64>, b: &Col<f64>| (a - b).norm_l2() / limit.norm_l2();
    let mut found = Measured {
        kernel: distance(&limit, &task.truth).powi(2),
        ..Measured::default()
    };
    for (place, dimension) in DIMENSIONS.into_iter().enumerate() {
        setup.go_on()?;
        let mut rng = streams.stream("features", place as u64);
        let inputs = [&task.train, &task.test];
        let [features, of_test] = features_of(&mut rng, dimension, 1.0, inputs);
        let [fit, to_noise] = shortest_fits(&features, [&task.labels, &task.noise])?;
        let predicted = &of_test * &fit;
        let noisy = &predicted + &of_test * to_noise;
        let residual = distance(&(&features * &fit), &task.labels);
        found.test.push(distance(&predicted, &task.truth).powi(2));
        found.noisy.push(distance(&noisy, &task.truth).powi(2));
        found.training.push(residual.powi(2));
        found.to_kernel.push(apart(&predicted, &limit));
        if place == LAST {
            found.to_another = apart(&predicted, &task.regression(2.0)?);
            found.as_printed = task.product_ratio(&features);
            // Features of the other scale are drawn anew: what is measured of them is a number of its own.
            let mut rng = streams.stream("scaled features", 0);
            let [scaled] = features_of(&mut rng, dimension, 2f64.sqrt(), [&task.train]);
            found.normalised = task.product_ratio(&scaled);
        }
    }
    Ok(found)
}

/// The root of the mean squared difference.
fn distance(a: &Col<f64>, b: &Col<f64>) -> f64 {
    (a - b).norm_l2() / (a.nrows() as f64).sqrt()
}

/// `exp(−‖x − x'‖²/width²)` for all rows of both.
fn kernel(left: &Mat<f64>, right: &Mat<f64>, width: f64) -> Mat<f64> {
    Mat::from_fn(left.nrows(), right.nrows(), |row, column| {
        (-(left.row(row) - right.row(column)).squared_norm_l2() / (width * width)).exp()
    })
}

/// `size · cos(ω·x + θ)/√d`, at several sets of points.
fn features_of<const SETS: usize>(
    rng: &mut StreamRng,
    dimension: usize,
    size: f64,
    inputs: [&Mat<f64>; SETS],
) -> [Mat<f64>; SETS] {
    let frequencies = Scale(2f64.sqrt()) * draw::gaussian(rng, inputs[0].ncols(), dimension);
    let phases: Vec<f64> = (0..dimension).map(|_| rng.random_range(0.0..TAU)).collect();
    let scale = size / (dimension as f64).sqrt();
    inputs.map(|inputs| {
        let product = inputs * &frequencies;
        Mat::from_fn(product.nrows(), dimension, |row, column| {
            scale * (product[(row, column)] + phases[column]).cos()
        })
    })
}

fn of_the_peak(all: &[Measured]) -> Vec<Claim> {
    let id = "inductive-bias N5";
    let below =
        |errors: &[f64]| errors[LAST] / errors[..ONE].iter().copied().fold(f64::INFINITY, f64::min);
    let training = each(all, |one| {
        one.training[ONE..].iter().copied().fold(0.0, f64::max)
    });
    let falling: Vec<Vec<f64>> = (ONE + 1..=LAST)
        .map(|place| each(all, |one| -one.test[place].ln()))
        .collect();
    vec![
        Claim::printed(
            id,
            "From d = n on the training error is none (largest over d, below 1e-8).",
            Rule::Below(1e-8),
            Estimate::mean(&training),
        ),
        Claim::printed(
            id,
            "With label noise the test error has a peak at d = n: it is more than 5 times that at \
            n/4 (median ratio).",
            Rule::Above(5.0),
            Estimate::median(&each(all, |one| one.noisy[ONE] / one.noisy[QUARTER])),
        ),
        Claim::printed(
            id,
            "Without noise the test error falls past d = n at every step from 1.1n to 32n (least \
            fall of the logarithm).",
            Rule::Above(0.0),
            Estimate::smallest_step(&falling),
        ),
        Claim::printed(
            id,
            "It falls below what it was with fewer features than samples: at 32n it is below the \
            smallest of those (median ratio).",
            Rule::Below(1.0),
            Estimate::median(&each(all, |one| below(&one.test))),
        ),
    ]
}

fn of_the_second_descent(all: &[Measured]) -> Vec<Claim> {
    let id = "inductive-bias N5";
    let below =
        |errors: &[f64]| errors[LAST] / errors[..ONE].iter().copied().fold(f64::INFINITY, f64::min);
    vec![Claim::must_fail(
        id,
        "With label noise, which the shortest fit fits, it ends below the smallest of those, \
            too (median ratio).",
        Rule::Below(1.0),
        Estimate::median(&each(all, |one| below(&one.noisy))),
    )]
}

fn of_the_kernel(all: &[Measured]) -> Vec<Claim> {
    let id = "inductive-bias N5";
    let places: Vec<usize> = (DOUBLE + 1..=LAST).collect();
    let logs: Vec<f64> = places
        .iter()
        .map(|&place| (DIMENSIONS[place] as f64).ln())
        .collect();
    let slopes = each(all, |one| {
        let distances: Vec<f64> = places
            .iter()
            .map(|&place| one.to_kernel[place].ln())
            .collect();
        Estimate::slope(&logs, &distances).value
    });
    let mean = |of: fn(&Measured) -> f64| Estimate::mean(&each(all, of));
    vec![
        Claim::printed(
            id,
            "The distance to kernel regression falls as 1/√d: slope −½ in logarithms, within 0.1, \
            from 4n to 32n.",
            Rule::Equals {
                value: -0.5,
                tolerance: 0.1,
            },
            Estimate::mean(&slopes),
        ),
        Claim::printed(
            id,
            "With 1/√d before the cosine the products are the Gaussian kernel, within 10 % at 32n \
            (mean ratio).",
            Rule::Equals {
                value: 1.0,
                tolerance: 0.1,
            },
            mean(|one| one.as_printed),
        ),
    ]
}

fn of_another_kernel(all: &[Measured]) -> Vec<Claim> {
    let id = "inductive-bias N5";
    let mean = |of: fn(&Measured) -> f64| Estimate::mean(&each(all, of));
    vec![
        Claim::corrected(
            id,
            "They are with √(2/d), within 10 % (mean ratio).",
            Rule::Equals {
                value: 1.0,
                tolerance: 0.1,
            },
            mean(|one| one.normalised),
        ),
        Claim::must_fail(
            id,
            "At 32n the fit is as near to regression with a kernel of twice the width: the ratio \
            of the distances is below 1.5 (median).",
            Rule::Below(1.5),
            Estimate::median(&each(all, |one| one.to_another / one.to_kernel[LAST])),
        ),
    ]
}

fn shown(
    all: &[Measured],
    label: &str,
    of: impl Fn(&Measured) -> Vec<f64>,
    [colour, dash]: [usize; 2],
) -> Line {
    let x = DIMENSIONS.map(|dimension| dimension as f64);
    let draws: Vec<Vec<f64>> = all.iter().map(of).collect();
    curve(label, &x, &draws).styled(style(colour, dash))
}

fn figure(all: &[Measured]) -> Figure {
    let panel = |title: &str, y: &str| {
        Panel::new(Axis::counting("dimension d").log(), Axis::new(y, "1").log())
            .titled(title)
            .with(Mark::upright("d = n", DIMENSIONS[ONE] as f64))
    };
    // A training error of rounding only has no place beside the others.
    let seen = |value: &f64| if *value > 1e-9 { *value } else { f64::NAN };
    let training = |one: &Measured| one.training.iter().map(seen).collect();
    let kernel = |one: &Measured| vec![one.kernel; DIMENSIONS.len()];
    let errors = panel("errors", "squared error")
        .with(shown(all, "test", |one| one.test.clone(), [0, 0]).with_markers())
        .with(shown(all, "test, noisy labels", |one| one.noisy.clone(), [4, 3]).with_markers())
        .with(shown(all, "training", training, [1, 1]).with_markers())
        .with(shown(all, "test of the kernel", kernel, [2, 2]));
    let distances = panel("distance to kernel regression", "share")
        .with(shown(all, "distance", |one| one.to_kernel.clone(), [3, 3]).with_markers());
    let figure = Figure::new("Shortest fits on random Fourier features")
        .described(
            "Test and training error, and the distance to kernel regression, over the number of \
            features.",
        )
        .with(errors)
        .with(distances);
    beside(figure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_features_are_half_the_kernel() {
        let mut rng = Streams::new(0).stream("test", 0);
        let inputs = Scale(0.4) * draw::gaussian(&mut rng, 2, 3);
        let [found] = features_of(&mut rng, 200_000, 1.0, [&inputs]);
        let product = (&found * found.transpose())[(0, 1)];
        assert!((product - 0.5 * kernel(&inputs, &inputs, 1.0)[(0, 1)]).abs() < 5e-3);
    }
}
