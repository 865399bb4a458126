//! Files, folders and constants that others made: read where they can be, named where not.

use crate::lab::{Finished, Lab};
use flate2::{Compression, write::GzEncoder};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use std::io::Write;

const MNIST: &str = r#"
data.dataset = "mnist"
model.hidden = [4]
optimizer.learning_rate = 0.1
train.batch_size = 5
train.epochs = 1
"#;

/// A gzip member.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The bytes of an IDX file: the magic number, the dimensions, the content.
fn idx(dimensions: &[u32], content: &[u8]) -> Vec<u8> {
    let magic = [0, 0, 8, dimensions.len() as u8];
    let sizes = dimensions.iter().flat_map(|size| size.to_be_bytes());
    magic
        .into_iter()
        .chain(sizes)
        .chain(content.iter().copied())
        .collect()
}

/// A folder with `train` and `test` samples of MNIST, each file packed by `pack` into `.gz`.
fn mnist(train: u32, test: u32, pack: impl Fn(&[u8]) -> Vec<u8>) -> Lab {
    let lab = Lab::new();
    lab.write("mnist.toml", MNIST);
    std::fs::create_dir_all(lab.path("data/mnist")).unwrap();
    for (part, count) in [("train", train), ("t10k", test)] {
        let pixels: Vec<u8> = (0..count * 784).map(|at| (at * 7) as u8).collect();
        let labels: Vec<u8> = (0..count).map(|at| (at % 10) as u8).collect();
        let files = [
            ("images-idx3", idx(&[count, 28, 28], &pixels)),
            ("labels-idx1", idx(&[count], &labels)),
        ];
        for (name, bytes) in files {
            let path = lab.path(&format!("data/mnist/{part}-{name}-ubyte.gz"));
            std::fs::write(path, pack(&bytes)).unwrap();
        }
    }
    lab
}

fn train(lab: &Lab) -> Finished {
    lab.run(&["train", "--config", "mnist.toml", "--quiet"])
}

#[test]
fn gzip_of_several_members_is_read_and_a_cut_member_is_damage() {
    let members = |bytes: &[u8]| bytes.chunks(900).flat_map(gzip).collect::<Vec<u8>>();
    let split = mnist(10, 10, members);
    train(&split).success();
    let whole = mnist(10, 10, gzip);
    train(&whole).success();
    let weights = "runs/mnist/seed-0/model.safetensors";
    assert_eq!(split.bytes(weights), whole.bytes(weights));
    let list = split.run(&["data", "verify", "mnist"]).success();
    assert_eq!(list.matches("readable (10 samples)").count(), 4, "{list}");

    let cut = mnist(10, 10, |bytes| {
        let packed = members(bytes);
        packed[..packed.len() - 3].to_vec()
    });
    let message = train(&cut).failure(2);
    insta::assert_snapshot!(message, @"error: data/mnist/train-images-idx3-ubyte.gz: the gzip data is damaged (unexpected end of file). Run `lab data fetch mnist --dir data` to replace it.");
    assert!(!cut.exists("runs"));
}

#[test]
fn a_data_file_without_samples_is_named() {
    let message = train(&mnist(0, 10, gzip)).failure(2);
    insta::assert_snapshot!(message, @"error: data/mnist/train-images-idx3-ubyte.gz: it holds 0 images, expected at least 1. Run `lab data fetch mnist --dir data` to replace it.");
    let lab = mnist(10, 0, gzip);
    let message = train(&lab).failure(2);
    insta::assert_snapshot!(message, @"error: data/mnist/t10k-images-idx3-ubyte.gz: it holds 0 images, expected at least 1. Run `lab data fetch mnist --dir data` to replace it.");
    let list = lab.run(&["data", "list"]).success();
    let row = list.lines().find(|line| line.contains("| mnist")).unwrap();
    assert!(row.contains("| no"), "{row}");
}

#[test]
fn a_variable_set_to_nothing_is_not_set_and_an_empty_flag_is_an_error() {
    let lab = mnist(10, 10, gzip);
    for arguments in [
        &["train", "--config", "mnist.toml", "--quiet"][..],
        &["measure", "runs/mnist/seed-0", "--measures", "norm.l2"],
        &["data", "verify", "mnist"],
        &["data", "list"],
        &["compare", "runs"],
        &["selfcheck", "--help"],
    ] {
        let mut command = lab.command(arguments);
        let done = command.env("LAB_DATA_DIR", "").env("LAB_DATA_MIRROR", "");
        Finished::of(done.output().unwrap()).success();
    }
    let named = lab.path("data");
    std::fs::rename(&named, lab.path("sets")).unwrap();
    let mut command = lab.command(&["data", "verify", "mnist"]);
    command.env("LAB_DATA_DIR", "sets");
    Finished::of(command.output().unwrap()).success();

    for arguments in [
        &["train", "--config", "mnist.toml", "--data-dir", ""][..],
        &["data", "list", "--dir", ""],
    ] {
        let message = lab.run(arguments).failure(2);
        assert!(
            message.contains("the name is empty; name a folder, or leave the flag out"),
            "{message}"
        );
    }
}

#[test]
fn constants_that_f32_cannot_hold_are_config_errors() {
    let lab = Lab::new();
    let message = |sets: &[&str]| {
        let mut arguments = vec!["train", "--config", "small.toml"];
        arguments.extend(sets.iter().flat_map(|set| ["--set", set]));
        let message = lab.run(&arguments).failure(2);
        assert_eq!(lab.entries(), ["small.toml"], "something was created");
        message
    };
    lab.write(
        "small.toml",
        &crate::lab::CONFIG
            .replace("momentum = 0.9", "")
            .replace("\"sgd\"", "\"adam\""),
    );
    insta::assert_snapshot!(message(&["optimizer.epsilon=1e-46"]), @r#"error: --set optimizer.epsilon=1e-46: `optimizer.epsilon` = 1e-46 cannot be held in f32, which makes 0.0 of it: give one from 1.2e-38 to 3.4e38, or set precision = "f64""#);
    insta::assert_snapshot!(message(&["optimizer.beta2=0.999999999"]), @r#"error: --set optimizer.beta2=0.999999999: `optimizer.beta2` = 0.999999999 cannot be held in f32, which makes 1.0 of it: give one of at most 0.9999997, or set precision = "f64""#);
    insta::assert_snapshot!(message(&["optimizer.learning_rate=1e-50"]), @r#"error: --set optimizer.learning_rate=1e-50: `optimizer.learning_rate` = 1e-50 cannot be held in f32, which makes 0.0 of it: give one from 1.2e-38 to 3.4e38, or set precision = "f64""#);
    let f64 = [
        "--set",
        "optimizer.learning_rate=1e-50",
        "--set",
        "precision=f64",
        "--dry-run",
    ];
    let arguments = [&["train", "--config", "small.toml"], &f64[..]].concat();
    lab.run(&arguments).success();
}

/// A small ResNet's weights, with every counter of batches in another type and shape.
fn with_counters(file: &[u8], dtype: Dtype, shape: &[usize], count: &[u8]) -> Vec<u8> {
    let file = SafeTensors::deserialize(file).unwrap();
    let tensors = file.iter().map(|(name, view)| {
        let is_counter = name.ends_with("num_batches_tracked");
        let counter = || TensorView::new(dtype, shape.to_vec(), count).unwrap();
        (name, if is_counter { counter() } else { view })
    });
    safetensors::serialize(tensors.collect::<Vec<_>>(), None).unwrap()
}

#[test]
fn counters_of_batches_are_read_as_converters_write_them() {
    let lab = Lab::new();
    lab.write(
        "rn.toml",
        "data.dataset = \"digits\"\ndata.train = 100\ndata.test = 50\nmodel.kind = \"resnet\"\nmodel.blocks = [1]\nmodel.width = 4\noptimizer.learning_rate = 0.05\ntrain.batch_size = 33\ntrain.steps = 3",
    );
    lab.run(&["train", "--config", "rn.toml", "--quiet"])
        .success();
    let trained = lab.bytes("runs/rn/seed-0/model.safetensors");
    let measure = |bytes: Vec<u8>| {
        std::fs::write(lab.path("w.safetensors"), bytes).unwrap();
        let arguments = [
            "measure",
            "--model",
            "w.safetensors",
            "--config",
            "rn.toml",
            "--measures",
            "loss.train",
            "--format",
            "json",
        ];
        lab.run(&arguments)
    };
    let value = |text: String| {
        serde_json::from_str::<serde_json::Value>(&text).unwrap()[0]["value"].clone()
    };
    let expected = value(measure(trained.clone()).success());
    assert!(expected.is_number(), "{expected}");
    let float = with_counters(&trained, Dtype::F32, &[], &3_f32.to_le_bytes());
    assert_eq!(value(measure(float).success()), expected);
    let axis = with_counters(&trained, Dtype::I32, &[1], &3_i32.to_le_bytes());
    assert_eq!(value(measure(axis).success()), expected);
    let half = with_counters(&trained, Dtype::F16, &[], &[0, 0]);
    assert_eq!(value(measure(half).success()), expected);
}
