//! Damaged files of a run directory.

use super::super::{Checkpoint, Row, RunRecord, Seconds, Summary};
use crate::backend::Compute;
use crate::config::{Method, Moments, Optimizer};
use crate::linear::Precision;
use crate::linear::WarmStart;
use crate::model::{Blueprint, Builder, Start};
use crate::optim::{self, StepInput, UpdateRule};
use crate::params::tests::fuzz::{WORDS, with_lengths};
use crate::params::{Parameters, Parts};
use crate::random::Streams;
use crate::testing::fuzz::{Target, as_it_is, run};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// A model of one layer and one running statistic.
fn model() -> Blueprint {
    let mut builder = Builder::default();
    builder.parameter("w".to_owned(), &[2], Start::Constant(0.0));
    builder.statistic("mean".to_owned(), &[1], 0.0);
    builder.finish()
}

fn adam() -> Optimizer {
    Optimizer {
        learning_rate: 0.1,
        weight_decay: 0.0,
        weight_decay_excludes: Vec::new(),
        method: Method::Adam(Moments {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
        }),
    }
}

fn rule(model: &Blueprint, compute: &Compute) -> Box<dyn UpdateRule> {
    optim::init(&adam(), model.parameters(), Streams::new(0), compute)
}

fn input(gradient: Parameters) -> StepInput {
    StepInput {
        step: 0,
        learning_rate: 0.1,
        loss: gradient.norm(),
        gradient,
    }
}

/// A checkpoint after one step of Adam, with or without its state and what a search remembers.
fn checkpoint(model: &Blueprint, compute: &Compute, is_full: bool) -> Vec<u8> {
    let parameters = Parameters::from_host(model.parameters(), &[1.0, 0.3], compute);
    let mut stepper = rule(model, compute);
    let _ = stepper.step(parameters.clone(), input(parameters));
    let pairs = [(2.0, vec![0.6, 0.8]), (1.0, vec![-0.8, 0.6])];
    let checkpoint = Checkpoint {
        config: "fingerprint".to_owned(),
        step: 1,
        parameters: vec![1.0, 0.3],
        statistics: vec![0.25],
        parts: match is_full {
            true => Parts::from([("optimizer".to_owned(), stepper.save().unwrap())]),
            false => Parts::new(),
        },
        warm_starts: is_full
            .then(|| WarmStart::new(&pairs, Precision::F64).unwrap())
            .into_iter()
            .map(|warm_start| ("all".to_owned(), warm_start))
            .collect(),
        events: super::super::EventMemory::default(),
        metrics_length: 1234,
        seconds: Seconds::default(),
    };
    checkpoint.encode().unwrap()
}

/// Puts the right SHA-256 where a checkpoint says its own, if it does.
fn with_digest(input: &mut [u8]) {
    const MARK: &[u8] = b"sha256:";
    let found = input.windows(MARK.len()).position(|window| window == MARK);
    let place = found.map(|at| at + MARK.len()..at + MARK.len() + 64);
    let Some(place) = place.filter(|place| place.end <= input.len()) else {
        return;
    };
    input[place.clone()].fill(b'0');
    let digest = Sha256::digest(&*input);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    input[place].copy_from_slice(digest.as_bytes());
}

#[test]
fn remembered_vectors_of_another_length_are_refused() {
    let (model, compute) = (model(), Compute::cpu(Precision::F32));
    let bytes = checkpoint(&model, &compute, true);
    // Two values and four numbers of vectors change places.
    let (values, vectors) = (
        &b"remembered.all.values"[..],
        &b"remembered.all.vectors"[..],
    );
    let mut swapped = Vec::new();
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let (read, written) = if rest.starts_with(values) {
            (values, vectors)
        } else if rest.starts_with(vectors) {
            (vectors, values)
        } else {
            (&rest[..1], &rest[..1])
        };
        swapped.extend(written);
        rest = &rest[read.len()..];
    }
    assert_eq!(swapped.len(), bytes.len());
    with_digest(&mut swapped);
    let error = Checkpoint::decode(&swapped, &model, compute.precision).unwrap_err();
    assert_eq!(
        error,
        "its 4 remembered eigenvectors have 2 numbers, expected 8"
    );
}

#[test]
fn checkpoints() {
    let (model, compute) = (model(), Compute::cpu(Precision::F32));
    run(&Target {
        name: "checkpoint",
        corpus: vec![
            checkpoint(&model, &compute, true),
            checkpoint(&model, &compute, false),
        ],
        words: &[
            WORDS,
            &[
                b"parameters",
                b"statistics",
                b"part.optimizer.first_moment",
                b"remembered.all.values",
                b"remembered.all.vectors",
                b"\\\"format\\\":2",
                b"\\\"step\\\":",
                b"\\\"parts\\\":{",
            ],
        ]
        .concat(),
        repair: |input, rng| {
            with_lengths(input, rng);
            with_digest(input);
        },
        read: &|bytes| match Checkpoint::decode(bytes, &model, compute.precision) {
            Ok(checkpoint) => {
                assert_eq!(
                    (checkpoint.parameters.len(), checkpoint.statistics.len()),
                    (2, 1)
                );
                for warm_start in checkpoint.warm_starts.values() {
                    for index in 0..warm_start.len() {
                        assert_eq!(warm_start.vector(index).len(), 2);
                    }
                }
                let mut stepper = rule(&model, &compute);
                let mut parts = checkpoint.parts;
                let state = parts.remove("optimizer").unwrap_or_default();
                match stepper.load(state, model.parameters(), &compute) {
                    Ok(()) => {
                        // What was taken up serves for a step.
                        let values = &checkpoint.parameters;
                        let parameters =
                            Parameters::from_host(model.parameters(), values, &compute);
                        let next = stepper.step(parameters.clone(), input(parameters));
                        assert_eq!(next.unwrap().to_host().unwrap().len(), 2);
                        "a step".to_owned()
                    }
                    Err(reason) => reason,
                }
            }
            Err(reason) => reason,
        },
    });
}

/// What became of a line of JSON; it panics where what was read does not read as itself.
fn round_trip<T: DeserializeOwned + Serialize + PartialEq>(bytes: &[u8]) -> String {
    match serde_json::from_slice::<T>(bytes) {
        Ok(value) => {
            let text = serde_json::to_string(&value).unwrap();
            let again: T = serde_json::from_str(&text).unwrap();
            assert!(again == value, "{text}");
            "read".to_owned()
        }
        Err(error) => error.to_string(),
    }
}

#[test]
fn rows_and_records() {
    let row = r#"{"run":"a","seed":0,"step":41,"epoch":1.0,"name":"loss.train","value":0.5,"stderr":null,"residual":1e-3,"samples":100,"matvecs":null,"seconds":0.01,"dtype":"f32"}"#;
    let summary = r#"{"run":"a","seed":0,"steps":6,"epochs":1.0,"stopped_by":"its length","parameters":9,"learning_rate":0.1,"training_seconds":0.1,"measuring_seconds":0.1,"preparing_seconds":null,"measurements":[]}"#;
    let record = r#"{"command":["lab"],"version":"0.1.0","burn":"0.22.1","git_revision":null,"backend":"cpu","device":"cpu","threads":2,"data":[{"name":"a","sha256":"b"}],"started":"now","ended":null,"status":"running","reason":null}"#;
    run(&Target {
        name: "metrics",
        corpus: [row, summary, record, "", "{}", "null"]
            .map(|text| text.as_bytes().to_vec())
            .to_vec(),
        words: &[
            b"null",
            b"true",
            b"{",
            b"}",
            b"[",
            b"]",
            b"\"",
            b":",
            b",",
            b"\\u0000",
            b"\\ud800",
            b"\"value\":",
            b"\"status\":\"finished\"",
            b"\"bound\":\"lower\"",
            b"\"rounding\":",
            b"\"converged\":false",
            b"1e999",
            b"-1",
            b"NaN",
        ],
        repair: as_it_is,
        read: &|bytes| {
            let read = [
                round_trip::<Row>,
                round_trip::<Summary>,
                round_trip::<RunRecord>,
            ];
            read.map(|read| read(bytes)).join("; ")
        },
    });
}
