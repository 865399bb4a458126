//! Steps and the edge of stability, seen while runs train.

use crate::lab::Lab;

const MEASURES: &str = r#"
    "stability.line",
    "stability.eigenvalue_1",
    "stability.eigenvalue_5",
    "stability.above_line",
    "stability.overlap",
    "stability.overlap_1",
    "step.length",
    "step.descent_ratio",
    "step.quadratic_error",
    "step.gradient_predictiveness",
    "step.gradient_cosine",
    "step.batch_cosine",
    "step.gradient_energy",
    "step.update_energy",
    "sharpness.directional",
"#;

/// A run of small batches that is looked at within epochs and at their ends.
fn config() -> String {
    format!(
        r#"
name = "small"
[data]
dataset = "digits"
train = 150
test = 50
[model]
hidden = [10]
activation = "tanh"
[optimizer]
learning_rate = 0.1
momentum = 0.9
[train]
batch_size = 32
epochs = 4
[[hooks]]
measures = [{MEASURES}]
every = 3
unit = "steps"
warm_start = true
[[hooks]]
measures = [{MEASURES}"sharpness.batch", "sharpness.interaction", "noise.tail_index", "noise.signal"]
every = 1
samples = 100
"#
    )
}

const RUN: &str = "runs/small/seed-0";

/// Deletes the end of a run and its newest checkpoint, as if it had been killed in its last epoch.
fn kill_in_the_last_epoch(lab: &Lab) {
    for file in ["summary.json", "model.safetensors"] {
        std::fs::remove_file(lab.path(&format!("{RUN}/{file}"))).unwrap();
    }
    let folder = lab.path(&format!("{RUN}/checkpoints"));
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 1, "{files:?}");
    std::fs::remove_file(files.last().unwrap()).unwrap();
}

#[test]
fn a_run_that_goes_on_knows_its_last_step_and_the_eigenvectors_of_the_round_before() {
    let lab = Lab::new();
    lab.write("small.toml", &config());
    lab.run(&["train", "--config", "small.toml"]).success();
    let expected = lab.rows(RUN);
    // Before the first step and in the first round there is nothing to compare with.
    let is_known = |row: &serde_json::Value| {
        let name = row["name"].as_str().unwrap();
        name.starts_with("step.update") || name.starts_with("stability.overlap")
    };
    for row in expected.iter().filter(|row| is_known(row)) {
        assert_eq!(row["step"] != 0, row["value"].is_number(), "{row}");
    }
    let weights = lab.bytes(&format!("{RUN}/model.safetensors"));
    kill_in_the_last_epoch(&lab);
    lab.run(&["train", "--resume", RUN]).success();
    assert!(weights == lab.bytes(&format!("{RUN}/model.safetensors")));
    let found = lab.rows(RUN);
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
}

#[test]
fn measuring_steps_moves_no_step_and_a_run_without_keeps_none() {
    let lab = Lab::new();
    lab.write("small.toml", &config());
    lab.run(&["train", "--config", "small.toml"]).success();
    let plain = config();
    let plain = plain.split("[[hooks]]").next().unwrap();
    lab.write("plain.toml", plain);
    lab.run(&["train", "--config", "plain.toml", "--out", "plain"])
        .success();
    let weights = |out: &str| lab.bytes(&format!("{out}/small/seed-0/model.safetensors"));
    assert!(weights("runs") == weights("plain"));
    let checkpoint = |out: &str| {
        let folder = lab.path(&format!("{out}/small/seed-0/checkpoints"));
        let newest = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        String::from_utf8_lossy(&std::fs::read(newest.max().unwrap()).unwrap()).into_owned()
    };
    assert!(checkpoint("runs").contains("part.last_step.before"));
    assert!(!checkpoint("plain").contains("last_step"));
}

/// The rows of a run on a hundred digits, half of which have wrong labels, so that fitting them takes curvature.
fn run(keys: &[&str]) -> Vec<serde_json::Value> {
    let lab = Lab::new();
    lab.write(
        "edge.toml",
        r#"
name = "edge"
precision = "f64"
[data]
dataset = "digits"
train = 100
test = 50
normalize = "standard"
label_noise = 0.5
[model]
hidden = [20, 20]
activation = "tanh"
init = "lecun"
init_scale = 0.3
[optimizer]
learning_rate = 0.07
[train]
loss = "square"
full_batch = true
steps = 2500
evaluate_every = 500
checkpoint_every = 5000
[[hooks]]
measures = ["stability.line", "stability.eigenvalue_1"]
every = 20
unit = "steps"
warm_start = true
"#,
    );
    let mut command = vec!["train", "--config", "edge.toml", "--quiet"];
    for key in keys {
        command.extend(["--set", key]);
    }
    lab.run(&command).success();
    lab.rows("runs/edge/seed-0")
}

fn values(rows: &[serde_json::Value], name: &str) -> Vec<f64> {
    let named = rows.iter().filter(|row| row["name"] == name);
    named.filter_map(|row| row["value"].as_f64()).collect()
}

/// The median of the last third.
fn late_median(values: &[f64]) -> f64 {
    let mut late = values[2 * values.len() / 3..].to_vec();
    late.sort_by(f64::total_cmp);
    late[late.len() / 2]
}

#[test]
fn full_batch_steps_settle_at_their_line_whatever_the_rule() {
    for (keys, within) in [
        (["train.steps=2500", "", ""], 0.05),
        (
            ["optimizer.learning_rate=0.05", "train.steps=3500", ""],
            0.05,
        ),
        (["optimizer.momentum=0.5", "train.steps=2000", ""], 0.05),
        (
            [
                "optimizer.kind=adam",
                "optimizer.learning_rate=0.003",
                "train.steps=1000",
            ],
            0.1,
        ),
    ] {
        let keys: Vec<&str> = keys.into_iter().filter(|key| !key.is_empty()).collect();
        let rows = run(&keys);
        // Adam's line is known before its preconditioner is.
        let line = *values(&rows, "stability.line").last().unwrap();
        let median = late_median(&values(&rows, "stability.eigenvalue_1")) / line;
        assert!((median - 1.0).abs() < within, "{keys:?}: {median}");
    }
}

#[test]
fn the_curvature_of_cross_entropy_rises_and_falls_with_the_loss() {
    let rows = run(&[
        "train.loss=cross_entropy",
        "data.label_noise=0.0",
        "optimizer.learning_rate=0.3",
        "train.steps=1000",
    ]);
    let tops = values(&rows, "stability.eigenvalue_1");
    let most = tops.iter().copied().fold(0.0, f64::max);
    let (first, last) = (tops[0], *tops.last().unwrap());
    assert!(first < 0.2 * most && last < 0.2 * most, "{tops:?}");
}

/// Each batch is measured along its own gradient: what small batches hold at `2/η`, well above the curvature
/// of the whole.
#[test]
fn small_batches_hold_the_sharpness_of_batches_at_the_line_and_the_largest_eigenvalue_below() {
    let rows = run(&[
        "train.full_batch=false",
        "train.batch_size=8",
        "optimizer.learning_rate=0.3",
        // 300 epochs of 13 batches.
        "train.steps=3900",
        "hooks.0.measures=[\"stability.line\", \"stability.eigenvalue_1\", \"stability.batch\"]",
        "hooks.0.every=260",
    ]);
    let line = values(&rows, "stability.line")[0];
    let top = late_median(&values(&rows, "stability.eigenvalue_1")) / line;
    let batch = late_median(&values(&rows, "stability.batch"));
    assert!((0.6..0.92).contains(&top), "{top}");
    assert!((batch - 1.0).abs() < 0.15, "{batch}");
}
