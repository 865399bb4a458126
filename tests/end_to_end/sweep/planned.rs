//! Tasks as a file describes them, before any of them is run.

use super::{SWEEP, column, lab};
use crate::lab::Lab;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

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
