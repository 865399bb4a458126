//! What happens to a run: as rows, as moments of hooks, across a resumption, and in comparisons.

use crate::lab::{Finished, Lab};
use serde_json::Value;

const RUN: &str = "runs/small/seed-0";

fn train(lab: &Lab, sets: &[&str]) -> Finished {
    let mut arguments = vec!["train", "--config", "small.toml"];
    for set in sets {
        arguments.extend(["--set", set]);
    }
    lab.run(&arguments)
}

fn json(lab: &Lab, file: &str) -> Value {
    serde_json::from_str(&lab.read(&format!("{RUN}/{file}"))).unwrap()
}

fn rows_of(lab: &Lab, name: &str) -> Vec<Value> {
    let mut rows = lab.rows(RUN);
    rows.retain(|row| row["name"] == name);
    rows
}

/// The steps at which a measure was taken, or an event happened.
fn steps(lab: &Lab, name: &str) -> Vec<u64> {
    let rows = rows_of(lab, name);
    rows.iter()
        .map(|row| row["step"].as_u64().unwrap())
        .collect()
}

/// Plain descent whose learning rate rises over 30 steps until the curvature lies above its line, with hooks that
/// look every 5 steps and hooks that wait.
const CROSSING: [&str; 5] = [
    "optimizer.momentum=0",
    "optimizer.learning_rate=1",
    "schedule.warmup=30",
    "train.epochs=5",
    "hooks=[\
        { measures = [\"hessian.lambda_max\", \"stability.momentum\"], every = 5, unit = \"steps\" },\
        { measures = [\"norm.l2\"], on = [\"stability-crossing\"] },\
        { measures = [\"distance.init\"], on = [\"warmup-end\"] }]",
];

#[test]
fn a_crossing_is_a_row_with_the_resolution_of_its_hook_and_a_moment_of_others() {
    let lab = Lab::new();
    let stdout = train(&lab, &CROSSING).success();
    let rows = lab.rows(RUN);
    let events: Vec<&Value> = rows
        .iter()
        .filter(|row| {
            row["name"]
                .as_str()
                .unwrap()
                .starts_with("event.stability_crossing")
        })
        .collect();
    assert!(!events.is_empty());
    assert_eq!(events[0]["name"], "event.stability_crossing.above");
    let ratio = |step: &Value| {
        let mut rows = rows.iter();
        let row = rows.find(|row| row["name"] == "stability.momentum" && row["step"] == *step);
        row.unwrap()["value"].as_f64().unwrap()
    };
    for (place, event) in events.iter().enumerate() {
        let is_above = event["name"] == "event.stability_crossing.above";
        assert_eq!(is_above, place % 2 == 0, "{events:?}");
        let (before, after) = (ratio(&event["since"]), ratio(&event["step"]));
        assert_eq!(event["value"].as_f64(), Some(after));
        assert_eq!((before < 1.0, after > 1.0), (is_above, is_above));
        assert_eq!(event["error"], "residual");
    }
    let crossed: Vec<u64> = events
        .iter()
        .map(|row| row["step"].as_u64().unwrap())
        .collect();
    let first = events[0];
    assert_eq!(
        first["step"].as_u64().unwrap() - first["since"].as_u64().unwrap(),
        5
    );
    // Hooks that wait measure then, where the warm-up ends, and with everybody else at the end.
    let end = 50;
    let mut expected = crossed.clone();
    expected.retain(|step| *step != end);
    expected.push(end);
    assert_eq!(steps(&lab, "norm.l2"), expected);
    assert_eq!(steps(&lab, "distance.init"), [30, end]);
    // Old readers see a row like others; new ones find it in the summary and at the end of the run.
    assert_eq!(first["seed"], 0);
    let summary = json(&lab, "summary.json");
    let occurrence = &summary["events"][0];
    assert_eq!(occurrence["event"], "event.stability_crossing.above");
    assert_eq!(occurrence["first_step"], first["step"]);
    assert!(
        stdout.contains("event.stability_crossing.above: after step"),
        "{stdout}"
    );
    let measured = summary["measurements"].as_array().unwrap();
    assert!(
        measured
            .iter()
            .all(|row| !row["name"].as_str().unwrap().starts_with("event."))
    );
}

#[test]
fn the_first_interpolation_is_told_once_and_compared() {
    let lab = Lab::new();
    let sets = [
        "train.epochs=30",
        "hooks=[{ measures = [\"norm.l2\"], on = [\"interpolation\"] }]",
    ];
    let mut arguments = vec![
        "train",
        "--config",
        "small.toml",
        "--seeds",
        "0..2",
        "--quiet",
    ];
    sets.iter().for_each(|set| arguments.extend(["--set", set]));
    lab.run(&arguments).success();
    let events = rows_of(&lab, "event.interpolation");
    assert_eq!(events.len(), 1);
    let step = events[0]["step"].as_u64().unwrap();
    let accuracies = rows_of(&lab, "accuracy.train");
    let first = accuracies
        .iter()
        .position(|row| row["value"] == 1.0)
        .unwrap();
    assert_eq!(accuracies[first]["step"], step);
    assert_eq!(events[0]["since"], accuracies[first - 1]["step"]);
    assert_eq!(steps(&lab, "norm.l2"), [step, 300]);
    let table = lab.run(&["compare", "runs", "--all"]).success();
    let line = table
        .lines()
        .find(|line| line.starts_with("| event.interpolation "))
        .unwrap();
    assert!(line.contains('±'), "{line}");
    assert!(table.contains("event.*: the first step"), "{table}");
    let csv = lab.run(&["compare", "runs", "--format", "csv"]).success();
    assert!(csv.contains("\nevent.interpolation,"), "{csv}");
}

/// Small batches and a low bar, so that there are many spikes, and a hook that waits for them.
const SPIKES: [&str; 4] = [
    "train.batch_size=30",
    "events.spike_factor=1.15",
    "events.spike_window=5",
    "hooks=[{ measures = [\"norm.l2\"], on = [\"loss-spike\"] }]",
];

#[test]
fn a_loss_spike_is_a_row_of_its_step_and_a_moment_of_hooks_after_it() {
    let lab = Lab::new();
    train(&lab, &SPIKES).success();
    let spikes = steps(&lab, "event.loss_spike");
    assert!(spikes.len() > 3, "{spikes:?}");
    for row in rows_of(&lab, "event.loss_spike") {
        assert!(row["value"].as_f64().unwrap() > 1.15, "{row}");
        assert_eq!(
            row["since"].as_u64().unwrap() + 1,
            row["step"].as_u64().unwrap()
        );
    }
    let mut expected: Vec<u64> = spikes.iter().map(|step| step + 1).collect();
    expected.retain(|step| *step < 60);
    expected.push(60);
    assert_eq!(steps(&lab, "norm.l2"), expected);
    // The usual rule takes these losses for what they are.
    let plain = Lab::new();
    train(&plain, &["hooks=[]"]).success();
    assert!(steps(&plain, "event.loss_spike").is_empty());
}

/// Breaks a run off at the checkpoint of a step, and goes on from there.
fn assert_resumes(lab: &Lab, sets: &[&str], from: u64) {
    train(lab, sets).success();
    let (rows, weights) = (
        lab.rows(RUN),
        lab.bytes(&format!("{RUN}/model.safetensors")),
    );
    let summary = json(lab, "summary.json");
    for file in ["summary.json", "model.safetensors"] {
        std::fs::remove_file(lab.path(&format!("{RUN}/{file}"))).unwrap();
    }
    let wanted = format!("step-{from:09}.safetensors");
    for entry in std::fs::read_dir(lab.path(&format!("{RUN}/checkpoints"))).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str() != Some(&wanted) {
            std::fs::remove_file(path).unwrap();
        }
    }
    assert!(lab.exists(&format!("{RUN}/checkpoints/{wanted}")));
    lab.run(&["train", "--resume", RUN]).success();
    assert_eq!(lab.rows(RUN), rows);
    assert!(lab.bytes(&format!("{RUN}/model.safetensors")) == weights);
    assert_eq!(json(lab, "summary.json")["events"], summary["events"]);
}

#[test]
fn a_run_resumes_to_the_same_bytes_across_a_spike_that_a_hook_has_yet_to_measure() {
    let lab = Lab::new();
    train(&lab, &[&SPIKES[..], &["train.epochs=30"]].concat()).success();
    // A spike in the last step of an epoch: a checkpoint is made before the hook measures.
    let spikes = steps(&lab, "event.loss_spike");
    let spike = spikes.iter().find(|step| **step > 15 && *step % 10 == 9);
    let epoch = (spike.expect("one in ten spikes is there") + 1) / 10;
    std::fs::remove_dir_all(lab.path(RUN)).unwrap();
    let sets = [
        format!("train.checkpoint_every={epoch}"),
        format!("train.epochs={}", epoch + 1),
    ];
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    assert_resumes(&lab, &[&SPIKES[..], &sets].concat(), 10 * epoch);
    assert!(steps(&lab, "norm.l2").contains(&(10 * epoch)));
}

#[test]
fn a_run_resumes_to_the_same_bytes_between_two_sides_of_the_line() {
    let lab = Lab::new();
    // Hooks look where checkpoints are made, and after: of the side before only the checkpoint knows.
    let hooks = "hooks=[{ measures = [\"hessian.lambda_max\"] },\
                 { measures = [\"norm.l2\"], on = [\"stability-crossing\"] }]";
    let sets = [&CROSSING[..3], &[hooks]].concat();
    train(&lab, &[&sets[..], &["train.epochs=5"]].concat()).success();
    let epoch = steps(&lab, "event.stability_crossing.above")[0] / 10;
    std::fs::remove_dir_all(lab.path(RUN)).unwrap();
    let length = [
        format!("train.checkpoint_every={epoch}"),
        format!("train.epochs={}", epoch + 2),
    ];
    let length: Vec<&str> = length.iter().map(String::as_str).collect();
    assert_resumes(&lab, &[&sets[..], &length].concat(), 10 * epoch);
    assert!(steps(&lab, "norm.l2").contains(&(10 * epoch)));
}

#[test]
fn a_run_that_ends_at_a_loss_keeps_the_events_before_its_end_and_no_others() {
    let lab = Lab::new();
    let target = ["train.epochs=100", "train.stop_at_train_loss=0.3"];
    train(&lab, &[&SPIKES[..], &target].concat()).success();
    let end = json(&lab, "summary.json")["steps"].as_u64().unwrap();
    let spikes = steps(&lab, "event.loss_spike");
    assert!(
        !spikes.is_empty() && spikes.iter().all(|step| *step < end),
        "{spikes:?} {end}"
    );
    let all = steps(&lab, "event.loss_spike").len() as u64;
    let events = json(&lab, "summary.json")["events"].clone();
    let told = events
        .as_array()
        .unwrap()
        .iter()
        .find(|event| event["event"] == "event.loss_spike");
    assert_eq!(told.unwrap()["times"], all);
    // The same as far as a run of that many steps goes.
    let rows = lab.rows(RUN);
    std::fs::remove_dir_all(lab.path(RUN)).unwrap();
    train(&lab, &[&SPIKES[..], &["train.epochs=100"]].concat()).success();
    let of_spikes = |rows: Vec<Value>| -> Vec<Value> {
        let is_spike =
            |row: &Value| row["name"] == "event.loss_spike" && row["step"].as_u64() < Some(end);
        rows.into_iter().filter(is_spike).collect()
    };
    assert_eq!(of_spikes(lab.rows(RUN)), of_spikes(rows));
}

#[test]
fn a_diverging_run_says_where_it_stood_to_the_line_and_keeps_its_rows() {
    let lab = Lab::new();
    let sets = [
        "train.loss=square",
        "model.hidden=[]",
        "optimizer.learning_rate=0.3",
        "optimizer.momentum=0",
        "train.epochs=1000",
        "hooks=[{ measures = [\"hessian.lambda_max\"], every = 7, unit = \"steps\" }]",
    ];
    let message = train(&lab, &sets).failure(1);
    assert_eq!(message.matches("diverged").count(), 1, "{message}");
    let record = json(&lab, "run.json");
    assert_eq!(record["status"], "diverged");
    let divergence = &record["divergence"];
    let eigenvalues = rows_of(&lab, "hessian.lambda_max");
    let last = eigenvalues
        .iter()
        .rfind(|row| row["value"].is_f64())
        .unwrap();
    assert_eq!(divergence["lambda_max"]["step"], last["step"]);
    assert_eq!(divergence["lambda_max"]["value"], last["value"]);
    let ratio = 0.15 * last["value"].as_f64().unwrap();
    assert!(ratio > 1.0);
    let told = format!(
        "hessian.lambda_max / 2, as measured after step {}, that rate is {ratio:.4}",
        last["step"]
    );
    assert!(message.contains(&told), "{message}");
    // The last row is that of the event; everything measured before is there.
    let rows = lab.rows(RUN);
    let row = rows.last().unwrap();
    assert_eq!(row["name"], "event.divergence");
    assert_eq!(row["step"], divergence["step"]);
    assert_eq!(row["value"], divergence["last_finite_loss"]);
    assert!(rows.len() > 20);
    let refusal = lab.run(&["train", "--resume", RUN]).failure(2);
    assert!(
        refusal.contains(&told) && refusal.contains("cannot be resumed"),
        "{refusal}"
    );

    // Beside another run the comparison says what is missing, and why.
    let gentle = [
        &sets[..2],
        &[
            "optimizer.learning_rate=0.01",
            "hooks=[]",
            "train.epochs=2",
            "name=gentle",
        ],
    ]
    .concat();
    train(&lab, &gentle).success();
    let table = lab
        .run(&["compare", "runs", "--by", "optimizer.learning_rate"])
        .success();
    let lost = "Training diverged in all 1 of 0.3 (seed 0), which has no column";
    assert!(table.contains(lost), "{table}");
}

#[test]
fn the_blocks_of_a_hook_are_measured_each_and_what_has_none_once() {
    let lab = Lab::new();
    let hooks = "hooks=[\
        { measures = [\"hessian.lambda_max\", \"norm.l2\", \"norm.path\", \"noise.nonuniformity\"], blocks = \"layers\", every = 2 },\
        { measures = [\"hessian.lambda_max\", \"norm.l2\"], every = 2, warm_start = true }]";
    let sets = ["train.epochs=2", "precision=f64", "data.train=100", hooks];
    let stdout = train(&lab, &sets).success();
    assert!(
        stdout.contains("| hessian.lambda_max.layers.0 "),
        "{stdout}"
    );
    let of = |name: &str, block: Option<&str>| -> Vec<f64> {
        let rows = rows_of(&lab, name).into_iter();
        let rows = rows.filter(|row| row.get("block").and_then(Value::as_str) == block);
        rows.map(|row| row["value"].as_f64().unwrap()).collect()
    };
    let blocks = [Some("layers.0"), Some("layers.1")];
    // An eigenvalue of a diagonal block is never above that of the whole, and squares of norms add up.
    let whole = of("hessian.lambda_max", None);
    for block in blocks {
        let of_block = of("hessian.lambda_max", block);
        assert_eq!(of_block.len(), whole.len());
        assert!(
            of_block
                .iter()
                .zip(&whole)
                .all(|(part, all)| *part < all * (1.0 + 1e-3))
        );
    }
    let norms = blocks.map(|block| of("norm.l2", block));
    for (place, all) in of("norm.l2", None).iter().enumerate() {
        let sum: f64 = norms.iter().map(|norms| norms[place].powi(2)).sum();
        assert!((sum.sqrt() - all).abs() < 1e-12 * all);
    }
    for name in ["norm.path", "noise.nonuniformity"] {
        let rows = rows_of(&lab, name);
        assert_eq!(rows.len(), whole.len(), "{name}");
        assert!(
            rows.iter()
                .all(|row| row["block"].is_null() && row["value"].is_f64()),
            "{name}"
        );
    }
    let resumed = [&sets[1..], &["train.epochs=2"]].concat();
    assert_resumes(&Lab::new(), &resumed, 4);
}

#[test]
fn blocks_that_a_network_does_not_have_are_refused() {
    let lab = Lab::new();
    let refused = |hook: &str| {
        let message = train(&lab, &[&format!("hooks=[{{ {hook} }}]")]).failure(2);
        assert_eq!(lab.entries(), ["small.toml"]);
        message
    };
    insta::assert_snapshot!(
        refused("measures = [\"hessian.trace\"], blocks = \"layers.0, layer.1\""),
        @r#"error: `hooks.0.blocks`: this mlp has no layer or parameter "layer.1"; "layers" takes each layer in turn: layers.0, layers.1"#
    );
    insta::assert_snapshot!(
        refused("measures = [\"loss.train\", \"norm.path\"], blocks = \"layers\""),
        @r#"error: `hooks.0.blocks`: nothing that this hook measures is about a block of the parameters (loss.train, norm.path); leave `blocks` out, or add a measure that is, such as "hessian.lambda_max" or "hessian.trace""#
    );
}
