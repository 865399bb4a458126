//! Interruption and resumption.

use crate::lab::{Finished, Lab};
use serde_json::Value;
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

const RUN: &str = "runs/small/seed-0";

/// A run long enough to be stopped in the middle, with every kind of state: momentum, schedule,
/// warm-started eigenvectors.
const LONG: [&str; 11] = [
    "train",
    "--config",
    "small.toml",
    "--set",
    "train.epochs=24",
    "--set",
    "hooks.0.every=3",
    "--set",
    "schedule.kind=cosine",
    "--set",
    "hooks.0.warm_start=true",
];

/// Waits until a run has written two whole checkpoints.
fn wait_for_checkpoints(lab: &Lab, run: &str) {
    let start = Instant::now();
    let folder = lab.path(&format!("{run}/checkpoints"));
    loop {
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let count = entries
            .filter(|entry| {
                entry
                    .path()
                    .extension()
                    .is_some_and(|end| end == "safetensors")
            })
            .count();
        if count >= 2 {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "no checkpoint");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Starts the long run and kills it between two checkpoints. On a busy machine the run can come to
/// its end first; it is then started anew.
fn kill_midway(lab: &Lab) {
    for _ in 0..10 {
        let mut child = lab.start(&LONG);
        wait_for_checkpoints(lab, RUN);
        child.kill().unwrap();
        child.wait().unwrap();
        if !lab.exists(&format!("{RUN}/summary.json")) {
            return;
        }
        std::fs::remove_dir_all(lab.path(RUN)).unwrap();
    }
    panic!("the run ended before it could be killed, ten times");
}

/// The long run without interruption, which every test here compares with: its weights and its rows.
static UNINTERRUPTED: LazyLock<(Vec<u8>, Vec<Value>)> = LazyLock::new(|| {
    let lab = Lab::new();
    lab.run(&LONG).success();
    let weights = lab.bytes(&format!("{RUN}/model.safetensors"));
    (weights, lab.rows(RUN))
});

fn assert_same_as_uninterrupted(lab: &Lab) {
    let (weights, rows) = &*UNINTERRUPTED;
    assert!(&lab.bytes(&format!("{RUN}/model.safetensors")) == weights);
    assert_eq!(&lab.rows(RUN), rows);
}

#[test]
fn a_killed_run_resumes_to_the_same_bytes() {
    let lab = Lab::new();
    kill_midway(&lab);
    lab.run(&["train", "--resume", RUN]).success();
    assert_same_as_uninterrupted(&lab);
}

#[test]
fn a_run_killed_before_its_first_checkpoint_starts_over() {
    let lab = Lab::new();
    lab.run(&LONG).success();
    for file in ["summary.json", "model.safetensors", "checkpoints"] {
        let path = lab.path(&format!("{RUN}/{file}"));
        if path.is_dir() {
            std::fs::remove_dir_all(&path).unwrap();
            std::fs::create_dir(&path).unwrap();
        } else {
            std::fs::remove_file(path).unwrap();
        }
    }
    lab.run(&["train", "--resume", RUN]).success();
    assert_same_as_uninterrupted(&lab);
}

#[test]
fn a_damaged_newest_checkpoint_falls_back_to_the_one_before() {
    let lab = Lab::new();
    kill_midway(&lab);
    let mut files: Vec<_> = std::fs::read_dir(lab.path(&format!("{RUN}/checkpoints")))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "safetensors"))
        .collect();
    files.sort();
    std::fs::write(files.last().unwrap(), b"half a file").unwrap();
    let finished = lab.run(&["train", "--resume", RUN]);
    assert!(finished.stderr.contains("skipped"), "{finished:?}");
    finished.success();
    assert_same_as_uninterrupted(&lab);
}

#[cfg(unix)]
#[test]
fn an_interrupt_saves_a_checkpoint_and_exits_with_130() {
    let lab = Lab::new();
    let child = lab.start(&LONG);
    wait_for_checkpoints(&lab, RUN);
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let message = Finished::of(child.wait_with_output().unwrap()).failure(130);
    assert!(
        message.contains(&format!("lab train --resume {RUN}")),
        "{message}"
    );
    let record: Value = serde_json::from_str(&lab.read(&format!("{RUN}/run.json"))).unwrap();
    assert_eq!(record["status"], "interrupted");
    lab.run(&["train", "--resume", RUN]).success();
    assert_same_as_uninterrupted(&lab);
}

#[test]
fn resuming_a_finished_run_says_so() {
    let lab = Lab::new();
    lab.run(&["train", "--config", "small.toml"]).success();
    let finished = lab.run(&["train", "--resume", RUN]);
    assert_eq!(finished.code, Some(0));
    assert!(finished.stderr.contains("is finished"), "{finished:?}");
}

#[test]
fn what_is_left_of_a_set_is_done_by_one_command() {
    let lab = Lab::new();
    let quick = ["train", "--config", "small.toml", "--set", "train.epochs=2"];
    let train = |more: &[&str]| lab.run(&[&quick[..], more].concat());
    // Seed 0 is broken off before its first checkpoint, seed 1 finished, seed 2 not begun.
    train(&["--seeds", "0..2"]).success();
    for file in ["summary.json", "model.safetensors"] {
        std::fs::remove_file(lab.path(&format!("{RUN}/{file}"))).unwrap();
    }
    std::fs::remove_dir_all(lab.path(&format!("{RUN}/checkpoints"))).unwrap();
    let second = lab.bytes("runs/small/seed-1/metrics.jsonl");
    let set = ["--seeds", "0..3", "--resume"];
    let message = train(&set[..2]).failure(2);
    assert!(message.contains("already holds a run"), "{message}");

    let finished = train(&set);
    assert!(
        finished.stderr.contains("seed-1 is finished"),
        "{finished:?}"
    );
    let stdout = finished.success();
    let lines: Vec<&str> = stdout.lines().take(3).collect();
    for (seed, line) in lines.iter().enumerate() {
        assert!(
            line.starts_with(&format!("small seed {seed}: 20 steps, ended by")),
            "{stdout}"
        );
        assert!(
            line.ends_with(&format!("runs/small/seed-{seed}")),
            "{stdout}"
        );
    }
    assert!(stdout.contains("means over 3 seeds"), "{stdout}");
    assert_eq!(lab.bytes("runs/small/seed-1/metrics.jsonl"), second);
    train(&["--seeds", "0..3", "--out", "reference"]).success();
    for seed in 0..3 {
        let run = format!("small/seed-{seed}");
        let [weights, reference] =
            ["runs", "reference"].map(|out| lab.bytes(&format!("{out}/{run}/model.safetensors")));
        assert!(weights == reference, "seed {seed}");
    }
    // Then nothing is left but to say so; and one run can be begun or continued so as well.
    let again = train(&set);
    assert_eq!(again.stderr.matches("is finished").count(), 3, "{again:?}");
    assert!(again.success().contains("means over 3 seeds"));
    train(&["--resume", "--set", "name=new"]).success();
    assert!(lab.exists("runs/new/seed-0/summary.json"));
}

#[test]
fn a_set_is_not_continued_with_another_config() {
    let lab = Lab::new();
    let train = |more: &[&str]| {
        let train = ["train", "--config", "small.toml", "--set", "train.epochs=2"];
        lab.run(&[&train[..], more].concat())
    };
    train(&["--seed", "1"]).success();
    let message = train(&[
        "--seeds",
        "0..3",
        "--resume",
        "--set",
        "train.batch_size=64",
    ])
    .failure(2);
    let expected = "runs/small/seed-1 holds a run with another config: `train.batch_size` is 32 there and 64 here";
    assert!(message.contains(expected), "{message}");
    assert!(
        !lab.exists("runs/small/seed-0"),
        "refused before anything is begun"
    );
    let message = train(&["--seeds", "0..3", "--resume", "--set", "hooks=[]"]).failure(2);
    assert!(message.contains("other `hooks`"), "{message}");
}

#[test]
fn one_seed_that_fails_does_not_cost_the_others() {
    let lab = Lab::new();
    // Another program's folder where seed 0 goes is found before anything begins; a run that cannot
    // be read is found when it is continued.
    let set = [
        "train",
        "--config",
        "small.toml",
        "--seeds",
        "0..2",
        "--set",
        "train.epochs=2",
    ];
    lab.run(&set).success();
    for file in ["summary.json", "checkpoints"] {
        let path = lab.path(&format!("{RUN}/{file}"));
        std::fs::remove_file(&path)
            .or_else(|_| std::fs::remove_dir_all(&path))
            .unwrap();
    }
    std::fs::create_dir(lab.path(&format!("{RUN}/checkpoints"))).unwrap();
    lab.write(
        &format!("{RUN}/checkpoints/step-00000010.safetensors"),
        "nothing",
    );
    std::fs::remove_dir_all(lab.path("runs/small/seed-1")).unwrap();
    let finished = lab.run(&[&set[..], &["--resume"]].concat());
    assert!(lab.exists("runs/small/seed-1/summary.json"), "{finished:?}");
    let message = finished.failure(2);
    assert!(message.contains("1 of 2 runs is finished"), "{message}");
}

#[test]
fn resume_with_a_directory_takes_no_other_config() {
    let lab = Lab::new();
    let message = lab.run(&["train", "--resume"]).failure(2);
    assert!(message.contains("--config"), "{message}");
    for flags in [
        ["--config", "small.toml"],
        ["--seeds", "0..2"],
        ["--out", "elsewhere"],
    ] {
        let message = lab
            .run(&[&["train", "--resume", RUN][..], &flags].concat())
            .failure(2);
        assert!(
            message.contains(&format!("cannot be used with {}", flags[0])),
            "{message}"
        );
    }
}

#[test]
fn resuming_what_is_no_run_is_bad_input() {
    let lab = Lab::new();
    let message = lab.run(&["train", "--resume", "runs/none"]).failure(2);
    assert!(message.contains("there is no such folder"), "{message}");
}

#[test]
fn a_run_whose_config_was_edited_is_not_resumed_as_if_nothing_happened() {
    let lab = Lab::new();
    kill_midway(&lab);
    let config = format!("{RUN}/config.toml");
    lab.write(
        &config,
        &lab.read(&config)
            .replace("batch_size = 32", "batch_size = 64"),
    );
    let message = lab.run(&["train", "--resume", RUN]).failure(2);
    let change = "`train.batch_size` is 64, the run was made with 32";
    assert!(message.contains(change), "{message}");
    // Without the record each checkpoint still knows what it was made with.
    std::fs::remove_file(lab.path(&format!("{RUN}/run.json"))).unwrap();
    let message = lab.run(&["train", "--resume", RUN]).failure(2);
    assert!(message.contains("another config"), "{message}");
}

#[test]
fn torn_rows_fall_back_to_a_checkpoint_that_still_has_all_of_its_own() {
    let lab = Lab::new();
    kill_midway(&lab);
    let mut rows = lab.bytes(&format!("{RUN}/metrics.jsonl"));
    rows.truncate(rows.len() / 3);
    std::fs::write(lab.path(&format!("{RUN}/metrics.jsonl")), rows).unwrap();
    // No checkpoint is that old, so nothing can be resumed, and nothing is destroyed.
    let message = lab.run(&["train", "--resume", RUN]).failure(2);
    assert!(message.contains("metrics.jsonl has"), "{message}");
    assert!(message.contains("--force"), "{message}");
}

#[test]
fn two_processes_cannot_write_to_one_run() {
    let lab = Lab::new();
    let mut endless = LONG.to_vec();
    endless[4] = "train.epochs=1000000";
    let mut child = lab.start(&endless);
    wait_for_checkpoints(&lab, RUN);
    let message = lab.run(&["train", "--resume", RUN]).failure(2);
    assert!(message.contains("by another process"), "{message}");
    let mut forced = LONG.to_vec();
    forced.push("--force");
    let message = lab.run(&forced).failure(2);
    assert!(message.contains("by another process"), "{message}");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The commands of a run of 12 epochs of 10 steps that is broken off and gone on with, and of the same run
/// left alone.
pub fn assert_resumes(lab: &Lab, sets: &[&str]) {
    let with = |more: &[&str]| -> Vec<String> {
        let mut words = vec![
            "train".to_owned(),
            "--config".to_owned(),
            "small.toml".to_owned(),
        ];
        words.extend(
            sets.iter()
                .flat_map(|set| ["--set".to_owned(), (*set).to_owned()]),
        );
        words.extend(more.iter().map(|&word| word.to_owned()));
        words
    };
    let run = |words: &[String]| lab.run(&words.iter().map(String::as_str).collect::<Vec<_>>());
    run(&with(&["--out", "reference"])).success();
    run(&with(&[])).success();
    // As after a kill: the end is missing, and the newest checkpoint.
    for file in ["summary.json", "model.safetensors"] {
        std::fs::remove_file(lab.path(&format!("{RUN}/{file}"))).unwrap();
    }
    let folder = lab.path(&format!("{RUN}/checkpoints"));
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    std::fs::remove_file(files.last().unwrap()).unwrap();
    lab.run(&["train", "--resume", RUN]).success();
    assert!(
        lab.bytes(&format!("{RUN}/model.safetensors"))
            == lab.bytes("reference/small/seed-0/model.safetensors")
    );
    assert_eq!(lab.rows(RUN), lab.rows("reference/small/seed-0"));
}

#[test]
fn adam_over_all_samples_resumes_to_the_same_bytes() {
    let lab = Lab::new();
    lab.write(
        "small.toml",
        &lab.read("small.toml").replace("momentum = 0.9", ""),
    );
    assert_resumes(
        &lab,
        &[
            "optimizer.kind=adam",
            "optimizer.learning_rate=0.02",
            "train.full_batch=true",
            "train.epochs=12",
        ],
    );
    let losses: Vec<f64> = lab
        .rows(RUN)
        .iter()
        .filter(|row| row["name"] == "loss.train")
        .map(|row| row["value"].as_f64().unwrap())
        .collect();
    assert!(losses.last().unwrap() < &(0.8 * losses[0]), "{losses:?}");
    let batch = lab
        .rows(RUN)
        .into_iter()
        .find(|row| row["name"] == "run.batch_size");
    assert!(batch.is_none_or(|row| row["value"] == 300.0));
}

const SEARCHES: &str = "hooks=[\
    { measures = [\"hessian.lambda_max\"], every = 1 },\
    { measures = [\"hessian.lambda_max\"], every = 2, warm_start = true, samples = 200 },\
    { measures = [\"hessian.lambda_max\"], every = 3, warm_start = true, samples = 100 }]";

#[test]
fn searches_of_several_scopes_resume_each_with_what_it_remembers() {
    assert_resumes(&Lab::new(), &["train.epochs=7", SEARCHES]);
}

#[test]
fn a_warm_search_warms_no_other() {
    let lab = Lab::new();
    let rows = |name: &str, hooks: &str| -> Vec<serde_json::Value> {
        let name = format!("name={name}");
        let sets = ["--set", &name, "--set", "train.epochs=6", "--set", hooks];
        lab.run(&[&["train", "--config", "small.toml"][..], &sets].concat())
            .success();
        let mut rows = lab.rows(&format!("runs/{}/seed-0", &name[5..]));
        rows.retain(|row| row["name"] == "hessian.lambda_max");
        rows.iter_mut()
            .for_each(|row| drop(row.as_object_mut().unwrap().remove("run")));
        rows
    };
    let together = rows("together", SEARCHES);
    let of = |samples: u64| -> Vec<_> {
        let rows = together.iter().filter(|row| row["samples"] == samples);
        rows.cloned().collect()
    };
    // Each search alone, over the same samples, finds the same by the same number of products.
    let alone = |name: &str, hook: &str| {
        rows(
            name,
            &format!("hooks=[{{ measures = [\"hessian.lambda_max\"], {hook} }}]"),
        )
    };
    assert_eq!(of(300), alone("cold", "every = 1"));
    assert_eq!(
        of(200),
        alone("second", "every = 2, warm_start = true, samples = 200")
    );
    assert_eq!(
        of(100),
        alone("third", "every = 3, warm_start = true, samples = 100")
    );
}
