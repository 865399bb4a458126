//! Sweeps: from a file to finished runs, whatever happens on the way.

use crate::lab::{Finished, Lab};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

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
fn a_dry_run_says_what_there_is_to_do_and_writes_nothing() {
    let lab = lab(SWEEP);
    let before = lab.entries();
    let page = lab.run(&["sweep", "sweep.toml", "--dry-run"]).success();
    assert!(
        page.contains("4 tasks, 2 seeds (0, 1). Their steps take")
            && page.contains(" and their measurements "),
        "{page}"
    );
    assert!(!page.contains("sbatch"), "{page}");
    let page = lab
        .run(&["sweep", "sweep.toml", "--dry-run", "--launcher", "slurm"])
        .success();
    for words in [
        "sbatch --parsable",
        "--array=0-3",
        "#SBATCH --ntasks=1",
        "job.sh",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let json = lab
        .run(&["sweep", "sweep.toml", "--dry-run", "--format", "json"])
        .success();
    let tasks: Vec<Value> = serde_json::from_str(&json).unwrap();
    assert_eq!(
        column(&tasks, "arm"),
        [
            "batch_size-16",
            "batch_size-32",
            "batch_size-16",
            "batch_size-32"
        ]
    );
    assert_eq!(column(&tasks, "seed"), ["0", "0", "1", "1"]);
    assert_eq!(column(&tasks, "steps"), ["16", "8", "16", "8"]);
    assert!(
        tasks.iter().all(|task| ["seconds", "measuring"]
            .iter()
            .all(|key| task[key].as_f64().unwrap() > 0.0)),
        "{json}"
    );
    assert_eq!(lab.entries(), before);
}

/// Steps and learning rates of the tasks of seed 0 that a sweep plans.
fn planned(sweep: &str) -> Vec<(u64, f64, f64)> {
    let lab = lab(sweep);
    let json = lab
        .run(&["sweep", "sweep.toml", "--dry-run", "--format", "json"])
        .success();
    let tasks: Vec<Value> = serde_json::from_str(&json).unwrap();
    let number = |task: &Value, key: &str| task[key].as_f64().unwrap();
    let plan = tasks.iter().map(|task| {
        (
            task["steps"].as_u64().unwrap(),
            number(task, "learning_rate"),
            number(task, "cumulative_learning_rate"),
        )
    });
    plan.collect()
}

#[test]
fn arms_are_matched_in_what_the_file_says() {
    let sweep = |lines: &str| {
        planned(&format!(
            "base = \"base.toml\"\n{lines}\n[axes]\ntrain.batch_size = [16, 64]\n"
        ))
    };
    let rounded = |plan: Vec<(u64, f64, f64)>| {
        let digits = |value: f64| (value * 1e6).round() / 1e6;
        let plan = plan
            .into_iter()
            .map(|(steps, rate, sum)| (steps, digits(rate), digits(sum)));
        plan.collect::<Vec<_>>()
    };
    assert_eq!(
        rounded(sweep("match = \"epochs\"")),
        [(16, 0.1, 1.6), (4, 0.1, 0.4)]
    );
    assert_eq!(
        rounded(sweep("match = \"steps\"\nsteps = 10")),
        [(10, 0.1, 1.0), (10, 0.1, 1.0)]
    );
    assert_eq!(
        rounded(sweep("match = \"epochs\"\nlearning_rate_rule = \"linear\"")),
        [(16, 0.1, 1.6), (4, 0.4, 1.6)]
    );
    assert_eq!(
        rounded(sweep(
            "match = \"epochs\"\nlearning_rate_rule = \"square_root\"\nbase_batch = 64"
        )),
        [(16, 0.05, 0.8), (4, 0.1, 0.4)]
    );
    assert_eq!(
        rounded(sweep(
            "match = \"cumulative_learning_rate\"\nlearning_rate_rule = \"linear\""
        )),
        [(16, 0.1, 1.6), (4, 0.4, 1.6)]
    );
    assert_eq!(
        rounded(sweep(
            "match = \"cumulative_learning_rate\"\ncumulative_learning_rate = 0.93"
        )),
        [(9, 0.1, 0.9), (9, 0.1, 0.9)]
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
fn arms_axes_and_zipped_axes_multiply() {
    let lab = lab(r#"
        base = "base.toml"
        name = "many"
        [axes]
        model.activation = ["relu", "tanh"]
        [zip]
        train.batch_size = [16, 32]
        optimizer.learning_rate = [0.1, 0.2]
        [[arms]]
        name = "plain"
        [[arms]]
        name = "adam"
        set = { optimizer.kind = "adam" }
        unset = ["optimizer.momentum"]
        "#);
    let json = lab
        .run(&["sweep", "sweep.toml", "--dry-run", "--format", "json"])
        .success();
    let tasks: Vec<Value> = serde_json::from_str(&json).unwrap();
    let arms = column(&tasks, "arm");
    assert_eq!(arms.len(), 8);
    assert_eq!(
        arms[0],
        "plain_batch_size-16_learning_rate-0.1_activation-relu"
    );
    assert_eq!(
        arms[7],
        "adam_batch_size-32_learning_rate-0.2_activation-tanh"
    );
    assert_eq!(arms.iter().collect::<BTreeSet<_>>().len(), 8);
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

#[test]
fn bad_sweeps_are_refused_in_one_line_and_nothing_is_written() {
    let base = "base = \"base.toml\"\n";
    let cases = [
        (
            "axes.train.batchsize = [1]",
            "[axes] train.batchsize = 1: unknown key `train.batchsize`; did you mean `train.batch_size`?",
        ),
        (
            "axes.train.batch_size = [8, -1]",
            "task 1 (batch_size--1, seed 0) has no valid config: [axes] train.batch_size = -1: `train.batch_size` must be",
        ),
        ("axes.train.batch_size = [8, 65]", "65"),
        (
            "axes.train.batch_size = 8",
            "`axes.train.batch_size` must be a list of values, such as [8], found 8",
        ),
        ("axes.train.batch_size = []", "must have a value at least"),
        ("axes.train.batch_size = [8, 8]", "has 8 twice"),
        ("axes.seed = [1]", "contradicts `seeds`"),
        (
            "[[arms]]\nname = \"a\"\n[[arms]]\nname = \"a\"",
            "two arms have the name \"a\"",
        ),
        ("[[arms]]\nname = \"a/b\"", "folder"),
        (
            "[[arms]]\nname = \"a\"\nset = { train.batch_size = 8 }\n[axes]\ntrain.batch_size = [8]",
            "a key is set once",
        ),
        (
            "zip.train.batch_size = [8, 16]\nzip.optimizer.learning_rate = [0.1]",
            "must have one length",
        ),
        (
            "match = \"epochs\"\naxes.train.epochs = [1, 2]",
            "contradicts match = \"epochs\"",
        ),
        (
            "match = \"epoch\"",
            "unknown variant `epoch`, expected one of `epochs`",
        ),
        (
            "match = \"steps\"",
            "needs `steps`, because the base has train.epochs",
        ),
        ("match = \"train_loss\"", "needs `train_loss`"),
        ("steps = 3", "only for match = \"steps\""),
        (
            "seeds = \"5\"",
            "`seeds`: \"5\" may be how many or which one",
        ),
        ("seeds = []", "`seeds`: there is no seed"),
        (
            "axis = 1",
            "line 2, column 1: unknown field `axis`, expected one of",
        ),
        ("slurm.tme = \"1\"", "unknown field `tme`"),
        ("slurm.time = \"30min\"", "`slurm.time` must be minutes"),
        ("slurm.time = \"1:2:3:4\"", "`slurm.time` must be minutes"),
        ("slurm.memory = \"two\"", "`slurm.memory` must be"),
        (
            "learning_rate_rule = \"tuned\"\ntuning.factors = [1.0]",
            "two different numbers",
        ),
        ("name = \"..\"", "folder"),
        ("[", "line 2"),
    ];
    for (lines, expected) in cases {
        let lab = lab(&format!("{base}{lines}\n"));
        let before = lab.entries();
        let message = lab.run(&["sweep", "sweep.toml"]).failure(2);
        assert!(message.contains(expected), "{lines}: {message}");
        assert!(
            message.starts_with("error: sweep.toml"),
            "{lines}: {message}"
        );
        assert_eq!(message.lines().count(), 1, "{lines}: {message}");
        assert_eq!(lab.entries(), before, "{lines}");
    }
    let lab = lab("base = \"bass.toml\"\n");
    let message = lab.run(&["sweep", "sweep.toml"]).failure(2);
    assert!(
        message.contains("`base`") && message.contains("bass.toml"),
        "{message}"
    );
    let lab = self::lab(SWEEP);
    let message = lab
        .run(&["sweep", "run", "sweep.toml", "--task", "4"])
        .failure(2);
    assert!(
        message.contains("has no task 4: its 4 tasks are numbered from 0 to 3"),
        "{message}"
    );
    let message = lab
        .run(&["sweep", "sweep.toml", "--jobs", "100000"])
        .failure(2);
    assert!(message.contains("as many as there are cores"), "{message}");
    let message = lab.run(&["sweep", "status", "."]).failure(2);
    assert!(
        message.contains("is not the folder of a sweep"),
        "{message}"
    );
    lab.run(&["sweep", "absent.toml"]).failure(2);
    lab.run(&["sweep"]).failure(2);
}

#[test]
fn a_changed_file_is_noticed_with_what_stays_valid() {
    let lab = lab(SWEEP);
    lab.run(&["sweep", "sweep.toml"]).success();
    // More seeds, and an arm less.
    lab.write(
        "sweep.toml",
        &SWEEP.replace("0..2", "0..3").replace("[16, 32]", "[16]"),
    );
    let message = lab.run(&["sweep", "sweep.toml"]).failure(2);
    let counts =
        "of the 4 runs there 2 stay valid, 0 are of other configs now, 2 are of no task any more";
    assert!(message.contains(counts), "{message}");
    let planned = lab.run(&["sweep", "sweep.toml", "--dry-run"]);
    let said = format!("{counts}. --resume goes on");
    assert!(
        planned.stderr.contains(&said)
            && planned.stderr.contains("The runs of tasks 0, 1 stay valid"),
        "{planned:?}"
    );
    planned.success();
    lab.run(&["sweep", "run", "sweep.toml", "--task", "0"])
        .failure(2);
    assert!(!lab.exists("runs/sweep/batch_size-16/seed-2"));
    lab.run(&["sweep", "sweep.toml", "--resume"]).success();
    assert!(lab.exists("runs/sweep/batch_size-16/seed-2/summary.json"));
    assert!(lab.exists("runs/sweep/batch_size-32/seed-0/summary.json"));
    assert_eq!(status(&lab, "runs/sweep").len(), 3);
    // A run is in the way of another config.
    lab.write("base.toml", &BASE.replace("epochs = 4", "epochs = 5"));
    for resume in [
        &["sweep", "sweep.toml"][..],
        &["sweep", "sweep.toml", "--resume"],
    ] {
        let message = lab.run(resume).failure(2);
        assert!(message.contains("3 are of other configs now"), "{message}");
        assert!(
            message.contains("`train.epochs` is 4 there and 5 here"),
            "{message}"
        );
    }
}

#[test]
fn a_removed_member_is_made_again_and_mixed_versions_are_refused() {
    let lab = lab(SWEEP);
    lab.run(&["sweep", "sweep.toml"]).success();
    let whole = endings(&lab.path("runs/sweep"));
    std::fs::remove_dir_all(lab.path("runs/sweep/batch_size-32/seed-0")).unwrap();
    assert_eq!(column(&status(&lab, "runs/sweep"), "state")[1], "not begun");
    lab.run(&["sweep", "sweep.toml"]).success();
    assert_eq!(endings(&lab.path("runs/sweep")), whole);
    // What is left of a run that is none any more is not written over.
    std::fs::remove_file(lab.path("runs/sweep/batch_size-32/seed-0/config.toml")).unwrap();
    let message = lab.run(&["sweep", "sweep.toml"]).failure(1);
    assert!(message.contains("is not a run directory"), "{message}");
    std::fs::remove_dir_all(lab.path("runs/sweep/batch_size-32/seed-0")).unwrap();

    let record = "runs/sweep/batch_size-16/seed-0/run.json";
    let text = lab.read(record);
    let version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(text.contains(&version), "{text}");
    lab.write(record, &text.replace(&version, "\"version\": \"0.0.9\""));
    let message = lab.run(&["sweep", "sweep.toml"]).failure(2);
    assert!(
        message.contains("was made by lab 0.0.9, this is lab"),
        "{message}"
    );
    assert!(!lab.exists("runs/sweep/batch_size-32/seed-0"));
}

/// Members of about half a second.
fn longer() -> Lab {
    let lab = lab(SWEEP);
    let base = BASE.replace("epochs = 4", "epochs = 400\ncheckpoint_every = 10");
    lab.write("base.toml", &base.replace("train = 64", "train = 320"));
    lab
}

#[test]
fn two_launchers_share_the_work() {
    let lab = longer();
    let start = |out: &str| lab.start(&["sweep", "sweep.toml", "--jobs", "2", "--out", out]);
    let both = [start("shared"), start("shared")];
    let both = both.map(|child| Finished::of(child.wait_with_output().unwrap()).success());
    let trained = both
        .iter()
        .flat_map(|out| out.lines())
        .filter(|line| line.contains(" steps, ended by "));
    let trained: Vec<&str> = trained.collect();
    let places: BTreeSet<&str> = trained
        .iter()
        .filter_map(|line| line.rsplit(' ').next())
        .collect();
    // A launcher tells what its own processes have trained.
    assert_eq!((trained.len(), places.len()), (4, 4), "{both:?}");
    lab.run(&["sweep", "sweep.toml", "--out", "alone"])
        .success();
    assert_eq!(
        endings(&lab.path("shared/sweep")),
        endings(&lab.path("alone/sweep"))
    );
}

#[cfg(unix)]
fn signal(child: &std::process::Child, signal: &str) {
    let status = std::process::Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(status.unwrap().success());
}

/// Waits until a member has been begun.
#[cfg(unix)]
fn wait_for_a_checkpoint(lab: &Lab, folder: &str) {
    let began = Instant::now();
    loop {
        let checkpoints = lab.path(&format!("{folder}/batch_size-16/seed-0/checkpoints"));
        if std::fs::read_dir(checkpoints).is_ok_and(|entries| entries.count() > 1) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "nothing begins");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_or_killed_sweep_ends_with_the_same_bytes() {
    let lab = longer();
    lab.run(&["sweep", "sweep.toml", "--out", "whole"])
        .success();
    let expected = endings(&lab.path("whole/sweep"));
    for (out, how) in [("asked", "-TERM"), ("killed", "-KILL")] {
        let child = lab.start(&["sweep", "sweep.toml", "--out", out]);
        wait_for_a_checkpoint(&lab, &format!("{out}/sweep"));
        signal(&child, how);
        let ended = Finished::of(child.wait_with_output().unwrap());
        if how == "-TERM" {
            let message = ended.failure(130);
            assert!(message.contains("the same command goes on"), "{message}");
            let states = column(&status(&lab, &format!("{out}/sweep")), "state");
            assert!(states.contains(&"broken off".to_owned()), "{states:?}");
        }
        lab.run(&["sweep", "sweep.toml", "--out", out]).success();
        assert_eq!(
            endings(&lab.path(&format!("{out}/sweep"))),
            expected,
            "{how}"
        );
    }
}

#[test]
fn what_a_launcher_adds_to_a_member_is_little() {
    let lab = lab(&SWEEP.replace("0..2", "0..10"));
    let began = Instant::now();
    lab.run(&["sweep", "sweep.toml", "--jobs", "1"]).success();
    let whole = began.elapsed().as_secs_f64();
    let own: f64 = column(&status(&lab, "runs/sweep"), "seconds")
        .iter()
        .map(|s| s.parse::<f64>().unwrap())
        .sum();
    let each = (whole - own) / 20.0;
    println!(
        "{:.0} ms for each member, starting its process and reading data among them",
        1e3 * each
    );
    // 5 to 20 ms more than as many `lab train`, where nothing else runs.
    assert!(each < 0.5, "{each}");
    let began = Instant::now();
    lab.run(&["sweep", "sweep.toml"]).success();
    let again = began.elapsed().as_secs_f64();
    println!("{again:.3} s to find that all 20 are finished");
    assert!(again < 2.0, "{again}");
}

#[test]
fn the_sweeps_of_the_repository_can_be_planned() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/sweeps");
    let lab = Lab::new();
    for (name, tasks) in [
        ("digits_batch", 20),
        ("digits_epochs", 10),
        ("digits_rules", 30),
        ("digits_steps", 10),
        ("digits_train_loss", 10),
    ] {
        let file = folder.join(format!("{name}.toml")).display().to_string();
        let list = lab.run(&["sweep", "list", &file]).success();
        assert_eq!(list.lines().count(), tasks, "{name}");
    }
}

/// Stand-ins for the commands of Slurm, which run each element of an array at once.
#[cfg(unix)]
const COMMANDS: [(&str, &str); 3] = [
    (
        "sbatch",
        r#"
        for word in "$@"; do
            case $word in
                --array=*) elements=${word#--array=};;
                --export=ALL,LAB_FIRST_TASK=*) export LAB_FIRST_TASK=${word##*=};;
            esac
            script=$word
        done
        echo "$@" >> submitted
        number=$(wc -l < submitted)
        export SLURM_ARRAY_JOB_ID=$number
        for range in $(echo ${elements%\%*} | tr , ' '); do
            for element in $(seq ${range%-*} ${range#*-}); do
                SLURM_ARRAY_TASK_ID=$element bash $script > log-$number-$element 2>&1
            done
        done
        echo "$number;here"
        "#,
    ),
    (
        "squeue",
        "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1",
    ),
    (
        "scontrol",
        r#"
        case $1 in
            show) [ $2 = config ] && echo 'MaxArraySize            = 3' || echo "JobId=1 JobState=$STATE";;
            requeue) echo $2 >> requeued;;
        esac
        "#,
    ),
];

#[cfg(unix)]
fn with_slurm(lab: &Lab) -> String {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir(lab.path("slurm")).unwrap();
    for (name, script) in COMMANDS {
        let file = format!("slurm/{name}");
        lab.write(&file, &format!("#!/bin/bash\n{script}"));
        std::fs::set_permissions(lab.path(&file), PermissionsExt::from_mode(0o755)).unwrap();
    }
    format!(
        "{}:{}",
        lab.path("slurm").display(),
        std::env::var("PATH").unwrap()
    )
}

#[cfg(unix)]
#[test]
fn array_jobs_are_cut_to_the_cluster_and_end_with_the_same_bytes() {
    let lab = lab(&format!(
        "{SWEEP}\n[slurm]\npartition = \"short\"\nconcurrent = 2\n"
    ));
    let path = with_slurm(&lab);
    let slurm = || {
        let mut command = lab.command(&["sweep", "sweep.toml", "--launcher", "slurm"]);
        Finished::of(command.env("PATH", &path).output().unwrap())
    };
    lab.run(&["sweep", "run", "sweep.toml", "--task", "1"])
        .success();
    let out = slurm();
    assert!(out.stderr.contains("submitted job 1, 2 ("), "{out:?}");
    assert!(out.success().contains("4 of 4 tasks are finished"));
    let submitted = lab.read("submitted");
    let submitted: Vec<&str> = submitted.lines().collect();
    // What is finished is not submitted, and no index of an array reaches 3.
    assert!(
        submitted[0].contains("--array=0,2%2 --export=ALL,LAB_FIRST_TASK=0"),
        "{submitted:?}"
    );
    assert!(
        submitted[1].contains("--array=0%2 --export=ALL,LAB_FIRST_TASK=3"),
        "{submitted:?}"
    );
    let script = lab.read("runs/sweep/slurm/job.sh");
    assert!(script.contains("#SBATCH --partition=short"), "{script}");
    lab.run(&["sweep", "sweep.toml", "--out", "local"])
        .success();
    assert_eq!(
        endings(&lab.path("runs/sweep")),
        endings(&lab.path("local/sweep"))
    );
    assert!(slurm().stderr.contains("nothing is left to submit"));
    if which("scontrol").is_none() {
        let arguments = ["sweep", "sweep.toml", "--launcher", "slurm", "--out", "x"];
        let message = lab.run(&arguments).failure(2);
        assert!(message.contains("is Slurm installed here?"), "{message}");
        assert!(!lab.exists("x"));
    }
}

#[cfg(unix)]
#[test]
fn a_member_that_is_asked_to_stop_goes_back_into_the_queue() {
    let lab = longer();
    let path = with_slurm(&lab);
    for (state, expected) in [("RUNNING", "7_0\n"), ("CANCELLED", "")] {
        let arguments = [
            "sweep",
            "run",
            "sweep.toml",
            "--task",
            "0",
            "--requeue",
            "--out",
            state,
        ];
        let mut command = lab.command(&arguments);
        command.envs([("PATH", path.as_str()), ("STATE", state)]);
        command.envs([("SLURM_ARRAY_JOB_ID", "7"), ("SLURM_ARRAY_TASK_ID", "0")]);
        let child = command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn();
        let child = child.unwrap();
        wait_for_a_checkpoint(&lab, &format!("{state}/sweep"));
        signal(&child, "-TERM");
        Finished::of(child.wait_with_output().unwrap()).failure(130);
        let requeued = std::fs::read_to_string(lab.path("requeued")).unwrap_or_default();
        assert_eq!(requeued, expected, "{state}");
        let _ = std::fs::remove_file(lab.path("requeued"));
    }
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
