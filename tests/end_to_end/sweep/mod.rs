//! Sweeps: from a file to finished runs, whatever happens on the way.

#[cfg(unix)]
mod array_jobs;
mod launched;
mod planned;
mod refused;

use crate::lab::{Finished, Lab};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A run of a few hundredths of a second.
pub const BASE: &str = r#"
[data]
dataset = "digits"
train = 64
test = 16

[model]
hidden = [8]

[optimizer]
learning_rate = 0.1
momentum = 0.9

[train]
batch_size = 16
epochs = 4

[[hooks]]
measures = ["norm.l2"]
every = 2
"#;

pub const SWEEP: &str = r#"
base = "base.toml"
seeds = "0..2"

[axes]
train.batch_size = [16, 32]
"#;

/// A folder with `base.toml` and `sweep.toml`.
fn lab(sweep: &str) -> Lab {
    let lab = Lab::new();
    lab.write("base.toml", BASE);
    lab.write("sweep.toml", sweep);
    lab
}

/// What the runs below a folder ended with, without times, by their places.
pub fn endings(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, Vec<Value>)> {
    let mut endings = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        if at.join("summary.json").exists() {
            let rows = std::fs::read_to_string(at.join("metrics.jsonl")).unwrap();
            let rows = rows.lines().map(|line| {
                let mut row: Value = serde_json::from_str(line).unwrap();
                row.as_object_mut().unwrap().remove("seconds");
                row.as_object_mut().unwrap().remove("wall_time");
                row
            });
            let ending = (
                std::fs::read(at.join("model.safetensors")).unwrap(),
                rows.collect(),
            );
            endings.insert(at.strip_prefix(folder).unwrap().to_owned(), ending);
            continue;
        }
        let entries = std::fs::read_dir(&at)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        folders.extend(entries.filter(|path| path.is_dir()));
    }
    endings
}

/// The tasks of a sweep as `--format json` of its status has them.
fn status(lab: &Lab, folder: &str) -> Vec<Value> {
    let text = lab
        .run(&["sweep", "status", folder, "--format", "json"])
        .success();
    serde_json::from_str(&text).unwrap()
}

/// A column of such tasks.
fn column(tasks: &[Value], key: &str) -> Vec<String> {
    let word = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    tasks.iter().map(|task| word(&task[key])).collect()
}

#[test]
fn every_member_is_trained_once_and_starts_like_its_twin() {
    let lab = lab(SWEEP);
    let out = lab.run(&["sweep", "sweep.toml", "--jobs", "1"]).success();
    let runs = endings(&lab.path("runs/sweep"));
    let places: Vec<String> = runs
        .keys()
        .map(|place| place.display().to_string())
        .collect();
    assert_eq!(
        places,
        [
            "batch_size-16/seed-0",
            "batch_size-16/seed-1",
            "batch_size-32/seed-0",
            "batch_size-32/seed-1"
        ]
    );
    assert!(out.contains("4 of 4 tasks are finished"), "{out}");
    assert!(out.contains("of memory"), "{out}");
    // Before the first step nothing differs between arms but their name.
    let first = |place: &str| {
        let mut row = runs[Path::new(place)].1[0].clone();
        row.as_object_mut().unwrap().remove("run");
        row
    };
    assert_eq!(first("batch_size-16/seed-0"), first("batch_size-32/seed-0"));
    assert_ne!(first("batch_size-16/seed-0"), first("batch_size-16/seed-1"));

    let record = lab.read("runs/sweep/batch_size-16/seed-0/run.json");
    lab.run(&["sweep", "sweep.toml"]).success();
    let task = lab.run(&["sweep", "run", "sweep.toml", "--task", "0"]);
    assert!(task.stderr.contains("nothing to do"), "{task:?}");
    assert_eq!(lab.read("runs/sweep/batch_size-16/seed-0/run.json"), record);
    // A comment, and what a cluster is asked for, change nothing.
    lab.write(
        "sweep.toml",
        &format!("# Again.\n{SWEEP}\n[slurm]\ncpus = 3\n"),
    );
    lab.run(&["sweep", "sweep.toml"]).success();
    lab.run(&["compare", "runs/sweep"]).success();
}

#[test]
fn every_engine_ends_with_the_same_bytes() {
    let lab = lab(SWEEP);
    lab.run(&["sweep", "sweep.toml"]).success();
    let list = lab
        .run(&["sweep", "list", "sweep.toml", "--out", "it's"])
        .success();
    assert_eq!(list.lines().count(), 4);
    for line in list.lines().rev() {
        let line = line.strip_prefix("lab ").unwrap();
        let shell = std::process::Command::new("sh")
            .args(["-c", &format!("\"$0\" {line}"), env!("CARGO_BIN_EXE_lab")])
            .current_dir(lab.path(""))
            .output();
        Finished::of(shell.unwrap()).success();
    }
    assert_eq!(
        endings(&lab.path("it's/sweep")),
        endings(&lab.path("runs/sweep"))
    );
    lab.write("sweep.toml", &SWEEP.replace("0..2", "0..3"));
    let first = list.lines().next().unwrap().split_whitespace();
    let words: Vec<&str> = first.skip(1).take(7).collect();
    let message = lab.run(&words).failure(2);
    assert!(
        message.contains("is not what it was when the command was written"),
        "{message}"
    );
}

#[test]
fn runs_matched_by_their_training_loss_end_at_it() {
    let lab = lab(
        "base = \"base.toml\"\nmatch = \"train_loss\"\ntrain_loss = 0.5\n\
         set = { train.epochs = 400, model.hidden = [20], optimizer.learning_rate = 0.02 }\n[axes]\ntrain.batch_size = [8, 64]\n",
    );
    lab.run(&["sweep", "sweep.toml"]).success();
    for size in [8, 64] {
        let summary = lab.read(&format!("runs/sweep/batch_size-{size}/seed-0/summary.json"));
        let summary: Value = serde_json::from_str(&summary).unwrap();
        let loss = summary["train_loss"].as_f64().unwrap();
        assert!((0.4995..=0.5).contains(&loss), "{size}: {loss}");
    }
    // One that cannot get there says so.
    lab.write(
        "short.toml",
        "base = \"base.toml\"\nmatch = \"train_loss\"\ntrain_loss = 1e-3\nset.train.epochs = 1\n",
    );
    let out = lab.run(&["sweep", "short.toml"]).success();
    assert!(out.contains("before it reached the training loss"), "{out}");
}

#[test]
fn a_member_that_diverges_costs_the_others_nothing() {
    let lab = lab(
        "base = \"base.toml\"\n[[arms]]\nname = \"wild\"\nset = { optimizer.learning_rate = 1e30 }\n\
         [[arms]]\nname = \"one\"\n[[arms]]\nname = \"two\"\n",
    );
    let first = lab.run(&["sweep", "sweep.toml", "--jobs", "1"]);
    let error = first.failure(1);
    assert!(error.contains("error: task 0 (wild, seed 0): "), "{error}");
    assert!(
        error.contains("2 of 3 tasks are finished, 1 ended with an error"),
        "{error}"
    );
    let tasks = status(&lab, "runs/sweep");
    assert_eq!(
        column(&tasks, "state"),
        ["diverged", "finished", "finished"]
    );
    // What is missing is left out only where that is allowed.
    std::fs::remove_dir_all(lab.path("runs/sweep/two")).unwrap();
    for command in [
        &["compare", "runs/sweep"][..],
        &["report", "runs/sweep", "--out", "sweep.html"],
    ] {
        let message = lab.run(command).failure(2);
        assert!(
            message.contains("two/seed-0 is a member of the sweep and has no run"),
            "{message}"
        );
    }
    assert!(!lab.exists("sweep.html"));
    lab.run(&[
        "report",
        "runs/sweep",
        "--out",
        "sweep.html",
        "--allow",
        "unfinished",
    ])
    .success();
    lab.run(&["sweep", "sweep.toml"]).failure(1);
    // It is not tried again.
    let record = lab.read("runs/sweep/wild/seed-0/run.json");
    lab.run(&["sweep", "sweep.toml"]).failure(1);
    lab.run(&["sweep", "run", "sweep.toml", "--task", "0"])
        .failure(1);
    assert_eq!(lab.read("runs/sweep/wild/seed-0/run.json"), record);

    let fast = [
        "sweep",
        "sweep.toml",
        "--jobs",
        "1",
        "--out",
        "fast",
        "--fail-fast",
    ];
    let error = lab.run(&fast).failure(1);
    assert!(error.contains("2 are left"), "{error}");
    assert!(!lab.exists("fast/sweep/two"));
}

#[test]
fn a_degenerate_member_is_a_finished_run_and_stops_nothing() {
    let lab = lab(
        "base = \"base.toml\"\n[[arms]]\nname = \"dead\"\nset = { optimizer.learning_rate = 20, model.hidden = [20, 20] }\n\
         [[arms]]\nname = \"one\"\n",
    );
    let run = lab.run(&["sweep", "sweep.toml", "--jobs", "1", "--fail-fast"]);
    let page = run.success();
    assert!(page.contains("DEGENERATE"), "{page}");
    assert!(page.contains("2 of 2 tasks are finished"), "{page}");
    assert!(
        page.contains("task 0, ") && page.contains(": degenerate: "),
        "{page}"
    );
    assert_eq!(
        column(&status(&lab, "runs/sweep"), "state"),
        ["degenerate", "finished"]
    );
    let help = lab.run(&["sweep", "--help"]).success();
    assert!(help.contains("A degenerate one"), "{help}");
}

#[test]
fn a_learning_rate_is_tuned_for_each_arm_on_held_out_samples() {
    let sweep = "base = \"base.toml\"\nseeds = \"0..2\"\nlearning_rate_rule = \"tuned\"\n\
                 set = { train.epochs = 40, model.hidden = [20], optimizer.learning_rate = 0.02 }\n\
                 [tuning]\nfactors = [0.1, 1.0, 1e30]\nheld_out = 0.25\n\
                 [axes]\ntrain.batch_size = [16, 32]\n";
    let lab = lab(sweep);
    let before = lab.run(&["sweep", "sweep.toml", "--dry-run"]).success();
    assert_eq!(before.matches("waits for tuning").count(), 4, "{before}");
    // Any task in any order: what tunes its rate is run first.
    lab.run(&["sweep", "run", "sweep.toml", "--task", "9"])
        .success();
    let tasks = status(&lab, "runs/sweep");
    assert_eq!(tasks.len(), 10);
    let states = column(&tasks, "state");
    assert_eq!(states[3..6], ["finished", "finished", "diverged"]);
    assert_eq!(states[9], "finished");
    lab.run(&["sweep", "sweep.toml"]).success();
    let tasks = status(&lab, "runs/sweep");
    assert_eq!(
        column(&tasks, "learning_rate")[6..],
        ["0.02", "0.02", "0.02", "0.02"]
    );
    let page = lab.run(&["sweep", "status", "runs/sweep"]).success();
    assert_eq!(page.matches("| least ").count(), 2, "{page}");
    // A quarter of 64 samples is held out, and the runs that tune are no runs to compare.
    let summary =
        lab.read("runs/sweep/tuning/batch_size-16/learning_rate-0.02/seed-0/summary.json");
    let summary: Value = serde_json::from_str(&summary).unwrap();
    let rows = summary["measurements"].as_array().unwrap();
    let samples =
        |name: &str| rows.iter().find(|row| row["name"] == name).unwrap()["samples"].clone();
    assert_eq!(
        (samples("loss.train"), samples("loss.test")),
        (48.into(), 16.into())
    );
    let compared = lab.run(&["compare", "runs/sweep"]).success();
    assert!(compared.contains("16 (n=2)"), "{compared}");
}

/// Where a command is, if it is installed.
#[cfg(unix)]
pub fn which(command: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.push("/usr/sbin".into());
    folders
        .into_iter()
        .map(|folder| folder.join(command))
        .find(|file| file.is_file())
}
