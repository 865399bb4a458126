//! What became of the files of a run after they were written.

use crate::lab::{CONFIG, Lab};
use std::path::PathBuf;

const RUN: &str = "runs/small/seed-0";

/// A finished run, quickly.
fn trained() -> Lab {
    let lab = Lab::new();
    lab.write("small.toml", &CONFIG.replace("\"full\"", "\"light\""));
    lab.run(&["train", "--config", "small.toml"]).success();
    lab
}

fn edit(lab: &Lab, from: &str, to: &str) {
    let file = format!("{RUN}/config.toml");
    let text = lab.read(&file);
    assert!(text.contains(from), "{text}");
    lab.write(&file, &text.replace(from, to));
}

/// The checkpoints, oldest first.
fn checkpoints(lab: &Lab) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(lab.path(&format!("{RUN}/checkpoints"))).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn a_finished_run_whose_config_was_edited_is_refused_with_the_key() {
    let lab = trained();
    edit(&lab, "activation = \"relu\"", "activation = \"tanh\"");
    for command in [
        &["measure", RUN][..],
        &["measure", RUN, "--backend", "ndarray"],
        &["reparam", RUN],
        &["compare", "runs"],
        &["train", "--resume", RUN],
    ] {
        let message = lab.run(command).failure(2);
        let change = "`model.activation` is \"tanh\", the run was made with \"relu\"";
        assert!(message.contains(change), "{command:?}: {message}");
    }
    edit(&lab, "activation = \"tanh\"", "activation = \"relu\"");
    lab.run(&["measure", RUN, "--measures", "loss.train"])
        .success();
}

#[test]
fn more_epochs_in_a_finished_run_are_refused_with_what_to_do() {
    let lab = trained();
    edit(&lab, "epochs = 6", "epochs = 12");
    let message = lab.run(&["train", "--resume", RUN]).failure(2);
    let change = "`train.epochs` is 12, the run was made with 6";
    assert!(message.contains(change), "{message}");
    let advice = format!("lab train --config {RUN}/config.toml --out DIR");
    assert!(message.contains(&advice), "{message}");
    // The advice works.
    let config = format!("{RUN}/config.toml");
    lab.run(&["train", "--config", &config, "--out", "longer"])
        .success();
    assert!(lab.exists("longer/small/seed-0/model.safetensors"));
}

#[test]
fn a_config_written_otherwise_is_the_same_config() {
    let lab = trained();
    edit(&lab, "epochs = 6", "epochs = 6 # a comment");
    edit(&lab, "hidden = [20]", "hidden = [\n  20,\n]");
    lab.run(&["measure", RUN, "--measures", "loss.train"])
        .success();
    lab.run(&["train", "--resume", RUN]).success();
}

#[test]
fn weights_that_are_not_the_run_s_are_not_measured_as_if_they_were() {
    let lab = trained();
    let file = format!("{RUN}/model.safetensors");
    let before = lab.bytes(&file);
    let mut bytes = before.clone();
    let last = bytes.len() - 3;
    bytes[last] ^= 4;
    std::fs::write(lab.path(&file), &bytes).unwrap();
    for command in ["measure", "reparam"] {
        let message = lab.run(&[command, RUN]).failure(2);
        assert!(
            message.contains("is not what the run ended with"),
            "{message}"
        );
    }
    // As somebody's weights they can be measured.
    let config = format!("{RUN}/config.toml");
    let arguments = [
        "measure",
        "--model",
        &file,
        "--config",
        &config,
        "--measures",
    ];
    lab.run(&[&arguments[..], &["loss.train"]].concat())
        .success();
    // The run makes its own again.
    std::fs::remove_file(lab.path(&file)).unwrap();
    lab.run(&["train", "--resume", RUN]).success();
    assert!(lab.bytes(&file) == before);
    lab.run(&["measure", RUN, "--measures", "loss.train"])
        .success();
}

#[test]
fn one_flipped_bit_makes_a_checkpoint_damaged() {
    let lab = trained();
    let state = || {
        (
            lab.bytes(&format!("{RUN}/model.safetensors")),
            lab.rows(RUN),
        )
    };
    let before = state();
    for place in [0.02, 0.1, 0.5, 0.95] {
        for file in ["summary.json", "model.safetensors"] {
            std::fs::remove_file(lab.path(&format!("{RUN}/{file}"))).unwrap();
        }
        let newest = checkpoints(&lab).pop().unwrap();
        let mut bytes = std::fs::read(&newest).unwrap();
        let index = (place * bytes.len() as f64) as usize;
        bytes[index] ^= 1;
        std::fs::write(&newest, bytes).unwrap();
        let finished = lab.run(&["train", "--resume", RUN]);
        assert!(finished.stderr.contains("skipped: damaged"), "{finished:?}");
        finished.success();
        assert!(before == state());
    }
}

#[test]
fn a_damaged_summary_or_record_says_what_to_do_and_that_works() {
    for damaged in ["summary.json", "run.json"] {
        let lab = trained();
        let before = (
            lab.bytes(&format!("{RUN}/model.safetensors")),
            lab.rows(RUN),
        );
        let file = format!("{RUN}/{damaged}");
        let text = lab.read(&file);
        lab.write(&file, &text[..text.len() / 2]);
        for command in [&["measure", RUN][..], &["compare", "runs"]] {
            let message = lab.run(command).failure(2);
            assert!(
                message.contains(&format!("{file} cannot be read: EOF")),
                "{message}"
            );
            let advice = format!(
                "delete {RUN}/summary.json and let `lab train --resume {RUN}` make it again"
            );
            assert!(message.contains(&advice), "{message}");
        }
        std::fs::remove_file(lab.path(&format!("{RUN}/summary.json"))).unwrap();
        lab.run(&["train", "--resume", RUN]).success();
        let after = (
            lab.bytes(&format!("{RUN}/model.safetensors")),
            lab.rows(RUN),
        );
        assert!(before == after);
        lab.run(&["measure", RUN, "--measures", "loss.train"])
            .success();
        lab.run(&["compare", "runs"]).success();
    }
}
