//! Residual networks, transformers, normalisation and dropout through the binary.

use crate::lab::Lab;

const RUN: &str = "runs/net/seed-0";

const RESNET: &str = r#"
name = "net"

[data]
dataset = "digits"
train = 64
test = 32

[model]
kind = "resnet"
width = 2
blocks = [1, 1]

[optimizer]
learning_rate = 0.05
momentum = 0.9

[train]
batch_size = 20
epochs = 3
"#;

const TRANSFORMER: &str = r#"
name = "net"

[data]
dataset = "digits"
train = 64
test = 32

[model]
kind = "transformer"
width = 8
depth = 1
heads = 2
mlp_width = 8
dropout = 0.2

[optimizer]
kind = "adam"
learning_rate = 0.01

[train]
batch_size = 20
epochs = 3
"#;

/// Trains a config into [`RUN`].
fn trained(config: &str) -> Lab {
    let lab = Lab::new();
    lab.write("net.toml", config);
    lab.run(&["train", "--config", "net.toml"]).success();
    lab
}

/// The rows `lab measure` prints as JSON, without the wall-clock time.
fn measured(lab: &Lab, measures: &str, flags: &[&str]) -> Vec<serde_json::Value> {
    let mut arguments = vec!["measure", RUN, "--measures", measures, "--format", "json"];
    arguments.extend(flags);
    let text = lab.run(&arguments).success();
    let mut rows: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    for row in &mut rows {
        row.as_object_mut().unwrap().remove("seconds").unwrap();
    }
    rows
}

#[test]
fn batch_normalisation_measures_in_either_mode_and_says_in_which() {
    let lab = trained(RESNET);
    let measures = "loss.train,hessian.lambda_max,noise.trace";
    let [eval, batch] = ["eval", "batch"].map(|mode| {
        let rows = measured(&lab, measures, &["--norm-mode", mode]);
        assert!(rows.iter().all(|row| row["norm_mode"] == mode), "{rows:?}");
        rows
    });
    for (eval, batch) in eval.iter().zip(&batch).take(2) {
        let [eval, batch] = [eval, batch].map(|row| row["value"].as_f64().unwrap());
        assert!((eval - batch).abs() > 1e-3 * eval.abs(), "{eval} {batch}");
    }
    assert!(eval[2]["value"].is_f64());
    assert!(batch[2]["value"].is_null());
    let reason = batch[2]["reason"].as_str().unwrap();
    assert!(reason.contains("norm"), "{reason}");
}

#[test]
fn a_network_without_running_statistics_has_no_mode_of_normalisation() {
    let lab = trained(TRANSFORMER);
    let rows = measured(&lab, "loss.train", &[]);
    assert!(rows[0]["norm_mode"].is_null(), "{rows:?}");
}

#[test]
fn fixed_dropout_is_another_function_that_does_not_change() {
    let lab = trained(TRANSFORMER);
    let measure = |mode| measured(&lab, "loss.train,hessian.lambda_max", &["--dropout", mode]);
    assert_eq!(measure("fixed"), measure("fixed"));
    assert_ne!(measure("fixed")[0]["value"], measure("off")[0]["value"]);
}

#[test]
fn hooks_leave_weights_and_running_statistics_alone() {
    let hooks = r#"
[[hooks]]
measures = ["loss.train", "hessian.trace"]
norm_mode = "batch"
dropout = "fixed"

[[hooks]]
preset = "light"
unit = "steps"
"#;
    for config in [RESNET, TRANSFORMER] {
        let (plain, hooked) = (trained(config), trained(&format!("{config}{hooks}")));
        let model = |lab: &Lab| lab.bytes(&format!("{RUN}/model.safetensors"));
        assert!(model(&plain) == model(&hooked));
        let rows = hooked.rows(RUN);
        assert!(rows.iter().any(|row| row["name"] == "hessian.trace"));
    }
}

/// Takes a finished run back to an earlier checkpoint and finishes it again.
fn resume_from_an_earlier_checkpoint(lab: &Lab) {
    let mut files: Vec<_> = std::fs::read_dir(lab.path(&format!("{RUN}/checkpoints")))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 2, "{files:?}");
    std::fs::remove_file(files.last().unwrap()).unwrap();
    for file in ["summary.json", "model.safetensors"] {
        std::fs::remove_file(lab.path(&format!("{RUN}/{file}"))).unwrap();
    }
    lab.run(&["train", "--resume", RUN]).success();
}

#[test]
fn running_statistics_and_dropout_masks_survive_a_resumption() {
    for config in [RESNET, TRANSFORMER] {
        let lab = trained(config);
        let state = || {
            (
                lab.bytes(&format!("{RUN}/model.safetensors")),
                lab.rows(RUN),
            )
        };
        let before = state();
        resume_from_an_earlier_checkpoint(&lab);
        assert!(before == state());
    }
}

/// Two files of random images in the format of CIFAR-10.
fn write_cifar(lab: &Lab) {
    let folder = lab.path("data/cifar-10-batches-bin");
    std::fs::create_dir_all(&folder).unwrap();
    for (file, images) in [("data_batch_1.bin", 24_usize), ("test_batch.bin", 8)] {
        let bytes: Vec<u8> = (0..images * 3073)
            .map(|i| match i % 3073 {
                0 => (i / 3073 % 10) as u8,
                place => ((i / 3073 * 31 + place * place) % 251) as u8,
            })
            .collect();
        std::fs::write(folder.join(file), bytes).unwrap();
    }
}

#[test]
fn augmentation_changes_training_survives_a_resumption_and_leaves_measuring_alone() {
    let plain = RESNET
        .replace("digits", "cifar10")
        .replace("train = 64\ntest = 32", "normalize = \"standard\"")
        .replace("batch_size = 20", "batch_size = 12");
    let augmented = plain.replace("\n[model]", "augment = [\"flip\", \"crop\"]\n\n[model]");
    let [plain, augmented] = [plain, augmented].map(|config| {
        let lab = Lab::new();
        write_cifar(&lab);
        lab.write("net.toml", &config);
        lab.run(&["train", "--config", "net.toml"]).success();
        lab
    });
    let model = |lab: &Lab| lab.bytes(&format!("{RUN}/model.safetensors"));
    assert!(model(&plain) != model(&augmented));
    assert_eq!(
        plain.rows(RUN)[0],
        augmented.rows(RUN)[0],
        "the loss at the start"
    );
    let before = model(&augmented);
    resume_from_an_earlier_checkpoint(&augmented);
    assert!(before == model(&augmented));
}

#[test]
fn full_batch_descent_normalises_by_the_whole_batch() {
    // More samples than are swept at once.
    let config = RESNET
        .replace("train = 64", "train = 200")
        .replace("momentum = 0.9", "kind = \"gd\"")
        .replace("batch_size = 20\nepochs = 3", "steps = 1");
    let lab = trained(&config);
    let model = lab.bytes(&format!("{RUN}/model.safetensors"));
    let length = u64::from_le_bytes(model[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&model[8..8 + length]).unwrap();
    let start = header["bn1.num_batches_tracked"]["data_offsets"][0]
        .as_u64()
        .unwrap() as usize;
    let count = &model[8 + length + start..][..8];
    assert_eq!(i64::from_le_bytes(count.try_into().unwrap()), 1);
}

#[test]
fn a_last_batch_of_one_sample_cannot_be_normalised() {
    let lab = Lab::new();
    let set = ["--set", "model.norm=batch", "--set", "data.train=33"];
    let mut arguments = vec!["train", "--config", "small.toml"];
    arguments.extend(set);
    let message = lab.run(&arguments).failure(2);
    assert!(
        message.contains("33 training samples in batches of 32"),
        "{message}"
    );
    assert_eq!(lab.entries(), ["small.toml"]);
}
