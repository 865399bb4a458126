//! Data of one's own, through the binary: the configs of `configs/own`.

use crate::lab::Lab;
use std::path::{Path, PathBuf};

fn own(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/own");
    folder.join(name)
}

fn config(name: &str) -> String {
    own(name).display().to_string()
}

#[test]
fn arrays_pictures_and_tables_are_trained_on_from_anywhere() {
    let lab = Lab::new();
    for (name, epochs, source) in [
        ("npz", 20, "bars.npz"),
        ("folder", 2, "bars/ (24 pictures)"),
        ("csv", 30, "moons.csv"),
    ] {
        let epochs = format!("train.epochs={epochs}");
        let config = config(&format!("{name}.toml"));
        let trained = lab.run(&["train", "--config", &config, "--set", &epochs]);
        let drawn =
            "no test part is given: 32 of the 160 samples, drawn by data.split_seed = 0, are it";
        assert_eq!(trained.stderr.contains(drawn), name == "csv", "{trained:?}");
        let table = trained.success();
        assert!(
            table.contains("accuracy.test") && !table.contains("r2.test"),
            "{table}"
        );
        let record = lab.read(&format!("runs/{name}/seed-0/run.json"));
        assert!(record.contains(source), "{record}");
    }
    for (name, least) in [("npz", 0.9), ("csv", 0.9)] {
        let rows = lab.rows(&format!("runs/{name}/seed-0"));
        let row = rows.iter().rfind(|row| row["name"] == "accuracy.test");
        let value = row.unwrap()["value"].as_f64().unwrap();
        assert!(value >= least, "{name}: {value}");
    }
    // The run's own config finds the data from anywhere.
    let table = lab.run(&["measure", "runs/npz/seed-0", "--measures", "accuracy.test"]);
    assert!(table.success().contains("accuracy.test"));
}

#[test]
fn numbers_are_predicted_without_a_word_of_accuracy() {
    let lab = Lab::new();
    let config = config("regression.toml");
    let epochs = ["--set", "train.epochs=40", "--set", "hooks.0.every=20"];
    let arguments = ["train", "--config", &config, "--seeds", "0..3"];
    let trained = lab.run(&[&arguments[..], &epochs[..]].concat());
    let mut told = vec![trained.stderr.clone(), trained.success()];
    assert!(told[1].contains("test R² 0."), "{told:?}");
    for name in [
        "r2.test",
        "rmse.test",
        "hessian.lambda_max",
        "noise.trace",
        "sharpness.sam",
    ] {
        assert!(told[1].contains(name), "{name}: {told:?}");
    }
    let rows = lab.rows("runs/regression/seed-0");
    let last = |name: &str| {
        let row = rows.iter().rfind(|row| row["name"] == name).unwrap();
        row["value"].as_f64().unwrap_or_else(|| panic!("{row}"))
    };
    // Noise of deviation 1 beside a signal of variance 24: about 0.96 at best.
    assert!(
        (0.5..0.99).contains(&last("r2.test")),
        "{}",
        last("r2.test")
    );
    let of_loss = (2.0 * last("loss.test")).sqrt();
    assert!((last("rmse.test") / of_loss - 1.0).abs() < 1e-6);
    for command in [
        &["compare", "runs/regression", "--all"][..],
        &["plot", "runs/regression", "--out", "a.svg"],
        &["report", "runs/regression", "--out", "a.html"],
        &["train", "--config", &config, "--dry-run"],
    ] {
        let finished = lab.run(command);
        told.push(finished.stderr.clone());
        told.push(finished.success());
    }
    told.push(lab.read("a.svg"));
    for text in &told {
        assert!(!text.to_lowercase().contains("accuracy"), "{text}");
    }
    assert!(lab.read("a.svg").contains("R²"));
}

#[test]
fn what_needs_classes_is_a_row_with_the_reason() {
    let lab = Lab::new();
    let config = config("regression.toml");
    let set = ["--set", "train.epochs=1", "--set", "hooks="];
    lab.run(&[&["train", "--config", &config][..], &set].concat())
        .success();
    let names = "accuracy.test,margin.median,margin.input.median,margin.hidden.1.median,calibration.ece,\
                 calibration.temperature,probe.last,collapse.nc1,kernel.alignment,pac_bayes.bound";
    let known: Vec<String> = {
        let help = lab.run(&["measure", "--help"]).success();
        let is_known = |name: &&str| help.contains(&format!("  {name} "));
        names
            .split(',')
            .map(str::trim)
            .filter(is_known)
            .map(str::to_owned)
            .collect()
    };
    assert!(known.len() >= 6, "{known:?}");
    let run = "runs/regression/seed-0";
    let arguments = ["measure", run, "--format", "json", "--measures"];
    let table = lab
        .run(&[&arguments[..], &[&known.join(",")]].concat())
        .success();
    let rows: serde_json::Value = serde_json::from_str(&table).unwrap();
    for row in rows.as_array().unwrap() {
        assert_eq!(row["failure"], "not_defined", "{row}");
        let reason = row["reason"].as_str().unwrap();
        assert!(
            reason.contains("there are no classes to tell apart"),
            "{row}"
        );
    }
    // Of a preset only what means something is taken.
    let arguments = ["measure", run, "--measures", "light"];
    let table = lab.run(&arguments).success();
    assert!(
        table.contains("rmse.test") && !table.contains("accuracy"),
        "{table}"
    );
}

/// Weights that predict numbers are measured without a config, as the run that they are of is.
#[test]
fn weights_that_predict_numbers_are_measured_on_data_of_ones_own() {
    let lab = Lab::new();
    let config = config("regression.toml");
    let set = ["--set", "train.epochs=1", "--set", "hooks="];
    lab.run(&[&["train", "--config", &config][..], &set].concat())
        .success();
    let run = "runs/regression/seed-0";
    std::fs::write(
        lab.path("w.safetensors"),
        lab.bytes(&format!("{run}/model.safetensors")),
    )
    .unwrap();
    let file = format!("data.file={}", own("friedman.csv").display());
    let said = [
        &file,
        "data.target=y",
        "data.task=regression",
        "data.normalize=standard",
        "train.loss=square",
        "model.activation=tanh",
    ];
    let mut arguments = vec!["measure", "w.safetensors", "--data", "csv"];
    arguments.extend(said.iter().flat_map(|said| ["--set", said]));
    let measures = [
        "--measures",
        "loss.train,rmse.test,norm.l2",
        "--format",
        "json",
    ];
    let bare = lab.run(&[&arguments[..], &measures].concat());
    assert!(
        bare.stderr.contains("R² on the test part "),
        "{}",
        bare.stderr
    );
    let values = |text: &str| -> Vec<serde_json::Value> {
        let rows: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
        rows.into_iter().map(|row| row["value"].clone()).collect()
    };
    let own = lab.run(&[&["measure", run][..], &measures].concat());
    assert_eq!(values(&bare.success()), values(&own.success()));
}

#[test]
fn paths_begin_at_the_config_and_other_data_are_refused() {
    let lab = Lab::new();
    std::fs::create_dir_all(lab.path("sets/mine")).unwrap();
    let table = std::fs::read_to_string(own("moons.csv")).unwrap();
    let text = std::fs::read_to_string(own("csv.toml")).unwrap();
    lab.write("sets/mine/moons.csv", &table);
    lab.write(
        "sets/a.toml",
        &text.replace("\"moons.csv\"", "\"mine/moons.csv\""),
    );
    let short = ["--set", "train.epochs=1"];
    lab.run(&[&["train", "--config", "sets/a.toml"][..], &short].concat())
        .success();
    // A path in a flag begins at the working folder.
    let flag = ["--set", "data.file=sets/mine/moons.csv", "--out", "others"];
    lab.run(&[&["train", "--config", "sets/a.toml"][..], &short, &flag].concat())
        .success();
    let wrong = ["--set", "data.file=mine/moons.csv", "--out", "no"];
    let message = lab
        .run(&[&["train", "--config", "sets/a.toml"][..], &wrong].concat())
        .failure(2);
    assert!(message.contains("cannot use `data.file` = "), "{message}");
    assert!(!lab.exists("no"));
    // Runs of one file are of one kind, wherever it lies.
    lab.write("sets/mine/moons.csv", &table.replacen("0.698", "0.699", 1));
    let message = lab.run(&["measure", "runs/a/seed-0"]).failure(2);
    assert!(
        message.contains("the run began with moons.csv of SHA-256"),
        "{message}"
    );
    lab.write("sets/mine/moons.csv", &table.replacen("0.698", "x", 1));
    let message = lab
        .run(&["train", "--config", "sets/a.toml", "--force"])
        .failure(2);
    assert!(
        message.contains("line 2, column 1 (\"a\"): \"x\" is no number"),
        "{message}"
    );
}
