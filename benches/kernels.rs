//! The operations that have kernels of their own, beside Burn's, on the processor.
//!
//! Prints one JSON line per case: the median, over rounds, of the seconds one call takes.
//! `benches/compare_kernels.py` runs the same work in PyTorch and prints ratios.

mod timing;

use burn::tensor::module::conv2d as library_conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{DType, Device, Tensor, TensorData};
use lab::dual::{Dual, cross_entropy};
use lab::kernel;
use lab::random::Streams;
use rand::RngExt;
use std::hint::black_box;
use timing::median_seconds;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 9;
const SECONDS_PER_ROUND: f64 = 0.05;
const BATCH: usize = 128;

/// Channels in and out, stride, and height of the input of six 3×3 convolutions.
const LAYERS: [(usize, usize, usize, usize); 6] = [
    (3, 16, 1, 32),
    (16, 16, 1, 32),
    (16, 32, 2, 32),
    (32, 32, 1, 16),
    (32, 64, 2, 16),
    (64, 64, 1, 8),
];

type Convolution = fn(Tensor<4>, Tensor<4>, usize, usize) -> Tensor<4>;
type Function = fn(Tensor<1>) -> Tensor<1>;

fn main() {
    // `cargo bench` passes flags of the standard harness; words are filters on the case.
    let filters: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let wanted = |case: &str| filters.is_empty() || filters.iter().any(|word| case.contains(word));
    for (of, convolution) in [
        ("kernel", kernel::conv2d as Convolution),
        ("library", library),
    ] {
        for (index, layer) in LAYERS.into_iter().enumerate() {
            let case = format!("layer-{index}");
            if wanted(&case) {
                time_layer(&case, of, layer, convolution);
            }
        }
        for (case, body) in [
            ("six-convolutions", six_convolutions as Body),
            ("resnet-20", residual_network),
        ] {
            if wanted(case) {
                time_network(case, of, body, convolution);
            }
        }
    }
    for (case, own, library) in [
        ("tanh", kernel::tanh as Function, Tensor::tanh as Function),
        ("exp", kernel::exp, Tensor::exp),
        ("erf", kernel::erf, Tensor::erf),
    ] {
        if wanted(case) {
            let input = Numbers::new("input").tensor([1 << 18], 8.0);
            for (of, function) in [("kernel", own), ("library", library)] {
                let call = || {
                    black_box(function(input.clone()));
                };
                report(
                    case,
                    "forward",
                    of,
                    median_seconds(ROUNDS, SECONDS_PER_ROUND, call),
                );
            }
        }
    }
}

fn library(x: Tensor<4>, w: Tensor<4>, stride: usize, padding: usize) -> Tensor<4> {
    let options = ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1);
    library_conv2d(x, w, None, options)
}

/// Tensors of uniform numbers around 0, each from its own stream.
struct Numbers {
    name: &'static str,
    count: u64,
}

impl Numbers {
    fn new(name: &'static str) -> Self {
        Self { name, count: 0 }
    }

    fn tensor<const D: usize>(&mut self, shape: [usize; D], width: f64) -> Tensor<D> {
        self.count += 1;
        let mut rng = Streams::new(0).stream(self.name, self.count);
        let count: usize = shape.iter().product();
        let values = (0..count).map(|_| ((rng.random::<f64>() - 0.5) * width) as f32);
        on_device(values.collect(), shape)
    }
}

fn on_device<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    let data = TensorData::new(values, shape);
    Tensor::from_data(data, (&Device::flex(), DType::F32))
}

fn report(case: &str, what: &str, of: &str, seconds: f64) {
    println!(
        "{{\"case\": \"{case}\", \"what\": \"{what}\", \"of\": \"{of}\", \"seconds\": {seconds:e}}}"
    );
}

/// The forward pass, and the forward pass with the gradient in one operand of the outputs' sum.
fn time_layer(
    case: &str,
    of: &str,
    (inputs, outputs, stride, extent): (usize, usize, usize, usize),
    convolution: Convolution,
) {
    let mut numbers = Numbers::new("layer");
    let input = numbers.tensor([BATCH, inputs, extent, extent], 1.0);
    let weight = numbers.tensor([outputs, inputs, 3, 3], 1.0);
    let forward = || {
        black_box(convolution(input.clone(), weight.clone(), stride, 1));
    };
    report(
        case,
        "forward",
        of,
        median_seconds(ROUNDS, SECONDS_PER_ROUND, forward),
    );
    let leaf = |tensor: &Tensor<4>| tensor.clone().autodiff().require_grad();
    for (what, x, w) in [
        ("forward and input", leaf(&input), weight.clone().autodiff()),
        (
            "forward and weight",
            input.clone().autodiff(),
            leaf(&weight),
        ),
    ] {
        let pass = || {
            let output = convolution(x.clone(), w.clone(), stride, 1);
            black_box(output.sum().backward());
        };
        report(
            case,
            what,
            of,
            median_seconds(ROUNDS, SECONDS_PER_ROUND, pass),
        );
    }
}

/// The weights of a network, made as they are asked for, and handed out again in later passes.
struct Weights {
    numbers: Numbers,
    values: Vec<Tensor<4>>,
    directions: Vec<Tensor<4>>,
    next: usize,
    along: bool,
    convolution: Convolution,
}

impl Weights {
    /// The next weight as a leaf, with its direction as tangent where one is wanted.
    fn next(&mut self, shape: [usize; 4]) -> Dual<4> {
        if self.next == self.values.len() {
            let width = (24.0 / (shape[1] * shape[2] * shape[3]) as f64).sqrt();
            self.values.push(self.numbers.tensor(shape, width));
            self.directions.push(self.numbers.tensor(shape, width));
        }
        let leaf = self.values[self.next].clone().autodiff().require_grad();
        let direction = &self.directions[self.next];
        let tangent = self.along.then(|| direction.clone().autodiff());
        self.next += 1;
        Dual::new(leaf, tangent)
    }

    fn convolve(&mut self, x: Dual<4>, outputs: usize, extent: usize, stride: usize) -> Dual<4> {
        let weight = self.next([outputs, x.dims()[1], extent, extent]);
        let convolve = |x: Tensor<4>, w: Tensor<4>| (self.convolution)(x, w, stride, extent / 2);
        let left = x.tangent.map(|x| convolve(x, weight.value.clone()));
        let right = weight.tangent.map(|w| convolve(x.value.clone(), w));
        let tangent = match (left, right) {
            (Some(left), Some(right)) => Some(left + right),
            (left, right) => left.or(right),
        };
        Dual::new(convolve(x.value, weight.value), tangent)
    }
}

/// From images to `[batch, 64, 8, 8]`.
type Body = fn(&mut Weights, Dual<4>) -> Dual<4>;

fn six_convolutions(weights: &mut Weights, images: Dual<4>) -> Dual<4> {
    LAYERS.iter().fold(images, |x, &(_, outputs, stride, _)| {
        weights.convolve(x, outputs, 3, stride).relu()
    })
}

/// ResNet-20 of He et al. (2016), without normalisation, its shortcuts 1×1 convolutions where the
/// width changes.
fn residual_network(weights: &mut Weights, images: Dual<4>) -> Dual<4> {
    let mut x = weights.convolve(images, 16, 3, 1).relu();
    for (outputs, first_stride) in [(16, 1), (32, 2), (64, 2)] {
        for stride in [first_stride, 1, 1] {
            let inner = weights.convolve(x.clone(), outputs, 3, stride).relu();
            let inner = weights.convolve(inner, outputs, 3, 1);
            let shortcut = match stride {
                1 => x,
                _ => weights.convolve(x, outputs, 1, stride),
            };
            x = (inner + shortcut).relu();
        }
    }
    x
}

/// Gradient and Hessian-vector product of the cross-entropy of the means over positions.
fn time_network(case: &str, of: &str, body: Body, convolution: Convolution) {
    let mut weights = Weights {
        numbers: Numbers::new("weights"),
        values: Vec::new(),
        directions: Vec::new(),
        next: 0,
        along: false,
        convolution,
    };
    let images = Numbers::new("images").tensor([BATCH, 3, 32, 32], 2.0);
    let targets = (0..BATCH * 10).map(|index| f32::from(index / 10 % 10 == index % 10));
    let targets = on_device(targets.collect(), [BATCH, 10]);
    let mut losses = |along: bool| {
        weights.next = 0;
        weights.along = along;
        let features = body(&mut weights, Dual::constant(images.clone().autodiff()));
        let means = features
            .reshape([BATCH, 64, 64])
            .sum_dim(2)
            .scale(1.0 / 64.0);
        let head = weights.next([10, 64, 1, 1]).reshape([10, 64]);
        let outputs = means.reshape([BATCH, 64]).linear(head, None);
        cross_entropy(outputs, targets.clone().autodiff()).mean()
    };
    let gradient = || {
        black_box(losses(false).value.backward());
    };
    report(
        case,
        "gradient",
        of,
        median_seconds(ROUNDS, SECONDS_PER_ROUND, gradient),
    );
    let product = || {
        black_box(losses(true).tangent.expect("a tangent").backward());
    };
    report(
        case,
        "hvp",
        of,
        median_seconds(ROUNDS, SECONDS_PER_ROUND, product),
    );
}
