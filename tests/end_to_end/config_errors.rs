//! Wrong configs: one message, exit code 2, nothing created.

use crate::lab::{CONFIG, Lab};

/// Trains a changed config and returns the one line it must fail with.
fn message(change: impl Fn(&str) -> String, more: &[&str]) -> String {
    let lab = Lab::new();
    lab.write("small.toml", &change(CONFIG));
    let mut arguments = vec!["train", "--config", "small.toml"];
    arguments.extend(more);
    let message = lab.run(&arguments).failure(2);
    assert_eq!(lab.entries(), ["small.toml"], "something was created");
    assert_eq!(message.lines().count(), 1, "{message}");
    message.trim_end().to_owned()
}

#[test]
fn each_kind_of_fault_has_a_message_with_file_key_value_and_what_is_allowed() {
    let replace = |from: &'static str, to: &'static str| move |text: &str| text.replace(from, to);
    insta::assert_snapshot!(message(replace("learning_rate", "learnin_rate"), &[]), @"");
    insta::assert_snapshot!(message(replace("batch_size = 32", "batch_size = \"many\""), &[]), @"");
    insta::assert_snapshot!(message(replace("batch_size = 32", "batch_size = 301"), &[]), @"");
    insta::assert_snapshot!(message(replace("momentum = 0.9", "momentum = 1.5"), &[]), @"");
    insta::assert_snapshot!(message(replace("\"digits\"", "\"digit\""), &[]), @"");
    insta::assert_snapshot!(message(replace("train = 300", "train = 3000"), &[]), @"");
    insta::assert_snapshot!(message(replace("epochs = 6", "epochs = 6\nsteps = 3"), &[]), @"");
    insta::assert_snapshot!(message(replace("preset = \"full\"", "measures = [\"hessian.lamda_max\"]"), &[]), @"");
    insta::assert_snapshot!(message(replace("[model]", "[model"), &[]), @"");
    insta::assert_snapshot!(message(replace("", ""), &["--backend", "wgpu", "--set", "precision=f64"]), @"");
    insta::assert_snapshot!(message(replace("", ""), &["--set", "optimizer.lr=0.1"]), @"");
    insta::assert_snapshot!(message(replace("", ""), &["--set", "train.batch_size"]), @"");
}

#[test]
fn a_missing_config_names_what_was_tried() {
    let lab = Lab::new();
    let message = lab.run(&["train", "--config", "smal"]).failure(2);
    insta::assert_snapshot!(message, @"");
    assert_eq!(lab.entries(), ["small.toml"]);
}

#[test]
fn missing_data_names_the_file_and_the_command() {
    let lab = Lab::new();
    let message = lab
        .run(&["train", "--config", "small.toml", "--set", "data.dataset=mnist"])
        .failure(2);
    insta::assert_snapshot!(message, @"");
    assert_eq!(lab.entries(), ["small.toml"]);
}

#[test]
fn an_unknown_flag_or_backend_is_bad_input() {
    let lab = Lab::new();
    let message = lab.run(&["train", "--config", "small.toml", "--backend", "cuda"]).failure(2);
    assert!(message.contains("cpu, ndarray, wgpu"), "{message}");
    lab.run(&["train", "--confg", "small.toml"]).failure(2);
    lab.run(&["tran"]).failure(2);
}
