//! Your own network, written once over dual tensors, trained, and measured with every measure it admits; then
//! every claim of invariance is tried under the maps that its symmetries allow.
//!
//! `cargo run --release --example own_network`

use burn::tensor::Tensor;
use lab::backend::{Compute, Precision};
use lab::data::digits;
use lab::dual::Dual;
use lab::measure::invariance::Verdict;
use lab::measure::{Measure, Session, Subject, catalogue};
use lab::model::{
    Blueprint, Builder, Freedom, LinearMap, LinearMapKind, Network, Pass, Slab, Start, Symmetry,
};
use lab::objective::{Batch, Chunks, Loss, Objective};
use lab::params::Parameters;
use lab::random::Streams;
use lab::reparam::{applicable, build};
use std::error::Error;
use std::sync::Arc;

/// A gated network: `z = C (relu(Ax + a) · Bx)`, the product taken unit by unit.
struct Gated {
    units: usize,
    blueprint: Blueprint,
}

/// The places of the parameters.
const GATE: usize = 0;
const GATE_BIAS: usize = 1;
const VALUE: usize = 2;
const READOUT: usize = 3;

impl Gated {
    fn new(inputs: usize, units: usize, outputs: usize) -> Self {
        let mut builder = Builder::default();
        let start = |fan: usize| Start::Normal((2.0 / fan as f64).sqrt());
        builder.parameter("gate.weight".to_owned(), &[units, inputs], start(inputs));
        builder.parameter("gate.bias".to_owned(), &[units], Start::Constant(0.0));
        builder.parameter("value.weight".to_owned(), &[units, inputs], start(inputs));
        builder.parameter("readout.weight".to_owned(), &[outputs, units], start(units));
        Self {
            units,
            blueprint: builder.finish(),
        }
    }
}

impl Network for Gated {
    fn blueprint(&self) -> &Blueprint {
        &self.blueprint
    }

    /// Values, gradients, directional derivatives and Hessian-vector products all come from this.
    fn forward(&self, pass: &mut Pass<'_>, inputs: Tensor<2>) -> Dual<2> {
        let inputs = Dual::constant(inputs);
        let bias = Some(pass.parameter(GATE_BIAS));
        let gate = inputs.clone().linear(pass.parameter(GATE), bias).relu();
        let hidden = gate * inputs.linear(pass.parameter(VALUE), None);
        pass.tap(hidden).linear(pass.parameter(READOUT), None)
    }

    /// A unit may be exchanged with another, and its gate multiplied by what its readout divides by.
    fn symmetries(&self) -> Vec<Symmetry> {
        vec![Symmetry {
            units: self.units,
            raised: vec![Slab::rows(GATE), Slab::rows(GATE_BIAS)],
            lowered: vec![Slab::columns(READOUT)],
            carried: vec![Slab::rows(VALUE)],
            running: Vec::new(),
            freedom: Freedom::Homogeneous,
        }]
    }

    fn linear_maps(&self) -> Vec<LinearMap> {
        let maps = [(GATE, Some(GATE_BIAS)), (VALUE, None), (READOUT, None)];
        let maps = maps.into_iter().map(|(weight, bias)| LinearMap {
            weight,
            bias,
            factor: 1.0,
            kind: LinearMapKind::Dense,
        });
        maps.collect()
    }
}

/// The first digits of the built-in set.
fn first_digits(objective: &Objective, count: usize) -> Result<Chunks, Box<dyn Error>> {
    let (images, _) = digits::split()?;
    let (features, classes) = (images.features(), images.classes);
    let pixels = images.pixels.iter().take(count * features);
    let inputs: Vec<f64> = pixels.map(|&pixel| f64::from(pixel) / 16.0).collect();
    let labels = images.labels[..count].to_vec();
    let target = |&label: &u8| objective.loss().target(label, classes);
    let targets: Vec<f64> = labels.iter().flat_map(target).collect();
    let compute = objective.compute();
    let batch = Batch {
        inputs: compute.tensor(&inputs, [count, features]),
        targets: compute.tensor(&targets, [count, classes]),
    };
    Ok(Chunks::from_batches(vec![batch], labels))
}

fn main() -> Result<(), Box<dyn Error>> {
    let network = Arc::new(Gated::new(64, 8, 10));
    let compute = Compute::cpu(Precision::F64);
    let objective = Objective::new(network.clone(), Loss::CrossEntropy, compute.clone());
    let train = first_digits(&objective, 100)?;
    let mut rng = Streams::new(0).stream("init", 0);
    let initial = network.blueprint().initial_parameters(&mut rng);
    let mut parameters = Parameters::from_host(network.layout(), &initial, &compute);
    for _ in 0..300 {
        let batch = &train.batches()[0];
        let (_, gradient) = objective.loss_and_gradient(&parameters, batch, 0.01);
        parameters = parameters.plus_scaled(-0.2, gradient);
    }

    let mut session = Session::new(Subject {
        initial: Some(&initial),
        ..Subject::new(&objective, &parameters, &train)
    });
    let mut admitted: Vec<&'static Measure> = Vec::new();
    for measure in catalogue() {
        let row = session.take(measure)?;
        match (row.value, row.reason()) {
            (Some(value), _) => {
                println!("{:45} {value:11.4e}  {:?}", row.name, row.error);
                admitted.push(measure);
            }
            (None, reason) => println!("{:45} -  {}", row.name, reason.unwrap_or_default()),
        }
    }

    let mut broken = 0;
    for kind in applicable(network.as_ref()) {
        let mut rng = Streams::new(1).stream("map", 0);
        let map = build(network.as_ref(), kind, &mut rng)?;
        let report = session.under(&map, &admitted)?;
        let claims = report.lines.iter().filter(|line| line.claimed).count();
        println!(
            "{kind}: {claims} claims, function and claims kept: {}",
            report.passed()
        );
        for line in report
            .lines
            .iter()
            .filter(|line| line.verdict == Verdict::Broken)
        {
            println!("{line:?}");
        }
        broken += usize::from(!report.passed());
    }
    assert!(
        admitted.len() > 50 && broken == 0,
        "{} {broken}",
        admitted.len()
    );
    Ok(())
}
