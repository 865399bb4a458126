//! Training step, gradient and Hessian-vector product of two MLPs, on each CPU backend.
//!
//! Prints one JSON line per case: the median, over rounds, of the seconds one call takes.
//! `benches/compare.py` runs the same work in PyTorch and prints ratios.

use lab::backend::{BackendKind, Compute, Precision};
use lab::config::{Activation, Init, Loss, Method, Momentum, Normalisation, Optimizer};
use lab::model::{Initialisation, Mlp, MlpShape};
use lab::objective::{Batch, Objective};
use lab::optim;
use lab::params::Parameters;
use lab::random::Streams;
use rand::RngExt;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 15;
const SECONDS_PER_ROUND: f64 = 0.15;

fn main() {
    // `cargo bench` passes flags of the standard harness; words are filters on the backend.
    let filters: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    for backend in [BackendKind::Cpu, BackendKind::NdArray, BackendKind::Wgpu] {
        let wanted = match filters.is_empty() {
            true => backend != BackendKind::Wgpu,
            false => filters.iter().any(|filter| filter == backend.as_str()),
        };
        if !wanted {
            continue;
        }
        match Compute::open(backend, Precision::F32) {
            Ok(compute) => {
                run(&compute, "mlp-784-256-256-10-b32", &[256, 256], 32);
                run(&compute, "mlp-784-512-512-10-b512", &[512, 512], 512);
            }
            Err(error) => eprintln!("{error}"),
        }
    }
}

fn run(compute: &Compute, name: &str, hidden: &[usize], batch: usize) {
    let network = Mlp::new(MlpShape {
        inputs: 784,
        hidden: hidden.to_vec(),
        outputs: 10,
        activation: Activation::Relu,
        bias: true,
        normalisation: Normalisation::None,
        initialisation: Initialisation {
            kind: Init::He,
            scale: 1.0,
        },
    });
    let objective = Objective::new(Arc::new(network), Loss::CrossEntropy, compute.clone());
    let layout = objective.network().layout().clone();
    let mut rng = Streams::new(0).stream("bench", 0);
    let values = objective.network().blueprint().initial_parameters(&mut rng);
    let parameters = Parameters::from_host(&layout, &values, compute);
    let mut uniform = |count: usize| -> Vec<f64> { (0..count).map(|_| rng.random()).collect() };
    let direction = Parameters::from_host(&layout, &uniform(layout.len()), compute);
    let inputs = uniform(batch * 784);
    let targets: Vec<f64> = (0..batch)
        .flat_map(|i| Loss::CrossEntropy.target((i % 10) as u8, 10))
        .collect();
    let batch = Batch {
        inputs: compute.tensor(&inputs, [batch, 784]),
        targets: compute.tensor(&targets, [batch, 10]),
    };
    let weight = 1.0 / batch.samples() as f64;
    let report = |what: &str, seconds: f64| {
        println!(
            "{{\"case\": \"{name}\", \"what\": \"{what}\", \"backend\": \"{}\", \"seconds\": {seconds:e}}}",
            compute.kind
        );
    };
    let gradient = || {
        let (loss, gradient) = objective.loss_and_gradient(&parameters, &batch, weight);
        black_box((loss, gradient));
        compute.synchronize();
    };
    report("gradient", median_seconds(gradient));
    let product = || {
        let product = objective.hessian_vector_product(&parameters, &direction, &batch, weight);
        black_box(product);
        compute.synchronize();
    };
    report("hvp", median_seconds(product));
    let config = Optimizer {
        learning_rate: 1e-4,
        weight_decay: 0.0,
        method: Method::Sgd(Momentum {
            coefficient: 0.9,
            nesterov: false,
        }),
    };
    let mut optimizer = optim::init(&config, &layout);
    let mut current = parameters.clone();
    let step = || {
        let (_, gradient) = objective.loss_and_gradient(&current, &batch, weight);
        current = optimizer.step(1e-4, &current, &gradient);
        compute.synchronize();
    };
    report("step", median_seconds(step));
}

/// The median over rounds of the mean seconds per call; rounds last equally long on any backend.
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
