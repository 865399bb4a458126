//! Your own measure: a name, what it is, what it claims to survive, and the function that takes it. It gets its
//! error, its circumstances and its check of invariance as every measure does.
//!
//! `cargo run --release --example own_measure`

use lab::backend::{Compute, Precision};
use lab::curvature::Matrix;
use lab::linear::{LinearError, dot};
use lab::measure::invariance::Verdict;
use lab::measure::{Failure, Measure, Measurement, Session, Subject};
use lab::model::{Activation, Init, Initialisation, Mlp, MlpShape, Network, Normalisation};
use lab::objective::{Batch, Chunks, Loss, Objective};
use lab::params::Parameters;
use lab::random::Streams;
use lab::reparam::{MapKind, build};
use std::error::Error;
use std::sync::Arc;

/// `gᵀHg / ‖g‖²`: the curvature that the next step of gradient descent will feel. It takes one product, so it is
/// exact; a rescaling of layers moves it, a change of places of hidden units does not.
const CURVATURE_ALONG_GRADIENT: Measure = Measure::new(
    "own.curvature_along_gradient",
    "curvature of the training loss along its gradient",
    curvature_along_gradient,
)
.multiplying(&[Matrix::Hessian])
.invariant(MapKind::ISOMETRIES);

fn curvature_along_gradient(session: &mut Session<'_>, name: &str) -> Result<Measurement, Failure> {
    let subject = session.subject;
    let gradient = subject.gradient()?;
    let square = dot(&gradient, &gradient);
    if square == 0.0 {
        return Err(Failure::not_defined(
            "the gradient is 0, and has no direction",
        ));
    }
    let form = subject.with_operator(Matrix::Hessian, |hessian| -> Result<f64, LinearError> {
        Ok(dot(&gradient, &hessian.apply(&gradient)?))
    })?;
    let samples = subject.train.samples();
    Ok(Measurement::exact(name, form / square)
        .over(samples)
        .taking(1))
}

fn main() -> Result<(), Box<dyn Error>> {
    let network = Arc::new(Mlp::new(MlpShape {
        inputs: 3,
        hidden: vec![6],
        outputs: 2,
        activation: Activation::Relu,
        bias: true,
        normalisation: Normalisation::None,
        initialisation: Initialisation {
            kind: Init::He,
            scale: 1.0,
        },
    }));
    let compute = Compute::cpu(Precision::F64);
    let objective = Objective::new(network.clone(), Loss::CrossEntropy, compute.clone());
    let inputs = [
        0.5, -1.0, 0.25, 1.5, 0.75, -0.5, -0.25, 1.0, 2.0, -1.5, 0.1, 0.4,
    ];
    let batch = Batch {
        inputs: compute.tensor(&inputs, [4, 3]),
        targets: compute.tensor(&[1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0], [4, 2]),
    };
    let train = Chunks::from_batches(vec![batch], vec![0, 1, 0, 1]);
    let mut rng = Streams::new(3).stream("init", 0);
    let values = network.blueprint().initial_parameters(&mut rng);
    let parameters = Parameters::from_host(network.layout(), &values, &compute);

    let mut session = Session::new(Subject::new(&objective, &parameters, &train));
    let row = session.take(&CURVATURE_ALONG_GRADIENT)?;
    println!("{} = {:?}, {:?}", row.name, row.value, row.error);
    assert!(row.value.is_some() && row.has_stated_error());

    for (kind, expected) in [
        (MapKind::Permutation, Verdict::Kept),
        (MapKind::LayerRescaling, Verdict::Moved),
    ] {
        let map = build(
            network.as_ref(),
            kind,
            &mut Streams::new(0).stream("map", 0),
        )?;
        let report = session.under(&map, &[&CURVATURE_ALONG_GRADIENT])?;
        let line = &report.lines[0];
        println!(
            "under {kind}: x{:.4}, {}",
            line.ratio.unwrap_or(f64::NAN),
            line.verdict
        );
        assert_eq!(line.verdict, expected);
    }
    Ok(())
}
