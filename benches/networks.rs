//! Training step, gradient and Hessian-vector product of two MLPs, a ResNet-20 and a transformer of
//! 200 thousand parameters, on each CPU backend.
//!
//! Prints one JSON line per case: the median, over rounds, of the seconds one call takes.
//! `benches/compare.py` runs the same work in PyTorch and prints ratios.

mod timing;

use lab::backend::{BackendKind, Compute, Precision};
use lab::config::{Method, Momentum, Optimizer};
use lab::model::{Activation, Init, LastNorm, Normalisation, Pool, Shortcut, Stem};
use lab::model::{
    Conditions, Initialisation, Mlp, MlpShape, Network, NormMode, ResNet, ResNetShape, Tokens,
    Transformer, TransformerShape,
};
use lab::objective::Loss;
use lab::objective::{Batch, Objective};
use lab::optim::{self, StepInput};
use lab::params::Parameters;
use lab::random::Streams;
use rand::RngExt;
use std::hint::black_box;
use std::sync::Arc;
use timing::median_seconds;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 15;
const SECONDS_PER_ROUND: f64 = 0.15;

const HE: Initialisation = Initialisation {
    kind: Init::He,
    scale: 1.0,
};
const CIFAR: [usize; 3] = [3, 32, 32];

/// A network with the batch it is timed on.
struct Case {
    name: &'static str,
    features: usize,
    batch: usize,
    network: fn() -> Arc<dyn Network>,
}

const CASES: [Case; 4] = [
    Case {
        name: "mlp-784-256-256-10-b32",
        features: 784,
        batch: 32,
        network: || mlp(&[256, 256]),
    },
    Case {
        name: "mlp-784-512-512-10-b512",
        features: 784,
        batch: 512,
        network: || mlp(&[512, 512]),
    },
    Case {
        name: "resnet20-b128",
        features: 3072,
        batch: 128,
        network: || {
            Arc::new(ResNet::new(&ResNetShape {
                image: CIFAR,
                width: 16,
                blocks: vec![3; 3],
                stem: Stem::default(),
                shortcut: Shortcut::default(),
                outputs: 10,
                activation: Activation::Relu,
                normalisation: Normalisation::Batch,
                groups: 1,
                initialisation: HE,
            }))
        },
    },
    Case {
        name: "transformer-200k-b128",
        features: 3072,
        batch: 128,
        network: || {
            Arc::new(Transformer::new(TransformerShape {
                tokens: Tokens::Patches {
                    image: CIFAR,
                    patch: 4,
                    pool: Pool::Class,
                },
                width: 64,
                depth: 4,
                heads: 4,
                mlp_width: 256,
                last_norm: LastNorm::Pooled,
                outputs: 10,
                dropout: 0.0,
                activation: Activation::Gelu,
                initialisation: HE,
            }))
        },
    },
];

fn mlp(hidden: &[usize]) -> Arc<dyn Network> {
    Arc::new(Mlp::new(MlpShape {
        inputs: 784,
        hidden: hidden.to_vec(),
        outputs: 10,
        activation: Activation::Relu,
        bias: true,
        normalisation: Normalisation::None,
        initialisation: HE,
    }))
}

fn main() {
    // `cargo bench` passes flags of the standard harness; words name backends or begin cases.
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let backends = [BackendKind::Cpu, BackendKind::NdArray, BackendKind::Wgpu];
    let (named, cases): (Vec<_>, Vec<_>) = words.iter().partition(|word| {
        backends
            .iter()
            .any(|backend| word.as_str() == backend.as_str())
    });
    for backend in backends {
        let is_wanted = match named.is_empty() {
            true => backend == BackendKind::Cpu,
            false => named.iter().any(|word| word.as_str() == backend.as_str()),
        };
        if !is_wanted {
            continue;
        }
        match Compute::open(backend, Precision::F32) {
            Ok(compute) => CASES
                .iter()
                .filter(|case| {
                    cases.is_empty()
                        || cases
                            .iter()
                            .any(|word| case.name.starts_with(word.as_str()))
                })
                .for_each(|case| run(&compute, case)),
            Err(error) => eprintln!("{error}"),
        }
    }
}

fn run(compute: &Compute, case: &Case) {
    let &Case {
        name,
        features,
        batch,
        network,
    } = case;
    let objective = Objective::new(network(), Loss::CrossEntropy, compute.clone());
    // As in training, which is also what a module of PyTorch does until told otherwise.
    let objective = objective.under(Conditions {
        norm_mode: NormMode::Batch,
        ..objective.conditions().clone()
    });
    let layout = objective.network().layout().clone();
    let mut rng = Streams::new(0).stream("bench", 0);
    let values = objective.network().blueprint().initial_parameters(&mut rng);
    let parameters = Parameters::from_host(&layout, &values, compute);
    let mut uniform = |count: usize| -> Vec<f64> { (0..count).map(|_| rng.random()).collect() };
    let direction = Parameters::from_host(&layout, &uniform(layout.len()), compute);
    let inputs = uniform(batch * features);
    let targets: Vec<f64> = (0..batch)
        .flat_map(|i| Loss::CrossEntropy.target((i % 10) as u8, 10))
        .collect();
    let batch = Batch {
        inputs: compute.tensor(&inputs, [batch, features]),
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
    report(
        "gradient",
        median_seconds(ROUNDS, SECONDS_PER_ROUND, gradient),
    );
    let product = || {
        let product = objective
            .at(&parameters, &batch)
            .hessian_vector_product(&direction, weight);
        black_box(product);
        compute.synchronize();
    };
    report("hvp", median_seconds(ROUNDS, SECONDS_PER_ROUND, product));
    let config = Optimizer {
        learning_rate: 1e-4,
        weight_decay: 0.0,
        weight_decay_excludes: Vec::new(),
        method: Method::Sgd(Momentum {
            coefficient: 0.9,
            nesterov: false,
        }),
    };
    let mut optimizer = optim::init(&config, &layout, Streams::new(0), compute);
    let mut current = parameters.clone();
    let step = || {
        let (loss, gradient) = objective.loss_and_gradient(&current, &batch, weight);
        let input = StepInput {
            step: 0,
            learning_rate: 1e-4,
            loss,
            gradient,
        };
        current = optimizer.step(current.clone(), input).expect("a step");
        compute.synchronize();
    };
    report("step", median_seconds(ROUNDS, SECONDS_PER_ROUND, step));
}
