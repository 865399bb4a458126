//! A text, learnt character by character, through the binary.

use crate::lab::Lab;

const CONFIG: &str = r#"
name = "text"
precision = "f64"

[data]
dataset = "text"
file = "abc.txt"
sequence = 6

[model]
kind = "transformer"
width = 8
depth = 1
heads = 2
mlp_width = 16

[optimizer]
kind = "adam"
learning_rate = 0.02

[train]
batch_size = 16
epochs = 15
"#;

const RUN: &str = "runs/text/seed-0";

/// A folder with the config and a text that says "abc" `times` times.
fn lab(times: usize) -> Lab {
    let lab = Lab::new();
    lab.write("text.toml", CONFIG);
    std::fs::create_dir(lab.path("data")).unwrap();
    lab.write("data/abc.txt", &"abc".repeat(times));
    lab
}

fn train(lab: &Lab, flags: &[&str]) -> crate::lab::Finished {
    let mut arguments = vec!["train", "--config", "text.toml", "--data-dir", "data"];
    arguments.extend(flags);
    lab.run(&arguments)
}

fn value<'a>(rows: &'a [serde_json::Value], name: &str) -> &'a serde_json::Value {
    let row = rows.iter().rfind(|row| row["name"] == name);
    row.unwrap_or_else(|| panic!("no {name} in {rows:?}"))
}

#[test]
fn a_repeated_text_is_learnt_and_measured() {
    let lab = lab(240);
    train(&lab, &[]).success();
    let measures = "loss.train,loss.test,accuracy.test,hessian.lambda_max,margin.min,margin.mean,\
                    margin.input.p10,noise.trace";
    let arguments = [
        "measure",
        RUN,
        "--measures",
        measures,
        "--data-dir",
        "data",
        "--format",
        "json",
    ];
    let text = lab.run(&arguments).success();
    let rows: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    for name in ["loss.train", "loss.test"] {
        assert!(
            value(&rows, name)["value"].as_f64().unwrap() < 0.1,
            "{rows:?}"
        );
    }
    let accuracy = value(&rows, "accuracy.test");
    // 72 characters are 11 windows of 6 and what comes after each.
    assert_eq!(
        (&accuracy["value"], &accuracy["samples"]),
        (&1.0.into(), &11.into())
    );
    assert!(
        value(&rows, "hessian.lambda_max")["value"].is_number(),
        "{rows:?}"
    );
    assert!(value(&rows, "noise.trace")["value"].is_number(), "{rows:?}");
    assert!(value(&rows, "margin.min")["value"].as_f64().unwrap() > 0.0);
    let mean = value(&rows, "margin.mean");
    assert!(
        mean["value"].is_number() && mean["stderr"].is_null(),
        "{mean}"
    );
    let input = value(&rows, "margin.input.p10").to_string();
    assert!(
        input.contains("there is no distance between tokens"),
        "{input}"
    );
}

#[test]
fn the_run_records_the_digest_of_the_text() {
    let lab = lab(40);
    train(&lab, &["--set", "train.epochs=1"]).success();
    let record: serde_json::Value =
        serde_json::from_str(&lab.read(&format!("{RUN}/run.json"))).unwrap();
    // printf 'abc%.0s' $(seq 40) | sha256sum
    let digest = "b02c2454cf7a177aefdeb3e3d26b447fcc3d5db67be300d67e702c2b062dbb88";
    assert_eq!(record["data"][0]["name"], "abc.txt", "{record}");
    assert_eq!(record["data"][0]["sha256"], digest, "{record}");
    let resolved = lab.read(&format!("{RUN}/config.toml"));
    assert!(
        resolved.contains("sequence = 6") && !resolved.contains("patch"),
        "{resolved}"
    );
}

#[test]
fn what_a_text_cannot_be_used_with_is_refused() {
    let cases: [(&[&str], &str); 8] = [
        (&["data.file=no.txt"], "data/no.txt"),
        (
            &["data.sequence=12"],
            "it has 120 bytes, and `data.sequence` = 12 needs at least 130",
        ),
        (
            &["train.loss=square"],
            "`train.loss` must be \"cross_entropy\"",
        ),
        (
            &["model.patch=4"],
            "`model.patch` only applies to data.dataset other than \"text\"",
        ),
        (&["model.pool=mean"], "`model.pool` only applies"),
        (&["data.label_noise=0.1"], "`data.label_noise` only applies"),
        (
            &["data.subset=stratified"],
            "`data.subset` = \"stratified\" needs a class of each sample",
        ),
        (
            &["data.dataset=digits"],
            "--set data.dataset=digits: `data.file` only applies to data.dataset = \"text\"",
        ),
    ];
    let lab = lab(40);
    for (settings, expected) in cases {
        let flags: Vec<&str> = settings.iter().flat_map(|set| ["--set", set]).collect();
        let message = train(&lab, &flags).failure(2);
        assert!(message.contains(expected), "{settings:?}: {message}");
    }
    lab.write("text.toml", "data.dataset = \"text\"\ndata.file = \"abc.txt\"\noptimizer.learning_rate = 0.1\ntrain.epochs = 1");
    let message = train(&lab, &[]).failure(2);
    let expected = "`model.kind` must be \"transformer\", the only kind that reads a sequence";
    assert!(message.contains(expected), "{message}");
}
