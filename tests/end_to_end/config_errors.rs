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
    insta::assert_snapshot!(message(replace("learning_rate", "learnin_rate"), &[]), @"error: small.toml: unknown key `optimizer.learnin_rate` (line 13); did you mean `optimizer.learning_rate`? Allowed in [optimizer]: kind, momentum, nesterov, gradient_threshold, perturbation_radius, perturbation_interval, beta1, beta2, epsilon, alpha, centered, initial_accumulator, learning_rate, weight_decay, weight_decay_excludes");
    insta::assert_snapshot!(message(replace("batch_size = 32", "batch_size = \"many\""), &[]), @r#"error: small.toml: `train.batch_size` (line 17) must be a positive integer, found "many" (string)"#);
    insta::assert_snapshot!(message(replace("batch_size = 32", "batch_size = 301"), &[]), @"error: small.toml: `train.batch_size` (line 17) must be at most the 300 training samples, found 301");
    insta::assert_snapshot!(message(replace("train = 300", ""), &["--set", "train.batch_size=99999"]), @"error: --set train.batch_size=99999: `train.batch_size` must be at most the 1297 training samples, found 99999");
    insta::assert_snapshot!(message(|text| text.replace("train = 300", "").replace("batch_size = 32", "batch_size = 9999"), &[]), @"error: small.toml: `train.batch_size` (line 17) must be at most the 1297 training samples, found 9999");
    insta::assert_snapshot!(message(replace("momentum = 0.9", "momentum = 1.5"), &[]), @"error: small.toml: `optimizer.momentum` (line 14) must be in [0, 1), found 1.5");
    insta::assert_snapshot!(message(replace("\"digits\"", "\"digit\""), &[]), @r#"error: small.toml: `data.dataset` (line 3) must be one of "digits", "mnist", "fashion-mnist", "kmnist", "emnist-balanced", "emnist-byclass", "emnist-bymerge", "emnist-letters", "emnist-digits", "emnist-mnist", "cifar10", "cifar100", "cifar100-coarse", "text", "arrays", "folder", "csv", found "digit"; did you mean "digits"?"#);
    insta::assert_snapshot!(message(replace("train = 300", "train = 3000"), &[]), @"error: `data.train` = 3000 is out of range: this data has 1297 samples there, so give a number from 1 to 1297, or leave the key out for all of them.");
    insta::assert_snapshot!(message(replace("epochs = 6", "epochs = 6\nsteps = 3"), &[]), @"error: small.toml: `train.epochs` (line 18) and `train.steps` cannot both be set: a run has one length");
    insta::assert_snapshot!(message(replace("preset = \"full\"", "measures = [\"hessian.lamda_max\"]"), &[]), @r#"error: small.toml: `hooks.0.measures.0` (line 21) must be the name of a measure, found "hessian.lamda_max"; did you mean "hessian.lambda_max"?"#);
    insta::assert_snapshot!(message(replace("[model]", "[model"), &[]), @"error: small.toml: line 7, column 7: unclosed table, expected `]`");
    insta::assert_snapshot!(message(replace("", ""), &["--backend", "wgpu", "--set", "precision=f64"]), @r#"error: --set precision=f64: `precision` = "f64" needs backend "cpu" or "ndarray", this config has "wgpu" ("cpu" is the reference)"#);
    insta::assert_snapshot!(message(replace("", ""), &["--set", "optimizer.lr=0.1"]), @"error: --set optimizer.lr=0.1: unknown key `optimizer.lr`; did you mean `optimizer.learning_rate`? Allowed in [optimizer]: kind, momentum, nesterov, gradient_threshold, perturbation_radius, perturbation_interval, beta1, beta2, epsilon, alpha, centered, initial_accumulator, learning_rate, weight_decay, weight_decay_excludes");
    insta::assert_snapshot!(message(replace("", ""), &["--set", "train.batch_size"]), @"error: --set train.batch_size: must have the form a.b=value, for example train.batch_size=64");
}

#[test]
fn a_missing_config_names_what_was_tried() {
    let lab = Lab::new();
    let message = lab.run(&["train", "--config", "smal"]).failure(2);
    insta::assert_snapshot!(message, @"error: no config `smal`: tried smal, smal.toml, configs/smal, configs/smal.toml");
    assert_eq!(lab.entries(), ["small.toml"]);
}

#[test]
fn missing_data_names_the_file_and_the_command() {
    let lab = Lab::new();
    let message = lab
        .run(&[
            "train",
            "--config",
            "small.toml",
            "--set",
            "data.dataset=mnist",
        ])
        .failure(2);
    insta::assert_snapshot!(message, @"error: MNIST training images not found: looked for data/mnist/train-images-idx3-ubyte.gz and data/mnist/train-images-idx3-ubyte. Run `lab data fetch mnist --dir data`, or point --data-dir (or LAB_DATA_DIR) at a folder that has them.");
    assert_eq!(lab.entries(), ["small.toml"]);
}

#[test]
fn an_unknown_flag_or_backend_is_bad_input() {
    let lab = Lab::new();
    let message = lab
        .run(&["train", "--config", "small.toml", "--backend", "cuda"])
        .failure(2);
    assert!(message.contains("cpu, ndarray, wgpu"), "{message}");
    lab.run(&["train", "--confg", "small.toml"]).failure(2);
    lab.run(&["tran"]).failure(2);
}
