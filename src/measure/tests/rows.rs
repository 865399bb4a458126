//! What holds of the rows of all measures.

use crate::backend::Compute;
use crate::linear::{Budget, Precision};
use crate::measure::testing::fixture::{Fixture, digits_of, measure_tiny, subject};
use crate::measure::{Circumstances, Session, Subject, catalogue, find, names};
use crate::model::{Activation, Init, Mlp, MlpShape, Normalisation, Pool};
use crate::objective::tests::tiny::Tiny;
use crate::objective::{Loss, Objective};
use crate::params::Parameters;
use crate::random::{Streams, recorded};
use std::sync::Arc;

#[test]
fn every_number_states_its_error() {
    let fixture = Fixture::new(&[6], 3, Activation::Relu, true);
    let transformer = Tiny::transformer(
        1,
        Pool::Class,
        Activation::Gelu,
        0.0,
        &Compute::cpu(Precision::F32),
    );
    let rows = [
        fixture.measure(&names()),
        measure_tiny(&transformer, &names()),
    ]
    .concat();
    let numbers: Vec<_> = rows.iter().filter(|row| row.value.is_some()).collect();
    assert!(numbers.len() > 100, "{}", numbers.len());
    for row in numbers {
        assert!(row.has_stated_error(), "{row:?}");
    }
}

#[test]
fn a_row_depends_on_its_own_identity_and_nothing_else() {
    let fixture = Fixture::new(&[6], 3, Activation::Tanh, true);
    let mut all = names();
    let together = fixture.measure(&all);
    all.reverse();
    let mut reversed = fixture.measure(&all);
    reversed.reverse();
    for (row, other) in together.iter().zip(&reversed) {
        let alone = fixture.row(&row.name);
        for other in [other, &alone] {
            assert_eq!(
                (row.value, &row.error),
                (other.value, &other.error),
                "{}",
                row.name
            );
            assert_eq!(row.circumstances, other.circumstances, "{}", row.name);
        }
    }
}

/// A measure is of a block, and says so, or it is the same number as without one.
#[test]
fn a_row_under_a_block_is_about_what_it_says() {
    let fixture = Fixture::new(&[6], 3, Activation::Tanh, true);
    let block = "layers.1";
    let whole = fixture.measure(&names());
    let within = fixture.measure_as(&names(), |mut subject| {
        subject.block = Some(block);
        subject
    });
    for ((whole, within), measure) in whole.iter().zip(&within).zip(catalogue()) {
        let name = measure.name;
        assert_eq!(
            within.circumstances.block.is_some(),
            measure.is_of_block,
            "{name}"
        );
        if !measure.is_of_block && !measure.is_check {
            assert_eq!(whole.value, within.value, "{name}");
        }
    }
}

#[test]
fn a_row_is_taken_under_what_bears_on_it_alone() {
    let tiny = Tiny::mlp(
        Activation::Tanh,
        Normalisation::Batch,
        Init::He,
        &Compute::cpu(Precision::F64),
    );
    let (parameters, train) = (tiny.parameters(), tiny.chunks(4));
    let subject = Subject {
        test: Some(&train),
        training_samples: Some(train.samples() + 1),
        budget: Budget {
            max_matvecs: Some(50),
            max_seconds: None,
        },
        ..subject(&tiny.objective, &parameters, &train)
    };
    let row = |name: &str| {
        let row = Session::new(subject).take(find(name).unwrap()).unwrap();
        let Circumstances {
            norm_mode,
            subset,
            max_matvecs,
            ..
        } = row.circumstances;
        (norm_mode, subset, max_matvecs)
    };
    let (mode, samples) = (tiny.objective.norm_mode(), Some(train.samples()));
    assert!(mode.is_some());
    assert_eq!(row("hessian.trace"), (mode, samples, Some(50)));
    assert_eq!(row("loss.train"), (mode, samples, None));
    assert_eq!(row("gap.loss"), (mode, samples, None));
    assert_eq!(row("loss.test"), (mode, None, None));
    assert_eq!(row("accuracy.test"), (mode, None, None));
    assert_eq!(row("norm.l2"), (None, None, None));
    assert_eq!(row("norm.spectral.product"), (None, None, Some(50)));
    assert_eq!(row("distance.init"), (None, None, None));
    assert_eq!(row("run.batch_size"), (None, None, None));
    assert_eq!(row("gradient.norm"), (mode, samples, None));
}

/// Where the second layer is 0 the first one's curvature is, and a ratio of zeros is none.
#[test]
fn a_ratio_of_zeros_is_a_failure_and_nothing_else() {
    let mut fixture = Fixture::new(&[6], 3, Activation::Tanh, true);
    fixture.block("layers.1.weight").fill(0.0);
    let names = ["hessian.stable_rank", "ggn.effective_rank"];
    let rows = fixture.measure_as(&names, |mut subject| {
        subject.block = Some("layers.0.weight");
        subject
    });
    for row in rows {
        assert_eq!((row.value, row.kind_of_error()), (None, None), "{row:?}");
        assert!(row.failure.is_some());
    }
}

#[test]
fn what_multiplies_says_so_and_what_is_searched_for_says_how() {
    let fixture = Fixture::new(&[6], 3, Activation::Tanh, true);
    for measure in catalogue() {
        let row = fixture.row(measure.name);
        let is_eigenvalue = measure.name.contains(".lambda_");
        if row.value.is_some() && is_eigenvalue && !measure.is_check {
            assert!(row.circumstances.algorithm.is_some(), "{row:?}");
            assert!(!measure.matrices.is_empty(), "{row:?}");
        }
    }
}

/// Where there are many samples, the search for the largest eigenvalue draws some of them, and the trace of the
/// noise takes them in random order: these are two draws.
#[test]
fn consumers_of_randomness_have_streams_of_their_own() {
    let network = Mlp::new(MlpShape::new(64, &[8], 10));
    let compute = Compute::cpu(Precision::F32);
    let objective = Objective::new(Arc::new(network), Loss::CrossEntropy, compute);
    let train = digits_of(&objective);
    let layout = objective.network().layout();
    let mut rng = Streams::new(0).stream("test", 0);
    let values = objective.network().blueprint().initial_parameters(&mut rng);
    let parameters = Parameters::from_host(layout, &values, objective.compute());
    let streams = |name: &str| {
        let mut session = Session::new(subject(&objective, &parameters, &train)).without_rounding();
        recorded::during(|| {
            let row = session.take(find(name).unwrap()).unwrap();
            assert!(row.value.is_some(), "{row:?}");
        })
    };
    let drawn = [
        "hessian.lambda_max",
        "hessian.lambda_min",
        "noise.trace",
        "hessian.trace",
    ]
    .map(streams);
    for (place, own) in drawn.iter().enumerate() {
        assert!(!own.is_empty());
        for other in &drawn[..place] {
            assert!(own.is_disjoint(other), "{own:?} {other:?}");
        }
    }
}
