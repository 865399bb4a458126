//! Update rules, batch sizes, bounds on the rate and averages through the binary.

use crate::lab::Lab;
use serde_json::Value;

const RUN: &str = "runs/net/seed-0";

/// Batches that grow, a rate that follows them, decay of some parameters, an average.
const RESNET: &str = r#"
name = "net"
data = {dataset = "digits", train = 64, test = 32}
model = {kind = "resnet", width = 2, blocks = [1, 1]}
learning_rate_rule = {base_batch = 32, rule = "linear"}
average = {kind = "ema", decay = 0.9}

[optimizer]
kind = "rmsprop"
learning_rate = 0.01
momentum = 0.5
centered = true
weight_decay = 0.01
weight_decay_excludes = ["norms", "biases"]

[train]
batch_size = 16
batch_schedule = "step"
batch_every = 1
largest_batch = 40
epochs = 4

[[hooks]]
measures = ["run.learning_rate", "run.batch_size", "norm.l2", "loss.train"]

[[hooks]]
measures = ["norm.l2", "loss.train", "hessian.lambda_max"]
weights = "average"
warm_start = true
"#;

/// A rate bounded by the sharpness.
const TRANSFORMER: &str = r#"
name = "net"
data = {dataset = "digits", train = 64, test = 32}
model = {kind = "transformer", width = 8, depth = 1, heads = 2, mlp_width = 8, dropout = 0.2}
optimizer = {kind = "adagrad", learning_rate = 0.5}
schedule = {limit = "sharpness", limit_every = 3, limit_samples = 32}
train = {batch_size = 20, epochs = 3}
average = {kind = "ema", decay = 0.9, start = 5}

[[hooks]]
measures = ["run.learning_rate", "stability.adam"]
unit = "steps"
"#;

/// Jumps, and a loss to end at.
const MLP: &str = r#"
name = "net"
data = {dataset = "digits", train = 64, test = 32}
model = {kind = "mlp", hidden = [8], norm = "batch"}
schedule = {limit = "sharpness", limit_factor = 0.9, limit_every = 2}
train = {full_batch = true, epochs = 40, stop_at_train_loss = 0.5, checkpoint_every = 5}

[optimizer]
kind = "perturbed_gd"
learning_rate = 1
gradient_threshold = 0.5
perturbation_radius = 0.1
perturbation_interval = 3

[[hooks]]
measures = ["run.learning_rate", "stability.gd"]
norm_mode = "batch"
every = 3
"#;

fn trained(config: &str) -> Lab {
    let lab = Lab::new();
    lab.write("net.toml", config);
    lab.run(&["train", "--config", "net.toml"]).success();
    lab
}

/// Takes a finished run back to its first checkpoint and finishes it again.
fn finish_again(lab: &Lab) {
    let folder = lab.path(&format!("{RUN}/checkpoints"));
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 2, "{files:?}");
    for file in &files[1..] {
        std::fs::remove_file(file).unwrap();
    }
    std::fs::remove_file(lab.path(&format!("{RUN}/summary.json"))).unwrap();
    lab.run(&["train", "--resume", RUN]).success();
}

/// The values of a measure's rows.
fn values(rows: &[Value], name: &str) -> Vec<f64> {
    let rows = rows.iter().filter(|row| row["name"] == name);
    rows.map(|row| row["value"].as_f64().unwrap()).collect()
}

#[test]
fn every_network_goes_on_with_rates_jumps_and_averages_to_the_same_bytes() {
    for config in [RESNET, TRANSFORMER, MLP] {
        let lab = trained(config);
        let weights = || {
            let average = format!("{RUN}/average.safetensors");
            let average = lab.exists(&average).then(|| lab.bytes(&average));
            (lab.bytes(&format!("{RUN}/model.safetensors")), average)
        };
        let (before, rows) = (weights(), lab.rows(RUN));
        assert_eq!(before.1.is_some(), config.contains("ema"));
        finish_again(&lab);
        assert!(weights() == before, "{config}");
        assert_eq!(lab.rows(RUN), rows, "{config}");
    }
}

#[test]
fn the_rate_follows_the_batch_size_and_the_record_says_where_it_begins() {
    let lab = trained(RESNET);
    let rows = lab.rows(RUN);
    // Before the first step, after each epoch, and the last epoch once more at the end is the same row.
    assert_eq!(
        values(&rows, "run.batch_size"),
        [16.0, 16.0, 32.0, 40.0, 40.0]
    );
    let rates = values(&rows, "run.learning_rate");
    for (rate, expected) in rates.iter().zip([0.005, 0.005, 0.01, 0.0125, 0.0125]) {
        assert!((rate - expected).abs() < 1e-15, "{rates:?}");
    }
    let record: Value = serde_json::from_str(&lab.read(&format!("{RUN}/run.json"))).unwrap();
    assert_eq!(record["effective_learning_rate"], 0.005);
    assert_eq!(record["config"]["optimizer"]["learning_rate"], 0.01);
    let plan = lab
        .run(&["train", "--config", "net.toml", "--dry-run"])
        .success();
    assert!(plan.contains("# learning rate      0.005\n"), "{plan}");
    // Epochs of 4, 2, 2 and 2 steps.
    let last = rows.last().unwrap();
    assert_eq!((&last["step"], &last["epoch"]), (&10.into(), &4.0.into()));
}

#[test]
fn a_rate_bounded_by_sharpness_is_in_the_rows_and_stable_where_it_was_measured() {
    let lab = trained(MLP);
    let rows = lab.rows(RUN);
    assert!(
        values(&rows, "run.learning_rate")
            .iter()
            .any(|&rate| rate < 1.0)
    );
    // Before the first step: 0.9 of the edge of stability, by definition.
    let first = values(&rows, "stability.gd")[0];
    assert!((first - 0.9).abs() < 1e-3, "{first}");
}

#[test]
fn an_average_is_a_second_solution_with_rows_of_its_own() {
    let lab = trained(RESNET);
    let rows = lab.rows(RUN);
    let averaged: Vec<&Value> = rows
        .iter()
        .filter(|row| row["weights"] == "average")
        .collect();
    assert_eq!(averaged.len(), 3 * 5);
    let find = |rows: &[Value], name: &str, is_average: bool| -> f64 {
        let is_it =
            |row: &&Value| row["name"] == name && (row["weights"] == "average") == is_average;
        rows.iter().rev().find(is_it).unwrap()["value"]
            .as_f64()
            .unwrap()
    };
    let arguments = [
        "measure",
        RUN,
        "--measures",
        "norm.l2,loss.train",
        "--format",
        "json",
    ];
    for (flags, is_average) in [
        (["--weights", "average"], true),
        (["--weights", "last"], false),
    ] {
        let arguments: Vec<&str> = arguments.into_iter().chain(flags).collect();
        let text = lab.run(&arguments).success();
        let measured: Vec<Value> = serde_json::from_str(&text).unwrap();
        for name in ["norm.l2", "loss.train"] {
            assert_eq!(
                find(&measured, name, is_average),
                find(&rows, name, is_average)
            );
        }
    }
    assert_ne!(find(&rows, "norm.l2", true), find(&rows, "norm.l2", false));
    // In a comparison they are lines of their own, of both groups.
    lab.run(&["train", "--config", "net.toml", "--seed", "1"])
        .success();
    let flags = ["--by", "seed", "--format", "csv"];
    let arguments: Vec<&str> = ["compare", "runs/net"].into_iter().chain(flags).collect();
    let table = lab.run(&arguments).success();
    let lines = table.lines().filter(|line| line.contains("norm.l2"));
    let lines: Vec<&str> = lines.collect();
    assert_eq!(lines.len(), 4, "{table}");
    for weights in ["weights last", "weights average"] {
        let of = lines.iter().filter(|line| line.ends_with(weights));
        assert_eq!(of.count(), 2, "{table}");
    }

    let plain = Lab::new();
    plain
        .run(&[
            "train",
            "--config",
            "small.toml",
            "--set",
            "train.epochs=1",
            "--set",
            "hooks.0.preset=light",
        ])
        .success();
    let refused = plain.run(&["measure", "runs/small/seed-0", "--weights", "average"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(
        refused.stderr.contains("average.kind = \"ema\""),
        "{refused:?}"
    );
}
