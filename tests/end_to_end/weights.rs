//! Weights from elsewhere: files of PyTorch and of others, measured without a config.

use crate::lab::{Finished, Lab};
use safetensors::SafeTensors;
use serde_json::Value;

const RUN: &str = "runs/small/seed-0";

/// A tensor of 32-bit numbers: its name, shape and bytes.
type Tensor = (String, Vec<usize>, Vec<u8>);

/// A run's tensors under other names: what a name begins with, and what takes its place.
fn renamed(lab: &Lab, names: &[(&str, &str)]) -> Vec<Tensor> {
    let bytes = lab.bytes(&format!("{RUN}/model.safetensors"));
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors: Vec<Tensor> = file
        .tensors()
        .into_iter()
        .map(|(name, view)| (name, view.shape().to_vec(), view.data().to_vec()))
        .collect();
    tensors.sort();
    for (name, ..) in &mut tensors {
        for (old, new) in names {
            *name = name.replace(old, new);
        }
    }
    tensors
}

/// What `torch.save({"epoch": 3, "model": {…}}, FILE, _use_new_zipfile_serialization=False)` writes, without the memo.
fn saved(tensors: &[Tensor]) -> Vec<u8> {
    fn text(out: &mut Vec<u8>, text: &str) {
        out.push(b'X');
        out.extend((text.len() as u32).to_le_bytes());
        out.extend(text.as_bytes());
    }
    fn numbers(out: &mut Vec<u8>, numbers: &[usize]) {
        out.push(b'(');
        for &number in numbers {
            out.push(b'J');
            out.extend((number as i32).to_le_bytes());
        }
        out.push(b't');
    }
    let mut out =
        b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}.".to_vec();
    out.extend(b"\x80\x02}");
    text(&mut out, "epoch");
    out.extend(b"K\x03s");
    text(&mut out, "model");
    out.extend(b"ccollections\nOrderedDict\n)R");
    for (key, (name, shape, bytes)) in tensors.iter().enumerate() {
        text(&mut out, name);
        out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        text(&mut out, "storage");
        out.extend(b"ctorch\nFloatStorage\n");
        text(&mut out, &key.to_string());
        text(&mut out, "cpu");
        out.push(b'J');
        out.extend(((bytes.len() / 4) as i32).to_le_bytes());
        out.extend(b"NtQK\x00");
        numbers(&mut out, shape);
        let stride = |axis: usize| shape[axis + 1..].iter().product();
        let strides: Vec<usize> = (0..shape.len()).map(stride).collect();
        numbers(&mut out, &strides);
        out.extend(b"\x89ccollections\nOrderedDict\n)RtRs");
    }
    out.extend(b"s.\x80\x02](");
    for key in 0..tensors.len() {
        text(&mut out, &key.to_string());
    }
    out.extend(b"e.");
    for (_, _, bytes) in tensors {
        out.extend((bytes.len() as i64 / 4).to_le_bytes());
        out.extend(bytes);
    }
    out
}

fn rows(finished: &Finished) -> Vec<Value> {
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    serde_json::from_str(&finished.stdout).unwrap()
}

#[test]
fn a_file_of_pytorch_is_measured_without_a_config() {
    let lab = Lab::new();
    lab.run(&["train", "--config", "small.toml", "--quiet"])
        .success();
    let names = [("layers.0", "module.fc1"), ("layers.1", "module.out")];
    std::fs::write(lab.path("w.pt"), saved(&renamed(&lab, &names))).unwrap();
    let measures = "loss.train,loss.test,run.learning_rate,run.batch_size,stability.gd,noise.signal,distance.init";
    let shared = ["--measures", measures, "--format", "json"];
    let data = [
        "--data",
        "digits",
        "--set",
        "data.train=300",
        "--set",
        "data.test=100",
    ];
    let found = lab.run(&[&["measure", "w.pt"], &data[..], &shared].concat());
    let own = rows(&lab.run(&[&["measure", RUN], &shared[..]].concat()));
    let elsewhere = rows(&found);
    for (theirs, ours) in elsewhere[..2].iter().zip(&own) {
        assert!(ours["value"].is_number());
        assert_eq!(theirs["value"], ours["value"]);
    }
    // What nobody told is not invented: neither of the training, nor a seed.
    assert!(elsewhere[0]["seed"].is_null() && own[0]["seed"] == 0);
    let chosen = ["--set", "seed=7"];
    let chosen = rows(&lab.run(&[&["measure", "w.pt"], &data[..], &chosen, &shared].concat()));
    assert_eq!(chosen[0]["seed"], 7);
    let table = ["--measures", "norm.l2", "--format", "csv"];
    let table = lab.run(&[&["measure", "w.pt"], &data[..], &table].concat());
    assert!(table.success().contains("\nw,,,,norm.l2,"));
    for row in &elsewhere[2..] {
        assert!(row["value"].is_null() && row["reason"].is_string(), "{row}");
    }
    assert!(
        found.stderr.starts_with("accuracy on the test part "),
        "{}",
        found.stderr
    );
    for line in [
        " %: is it yours?\n",
        "  read as an MLP 64-20-10\n",
        "  assumed: relu between layers",
        "  renamed, from the name in the file to the name here:\n",
        "  fc1 -> layers.0\n",
        "  out -> layers.1\n",
    ] {
        assert!(
            found.stderr.contains(line),
            "{line} is missing from\n{}",
            found.stderr
        );
    }
    // The same with a config, and with an activation that shapes do not tell.
    let described = ["measure", "--model", "w.pt", "--config", "small.toml"];
    let described = rows(&lab.run(&[&described[..], &shared].concat()));
    assert_eq!(described[0]["value"], own[0]["value"]);
    let tanh = ["--set", "model.activation=tanh"];
    let tanh = rows(&lab.run(&[&["measure", "w.pt"], &data[..], &tanh, &shared].concat()));
    assert_ne!(tanh[0]["value"], own[0]["value"]);
    let scaled = ["--normalize", "0.1/0.5"];
    let scaled = rows(&lab.run(&[&["measure", "w.pt"], &data[..], &scaled, &shared].concat()));
    assert_ne!(scaled[0]["value"], own[0]["value"]);
}

/// Two files by one command: what each of them gives alone.
#[test]
fn several_files_are_measured_one_after_another() {
    let lab = Lab::new();
    for seed in ["0", "1"] {
        let train = [
            "train",
            "--config",
            "small.toml",
            "--set",
            "hooks=[]",
            "--set",
        ];
        lab.run(&[&train[..], &[&format!("seed={seed}")]].concat())
            .success();
        let weights = lab.bytes(&format!("runs/small/seed-{seed}/model.safetensors"));
        std::fs::write(lab.path(&format!("w{seed}.safetensors")), weights).unwrap();
    }
    let measure = |files: &[&str]| {
        let measures = [
            "--data",
            "digits",
            "--measures",
            "norm.l2,accuracy.test",
            "--format",
            "json",
            "--quiet",
        ];
        let finished = lab.run(&[&["measure"], files, &measures].concat());
        let rows = rows(&finished);
        let value = |row: &Value| {
            (
                row["run"].to_string(),
                row["name"].to_string(),
                row["value"].as_f64().unwrap(),
            )
        };
        rows.iter().map(value).collect::<Vec<_>>()
    };
    let [one, other] = ["w0.safetensors", "w1.safetensors"].map(|file| measure(&[file]));
    assert_ne!(one[0].2, other[0].2);
    assert_eq!(
        measure(&["w0.safetensors", "w1.safetensors"]),
        [one, other].concat()
    );
    let page = lab.run(&[
        "measure",
        "w0.safetensors",
        "w1.safetensors",
        "--data",
        "digits",
        "--measures",
        "norm.l2,accuracy.test",
        "--quiet",
    ]);
    // Quiet or not, it is asked whose the accuracy is, of each of them.
    assert_eq!(
        page.stderr.matches("is it yours?").count(),
        2,
        "{}",
        page.stderr
    );
    let page = page.success();
    let cells = |line: usize| -> Vec<&str> {
        let line = page.lines().nth(line).unwrap();
        line.split('|').map(str::trim).collect()
    };
    assert_eq!(
        cells(0)[1..4],
        ["measure", "w0.safetensors", "w1.safetensors"]
    );
    assert!(
        cells(2)[1] == "norm.l2" && cells(2)[2] != cells(2)[3],
        "{page}"
    );
    assert!(page.contains("one solution in each place"), "{page}");
}

#[test]
fn what_is_open_or_hostile_is_refused_in_a_line() {
    let lab = Lab::new();
    lab.run(&[
        "train",
        "--config",
        "small.toml",
        "--set",
        "hooks=[]",
        "--quiet",
    ])
    .success();
    std::fs::write(lab.path("w.pt"), saved(&renamed(&lab, &[]))).unwrap();
    let message = |arguments: &[&str]| lab.run(&[&["measure"], arguments].concat()).failure(2);
    let digits = |arguments: &[&str]| message(&[&["w.pt", "--data", "digits"], arguments].concat());
    insta::assert_snapshot!(message(&["w.pt"]), @"error: w.pt is a file of weights: give the data to measure it on (--data mnist), or the config of its model (--model w.pt --config FILE)");
    insta::assert_snapshot!(digits(&["--set", "optimizer.learning_rate=0.1"]), @"error: w.pt: --set optimizer.learning_rate: weights alone can be given data.*, model.*, seed, backend, precision, train.loss; what else there is to set is about training, which a config describes: --model FILE --config FILE");
    insta::assert_snapshot!(digits(&["--set", "data.classes=[0, 1]"]), @"error: w.pt: has 10 outputs, and digits needs 2; choose other data (--data), or see --set data.classes");
    insta::assert_snapshot!(digits(&["--rename", "layers("]), @r"error: --rename layers(: must have the form PATTERN=NAME, for example 'fc(\d)=layers.$1'");
    insta::assert_snapshot!(digits(&["--normalize", "imagenet"]), @"error: `data.normalize` has means and deviations for another number of channels: the images of digits have 1. Give one of each for all channels, or 1.");
    insta::assert_snapshot!(digits(&["--norm-mode", "batch"]), @"error: --norm-mode batch: weights alone do not tell the size of a batch; a config does (--model FILE --config FILE)");
    insta::assert_snapshot!(message(&[RUN, "--data", "digits"]), @"error: --data digits: runs/small/seed-0 is no file of weights; a run is measured on its own data");
    std::fs::write(
        lab.path("w.pt"),
        b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R.",
    )
    .unwrap();
    insta::assert_snapshot!(digits(&[]), @"error: w.pt: runs code: `posix.system`; only tensors are read. In Python: torch.save(model.state_dict(), FILE)");
    std::fs::write(lab.path("w.pt"), b"PK\x03\x04").unwrap();
    insta::assert_snapshot!(digits(&[]), @"error: w.pt: not a zip archive: Missing end of central directory");
}
