//! What is refused, before anything is written.

use super::{BASE, SWEEP, column, endings, lab, status};

/// Each of these lines makes a sweep that is refused in one line with these words, and nothing is written.
fn are_refused(cases: &[(&str, &str)]) {
    for (lines, expected) in cases {
        let lab = lab(&format!("base = \"base.toml\"\n{lines}\n"));
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
}

#[test]
fn bad_axes_and_arms_are_refused_in_one_line_and_nothing_is_written() {
    are_refused(&[
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
    ]);
}

#[test]
fn arms_that_cannot_be_matched_are_refused_in_one_line_and_nothing_is_written() {
    are_refused(&[
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
            "learning_rate_rule = \"tuned\"\ntuning.factors = [1.0]",
            "two different numbers",
        ),
    ]);
}

#[test]
fn bad_sweeps_are_refused_in_one_line_and_nothing_is_written() {
    are_refused(&[
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
        ("name = \"..\"", "folder"),
        ("[", "line 2"),
    ]);
}

#[test]
fn what_is_no_sweep_or_no_task_of_one_is_refused() {
    let lab = lab("base = \"bass.toml\"\n");
    let message = lab.run(&["sweep", "sweep.toml"]).failure(2);
    assert!(
        message.contains("`base`") && message.contains("bass.toml"),
        "{message}"
    );
    let lab = super::lab(SWEEP);
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
