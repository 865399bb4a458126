//! Convolutional networks, and the operations that have kernels of their own, on the processor.
//!
//! Prints one JSON line per case: the median, over rounds, of the seconds one call takes.
//! `benches/compare_kernels.py` runs the same work in PyTorch and prints ratios.

use burn::tensor::module::conv2d as library_conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{DType, Device, Tensor, TensorData};
use lab::dual::Dual;
use lab::kernel;
use lab::random::Streams;
use rand::RngExt;
use std::hint::black_box;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 15;
const SECONDS_PER_ROUND: f64 = 0.15;
const BATCH: usize = 128;

/// Channels in and out, stride, and height of the input.
const LAYERS: [(usize, usize, usize, usize); 6] = [
    (3, 16, 1, 32),
    (16, 16, 1, 32),
    (16, 32, 2, 32),
    (32, 32, 1, 16),
    (32, 64, 2, 16),
    (64, 64, 1, 8),
];

type Convolution = fn(Tensor<4>, Tensor<4>, usize, usize) -> Tensor<4>;

fn main() {
    let mut numbers = Numbers(0);
    for (name, convolution) in [
        ("kernel", kernel::conv2d as Convolution),
        ("library", library),
    ] {
        for (index, layer) in LAYERS.into_iter().enumerate() {
            report_layer(
                &format!("layer-{index}"),
                name,
                layer,
                convolution,
                &mut numbers,
            );
        }
        report_network("six-convolutions", name, convolution, &mut numbers);
    }
}

fn library(x: Tensor<4>, w: Tensor<4>, stride: usize, padding: usize) -> Tensor<4> {
    let options = ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1);
    library_conv2d(x, w, None, options)
}

/// Tensors of uniform numbers around 0, each from its own stream.
struct Numbers(u64);

impl Numbers {
    fn tensor<const D: usize>(&mut self, shape: [usize; D], size: f32) -> Tensor<D> {
        self.0 += 1;
        let mut rng = Streams::new(0).stream("bench", self.0);
        let count: usize = shape.iter().product();
        let values = (0..count).map(|_| (rng.random::<f32>() - 0.5) * size);
        let data = TensorData::new(values.collect::<Vec<f32>>(), shape);
        Tensor::from_data(data, (&Device::flex(), DType::F32))
    }
}

fn report(case: &str, what: &str, own: &str, seconds: f64) {
    println!(
        "{{\"case\": \"{case}\", \"what\": \"{what}\", \"of\": \"{own}\", \"seconds\": {seconds:e}}}"
    );
}

fn report_layer(
    case: &str,
    own: &str,
    (inputs, outputs, stride, extent): (usize, usize, usize, usize),
    convolution: Convolution,
    numbers: &mut Numbers,
) {
    let input = numbers.tensor([BATCH, inputs, extent, extent], 1.0);
    let weight = numbers.tensor([outputs, inputs, 3, 3], 1.0);
    let forward = || {
        black_box(convolution(input.clone(), weight.clone(), stride, 1));
    };
    report(case, "forward", own, median_seconds(forward));
    // The reverse pass of the sum adds a constant fill to what is measured.
    for (what, tracked) in [("input", [true, false]), ("weight", [false, true])] {
        let [x, w] = [(&input, tracked[0]), (&weight, tracked[1])].map(|(tensor, tracked)| {
            let tensor = tensor.clone().autodiff();
            if tracked {
                tensor.require_grad()
            } else {
                tensor
            }
        });
        let pass = || {
            black_box(
                convolution(x.clone(), w.clone(), stride, 1)
                    .sum()
                    .backward(),
            );
        };
        report(
            case,
            &format!("forward-and-{what}-gradient"),
            own,
            median_seconds(pass),
        );
    }
}

fn dual_convolution(x: Dual<4>, w: Dual<4>, stride: usize, convolution: Convolution) -> Dual<4> {
    let left = x
        .tangent
        .map(|tangent| convolution(tangent, w.value.clone(), stride, 1));
    let right = w
        .tangent
        .map(|tangent| convolution(x.value.clone(), tangent, stride, 1));
    let tangent = match (left, right) {
        (Some(left), Some(right)) => Some(left + right),
        (left, right) => left.or(right),
    };
    Dual::new(convolution(x.value, w.value, stride, 1), tangent)
}

/// Convolutions with ReLU, the mean over positions, a linear layer, cross-entropy.
fn report_network(case: &str, own: &str, convolution: Convolution, numbers: &mut Numbers) {
    let images = numbers.tensor([BATCH, 3, 32, 32], 1.0);
    let targets: Vec<f32> = (0..BATCH * 10)
        .map(|index| f32::from(index / 10 % 10 == index % 10))
        .collect();
    let targets = TensorData::new(targets, [BATCH, 10]);
    let targets = Tensor::<2>::from_data(targets, (&Device::flex(), DType::F32));
    let weights = LAYERS.map(|(inputs, outputs, ..)| {
        let size = 2.0 * (6.0 / (9 * inputs) as f32).sqrt();
        numbers.tensor([outputs, inputs, 3, 3], size)
    });
    let directions =
        LAYERS.map(|(inputs, outputs, ..)| numbers.tensor([outputs, inputs, 3, 3], 1.0));
    let (last, last_direction) = (numbers.tensor([10, 64], 0.5), numbers.tensor([10, 64], 1.0));
    let losses = |along: bool| {
        let tangent = |direction: &Tensor<4>| along.then(|| direction.clone().autodiff());
        let mut x = Dual::constant(images.clone().autodiff());
        let mut leaves = Vec::new();
        for ((weight, direction), (_, _, stride, _)) in weights.iter().zip(&directions).zip(LAYERS)
        {
            let leaf = weight.clone().autodiff().require_grad();
            let weight = Dual::new(leaf.clone(), tangent(direction));
            leaves.push(leaf);
            x = dual_convolution(x, weight, stride, convolution).relu();
        }
        let pooled = x
            .reshape([BATCH, 64, 64])
            .sum_dim(2)
            .scale(1.0 / 64.0)
            .reshape([BATCH, 64]);
        let leaf = last.clone().autodiff().require_grad();
        let head = Dual::new(leaf, along.then(|| last_direction.clone().autodiff()));
        let outputs = pooled.linear(head, None);
        let losses = lab::dual::cross_entropy(outputs, targets.clone().autodiff());
        (losses.mean(), leaves)
    };
    let gradient = || {
        black_box(losses(false).0.value.backward());
    };
    report(case, "gradient", own, median_seconds(gradient));
    let product = || {
        black_box(losses(true).0.tangent.expect("a tangent").backward());
    };
    report(case, "hvp", own, median_seconds(product));
}

/// The median over rounds of the mean seconds per call; rounds last equally long.
fn median_seconds(mut call: impl FnMut()) -> f64 {
    let start = Instant::now();
    call();
    call();
    let calls = (SECONDS_PER_ROUND / (start.elapsed().as_secs_f64() / 2.0)).ceil() as usize;
    let calls = calls.clamp(3, 2000);
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            (0..calls).for_each(|_| call());
            start.elapsed().as_secs_f64() / calls as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}
