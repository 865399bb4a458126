//! How runs end: at their length, at a training loss, at no solution, or nowhere.

use crate::lab::{Finished, Lab};
use serde_json::Value;

const RUN: &str = "runs/small/seed-0";

fn json(lab: &Lab, file: &str) -> Value {
    serde_json::from_str(&lab.read(&format!("{RUN}/{file}"))).unwrap()
}

fn train(lab: &Lab, sets: &[&str]) -> Finished {
    let mut arguments = vec!["train", "--config", "small.toml"];
    for set in sets {
        arguments.extend(["--set", set]);
    }
    lab.run(&arguments)
}

/// The values of `loss.train` by step.
fn losses(lab: &Lab) -> Vec<(u64, f64)> {
    let rows = lab.rows(RUN).into_iter();
    rows.filter(|row| row["name"] == "loss.train")
        .map(|row| {
            (
                row["step"].as_u64().unwrap(),
                row["value"].as_f64().unwrap(),
            )
        })
        .collect()
}

#[test]
fn runs_that_stop_at_a_training_loss_have_that_loss_whatever_the_batch_and_however_rarely_they_look()
 {
    let mut ends = Vec::new();
    for sets in [
        &["train.batch_size=32"][..],
        &["train.batch_size=32", "train.stop_check_every=1"],
        &["train.batch_size=32", "train.stop_check_every=7"],
        &["train.batch_size=150"],
        &[
            "train.batch_size=32",
            "optimizer.momentum=0",
            "optimizer.weight_decay=0.001",
        ],
        &["train.batch_size=32", "model.norm=batch"],
    ] {
        let lab = Lab::new();
        let mut all = vec![
            "train.epochs=100",
            "train.stop_at_train_loss=0.2",
            "hooks=[]",
        ];
        all.extend(sets);
        let stdout = train(&lab, &all).success();
        assert!(stdout.contains("ended by train.stop_at_train_loss at training loss"));
        let summary = json(&lab, "summary.json");
        assert_eq!(summary["stopped_by"], "train.stop_at_train_loss");
        let loss = summary["train_loss"].as_f64().unwrap();
        assert!((0.1998..=0.2).contains(&loss), "{sets:?}: {loss}");
        let losses = losses(&lab);
        let (last, earlier) = losses.split_last().unwrap();
        assert_eq!(*last, (summary["steps"].as_u64().unwrap(), loss));
        assert!(earlier.iter().all(|(_, loss)| *loss > 0.2), "{losses:?}");
        ends.push(summary["steps"].as_u64().unwrap());
    }
    // Looking after every step finds the first step below; looking rarely, one no earlier.
    assert!(ends[1] <= ends[0] && ends[1] <= ends[2], "{ends:?}");
}

#[test]
fn a_run_ended_by_its_length_says_so() {
    let lab = Lab::new();
    let stdout = train(&lab, &["train.epochs=3", "train.stop_at_train_loss=0.001"]).success();
    assert!(
        stdout.contains("ended by train.epochs at training loss"),
        "{stdout}"
    );
    assert_eq!(json(&lab, "summary.json")["stopped_by"], "train.epochs");

    // Below the target between two looks, and at the end: cut short where it went below.
    let lab = Lab::new();
    train(
        &lab,
        &["train.steps=27", "train.stop_at_train_loss=0.5", "hooks=[]"],
    )
    .success();
    let summary = json(&lab, "summary.json");
    let loss = summary["train_loss"].as_f64().unwrap();
    match summary["stopped_by"].as_str().unwrap() {
        "train.steps" => assert!(loss > 0.5, "{loss}"),
        _ => assert!((0.4995..=0.5).contains(&loss), "{loss}"),
    }
}

#[test]
fn rows_measured_beyond_the_end_of_a_run_are_taken_back() {
    let hooks = "hooks=[{ measures = [\"norm.l2\"], every = 1, unit = \"steps\" }]";
    let lab = Lab::new();
    train(
        &lab,
        &["train.stop_at_train_loss=0.3", "train.epochs=100", hooks],
    )
    .success();
    let steps = json(&lab, "summary.json")["steps"].as_u64().unwrap();
    let rows = lab.rows(RUN);
    let measured: Vec<u64> = rows
        .iter()
        .filter(|row| row["name"] == "norm.l2")
        .map(|row| row["step"].as_u64().unwrap())
        .collect();
    assert_eq!(measured, (0..=steps).collect::<Vec<_>>());
    let last = rows.iter().rfind(|row| row["name"] == "norm.l2").unwrap();
    let summary = json(&lab, "summary.json");
    let summary = summary["measurements"].as_array().unwrap();
    let summary = summary.iter().find(|row| row["name"] == "norm.l2").unwrap();
    assert_eq!(last["value"], summary["value"]);
}

#[test]
fn a_dead_network_is_no_flat_minimum() {
    let lab = Lab::new();
    // Steps so long that no unit is left active.
    let stdout = train(
        &lab,
        &["optimizer.learning_rate=20", "model.hidden=[20, 20]"],
    )
    .success();
    assert!(
        stdout.contains("DEGENERATE: the outputs are the same on"),
        "{stdout}"
    );
    assert!(stdout.contains("are dead"), "{stdout}");
    let summary = json(&lab, "summary.json");
    let reason = summary["degenerate"].as_str().unwrap();
    assert!(reason.contains("all units of hidden layer"), "{reason}");
    let record = json(&lab, "run.json");
    assert_eq!(record["status"], "degenerate");
    assert_eq!(record["reason"], reason);
    // It is finished all the same: measured, with a warning, and not resumed.
    let measured = lab.run(&["measure", RUN, "--measures", "loss.train"]);
    assert!(measured.stderr.contains("degenerate"), "{measured:?}");
    measured.success();
    let resumed = lab.run(&["train", "--resume", RUN]);
    assert!(resumed.stderr.contains("is finished"), "{resumed:?}");
    resumed.success();
    assert_eq!(json(&lab, "run.json")["status"], "degenerate");
}

#[test]
fn a_loss_above_that_of_constant_outputs_is_degenerate() {
    for sets in [
        &[
            "optimizer.learning_rate=100",
            "model.activation=tanh",
            "hooks=[]",
        ][..],
        &[
            "train.loss=square",
            "optimizer.learning_rate=0.8",
            "model.activation=tanh",
            "train.steps=5",
            "hooks=[]",
        ],
    ] {
        let lab = Lab::new();
        train(&lab, sets).success();
        let summary = json(&lab, "summary.json");
        let reason = summary["degenerate"].as_str().unwrap();
        assert!(
            reason.contains("the best constant outputs have"),
            "{reason}"
        );
    }
}

#[test]
fn an_ordinary_run_is_not_degenerate() {
    for set in [
        "train.loss=cross_entropy",
        "train.loss=square",
        "precision=f64",
    ] {
        let lab = Lab::new();
        // With ten times the rate every unit dies of the square loss.
        train(&lab, &[set, "optimizer.learning_rate=0.01", "hooks=[]"]).success();
        assert_eq!(json(&lab, "summary.json")["degenerate"], Value::Null);
        assert_eq!(json(&lab, "run.json")["status"], "finished");
    }
}

#[test]
fn divergence_is_noticed_at_once_and_leaves_what_was_finite() {
    let lab = Lab::new();
    let sets = [
        "train.loss=square",
        // A quadratic: what does not shrink grows by the same factor in every step.
        "model.hidden=[]",
        "optimizer.learning_rate=0.3",
        "optimizer.momentum=0",
        "hooks=[]",
        "train.epochs=1000",
        "train.evaluate_every=1000",
    ];
    let message = train(&lab, &sets).failure(1);
    assert!(message.contains("training diverged"), "{message}");
    assert_eq!(message.matches("diverged").count(), 1, "{message}");
    let record = json(&lab, "run.json");
    assert_eq!(record["status"], "diverged");
    let divergence = &record["divergence"];
    let step = divergence["step"].as_u64().unwrap();
    assert!((10..500).contains(&step), "{record}");
    assert_eq!(divergence["learning_rate"], 0.3);
    assert!(
        divergence["last_finite_loss"].as_f64().unwrap() > 1e9,
        "{record}"
    );
    assert!(
        message.contains("the last finite training loss"),
        "{message}"
    );

    // The newest checkpoint is the last one before that, and holds finite numbers only.
    let mut names: Vec<_> = std::fs::read_dir(lab.path(&format!("{RUN}/checkpoints")))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let newest = names.last().unwrap();
    assert_eq!(*newest, format!("step-{:09}.safetensors", step / 10 * 10));
    let bytes = lab.bytes(&format!("{RUN}/checkpoints/{newest}"));
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let values = bytes[8 + header..].as_chunks::<8>().0.iter();
    assert!(
        values
            .map(|value| f64::from_le_bytes(*value))
            .all(f64::is_finite)
    );
    assert!(!losses(&lab).is_empty());

    // Nobody advises to resume what cannot be resumed.
    for command in [
        &["train", "--resume", RUN][..],
        &["measure", RUN],
        &["reparam", RUN],
        &["compare", "runs"],
    ] {
        let message = lab.run(command).failure(2);
        assert!(message.contains("training diverged"), "{message}");
        assert!(message.contains("cannot be resumed"), "{message}");
        assert!(!message.contains("lab train --resume"), "{message}");
    }
}

#[test]
fn a_failed_run_is_told_with_its_reason() {
    let lab = Lab::new();
    let message = train(&lab, &["model.init_scale=1e30"]).failure(1);
    assert!(message.contains("starting point"), "{message}");
    assert_eq!(json(&lab, "run.json")["status"], "failed");
    // It would fail so again, and nobody is advised to try.
    for command in [&["measure", RUN][..], &["train", "--resume", RUN]] {
        let message = lab.run(command).failure(2);
        assert!(message.contains("starting point"), "{message}");
        assert!(message.contains("cannot be resumed"), "{message}");
        assert!(!message.contains("lab train --resume"), "{message}");
    }
}
