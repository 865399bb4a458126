//! `lab slice`: lines and planes of the loss, from one solution to another, and what is refused.

use crate::lab::Lab;
use serde_json::Value;

const RUN: &str = "runs/small/seed-0";

/// A lab with two finished seeds of a small network.
fn trained(sets: &[&str]) -> Lab {
    let lab = Lab::new();
    let mut train = vec![
        "train",
        "--config",
        "small.toml",
        "--seeds",
        "0..2",
        "--set",
        "train.epochs=3",
    ];
    for set in sets {
        train.extend(["--set", set]);
    }
    lab.run(&train).success();
    lab
}

/// The rows of a CSV file by the names of its columns.
fn table(text: &str) -> Vec<serde_json::Map<String, Value>> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    lines
        .map(|line| {
            let fields = header.iter().zip(line.split(','));
            fields
                .map(|(name, field)| ((*name).to_owned(), field.into()))
                .collect()
        })
        .collect()
}

fn number(row: &serde_json::Map<String, Value>, name: &str) -> f64 {
    row[name].as_str().unwrap().parse().unwrap()
}

fn json(lab: &Lab, name: &str) -> Value {
    serde_json::from_str(&lab.read(&format!("{RUN}/slices/{name}.json"))).unwrap()
}

#[test]
fn lines_have_the_measured_loss_at_their_centre_and_the_measured_curvature() {
    let lab = trained(&[]);
    let measures = "loss.train,accuracy.train,gradient.norm,hessian.lambda_max";
    let measured = lab
        .run(&["measure", RUN, "--measures", measures, "--format", "json"])
        .success();
    let measured: Value = serde_json::from_str(&measured).unwrap();
    let value = |index: usize| measured[index]["value"].as_f64().unwrap();
    for directions in ["random", "eigenvector", "gradient"] {
        let points = ["slice", RUN, "--directions", directions, "--points", "5"];
        let printed = lab.run(&points).success();
        let rows = table(&lab.read(&format!("{RUN}/slices/{directions}.csv")));
        let places: Vec<f64> = rows.iter().map(|row| number(row, "a")).collect();
        assert_eq!(places, [-1.0, -0.5, 0.0, 0.5, 1.0]);
        assert_eq!(number(&rows[2], "loss"), value(0), "{directions}");
        assert_eq!(
            number(&rows[2], "loss_error"),
            measured[0]["stderr"].as_f64().unwrap()
        );
        assert_eq!(number(&rows[2], "accuracy"), value(1));
        assert_eq!(number(&rows[2], "change"), 0.0);
        assert!(number(&rows[0], "change_error") > 0.0);
        assert!((number(&rows[2], "quadratic") - value(0)).abs() < 1e-12);
        let slice = json(&lab, directions);
        assert_eq!(slice["taken"]["samples"], 300);
        if directions == "gradient" {
            let slope = slice["quadratic"]["slopes"][0].as_f64().unwrap();
            assert!((slope / value(2) - 1.0).abs() < 1e-5, "{slope}");
        }
        if directions == "eigenvector" {
            let found = &slice["quadratic"]["eigenvalues"][0];
            let apart = found["value"].as_f64().unwrap() - value(3);
            assert!(apart.abs() < 2e-3 * value(3), "{found}");
            assert!(
                printed.contains("eigenvalue along eigenvector 1") && printed.contains("residual"),
                "{printed}"
            );
        }
        for (ending, magic) in [("svg", &b"<svg "[..]), ("png", b"\x89PNG")] {
            let bytes = lab.bytes(&format!("{RUN}/slices/{directions}.{ending}"));
            assert!(bytes.starts_with(magic), "{directions}.{ending}");
        }
    }
    // The same command gives the same bytes, another seed another direction.
    let place = format!("{RUN}/slices/random.csv");
    let before = lab.read(&place);
    lab.run(&["slice", RUN, "--points", "5"]).success();
    assert_eq!(lab.read(&place), before);
    lab.run(&["slice", RUN, "--points", "5", "--seed", "9"])
        .success();
    assert_ne!(lab.read(&format!("{RUN}/slices/random-seed-9.csv")), before);

    let plot = |place: &str, out: &str| lab.run(&["plot", place, "--what", "slice", "--out", out]);
    let several = plot(RUN, "slice.svg").failure(2);
    assert!(
        several.contains("has 4 slices; name one of them: "),
        "{several}"
    );
    plot(&format!("{RUN}/slices/random"), "slice.svg").success();
    assert_eq!(
        lab.read("slice.svg"),
        lab.read(&format!("{RUN}/slices/random.svg"))
    );
    let none = plot("runs", "none.svg").failure(2);
    assert!(none.contains("`lab slice runs` makes one"), "{none}");
    assert!(!lab.exists("none.svg"));
}

#[test]
fn planes_are_drawn_beside_their_quadratic_model() {
    let lab = trained(&[]);
    for (flags, name) in [
        (vec!["--dimensions", "2"], "random-plane"),
        (
            vec!["--directions", "eigenvector", "--dimensions", "2"],
            "eigenvector-plane",
        ),
        (
            vec!["--directions", "gradient,random", "--on", "test"],
            "gradient-random-test",
        ),
    ] {
        let mut command = vec!["slice", RUN, "--points", "7", "--range", "-0.5,0.5,-1,1"];
        command.extend(&flags);
        lab.run(&command).success();
        let rows = table(&lab.read(&format!("{RUN}/slices/{name}.csv")));
        assert_eq!(rows.len(), 49, "{name}");
        assert!((number(&rows[1], "a") + 1.0 / 3.0).abs() < 1e-12, "{name}");
        assert_eq!(number(&rows[1], "b"), -1.0, "{name}");
        let slice = json(&lab, name);
        let samples = if name.ends_with("test") { 100 } else { 300 };
        assert_eq!(slice["taken"]["samples"], samples);
        let cosine = slice["cosine"].as_f64().unwrap();
        assert!(cosine.abs() < 0.2, "{name}: {cosine}");
        let picture = lab.read(&format!("{RUN}/slices/{name}.svg"));
        assert!(picture.contains(">quadratic model</text>"), "{name}");
    }
    // Near the solution the model of two eigenvectors is the loss.
    lab.run(&[
        "slice",
        RUN,
        "--directions",
        "eigenvector",
        "--dimensions",
        "2",
        "--points",
        "3",
        "--range",
        "-0.01,0.01",
        "--out",
        "near",
    ])
    .success();
    for row in table(&lab.read("near.csv")) {
        let apart = number(&row, "loss") - number(&row, "quadratic");
        assert!(apart.abs() < 1e-4 * number(&row, "loss"), "{row:?}");
    }
}

#[test]
fn from_one_solution_to_another_matching_lowers_the_barrier() {
    let lab = trained(&[]);
    let printed = lab.run(&["slice", RUN, "runs/small/seed-1"]).success();
    assert!(
        printed.contains("barrier, at") && printed.contains("after matching"),
        "{printed}"
    );
    let name = "interpolation-to-small-seed-1";
    let rows = table(&lab.read(&format!("{RUN}/slices/{name}.csv")));
    assert_eq!(rows.len(), 122);
    let slice = json(&lab, name);
    let [plain, matched] = [0, 1].map(|index| &slice["series"][index]);
    assert_eq!(
        (plain["label"].as_str(), matched["label"].as_str()),
        (Some("as they are"), Some("after matching"))
    );
    let [before, after] =
        [plain, matched].map(|series| series["barrier"]["height"].as_f64().unwrap());
    assert!(after < before && before > 0.1, "{before} {after}");
    assert!(plain["barrier"]["error"].as_f64().unwrap() > 0.0);
    // Both lines end in the same two losses, which are the measured ones.
    let at = |series: &Value, place: f64| {
        let values = series["values"].as_array().unwrap();
        let found = values.iter().find(|value| value["coordinates"][0] == place);
        found.unwrap()["loss"].as_f64().unwrap()
    };
    for (seed, place) in [(0, 0.0), (1, 1.0)] {
        let run = format!("runs/small/seed-{seed}");
        let measured = lab
            .run(&[
                "measure",
                &run,
                "--measures",
                "loss.train",
                "--format",
                "json",
            ])
            .success();
        let measured: Value = serde_json::from_str(&measured).unwrap();
        // Another order of the units rounds in another way.
        for series in [plain, matched] {
            let loss = measured[0]["value"].as_f64().unwrap();
            assert!((at(series, place) / loss - 1.0).abs() < 1e-5, "{seed}");
        }
    }
    let message = lab
        .run(&["slice", RUN, "runs/small/seed-1", "--dimensions", "2"])
        .failure(2);
    assert!(message.contains("a line only"), "{message}");
}

#[test]
fn running_statistics_are_interpolated_or_estimated_anew() {
    let lab = trained(&["model.norm=\"batch\""]);
    let other = "runs/small/seed-1";
    lab.run(&["slice", RUN, other, "--points", "7"]).success();
    let plain = json(&lab, "interpolation-to-small-seed-1");
    assert_eq!(
        plain["taken"]["normalisation"],
        "running statistics interpolated as the parameters are"
    );
    lab.run(&["slice", RUN, other, "--points", "7", "--re-estimate"])
        .success();
    let anew = json(&lab, "interpolation-to-small-seed-1-re-estimated");
    let told = anew["taken"]["normalisation"].as_str().unwrap();
    assert!(told.contains("estimated anew"), "{told}");
    let middle = |slice: &Value| slice["series"][1]["values"][3]["loss"].as_f64().unwrap();
    assert_ne!(middle(&plain), middle(&anew));
    lab.run(&["slice", RUN, "--points", "3", "--re-estimate"])
        .success();
    let about = json(&lab, "random-re-estimated");
    assert!(about["quadratic"].is_null());
    assert!(
        about["notes"].to_string().contains("no quadratic model"),
        "{about}"
    );
}

#[test]
fn a_trajectory_takes_the_checkpoints_that_are_kept() {
    let lab = trained(&["train.keep_checkpoints=100"]);
    lab.run(&[
        "slice",
        RUN,
        "--directions",
        "trajectory",
        "--dimensions",
        "2",
        "--points",
        "9",
    ])
    .success();
    let slice = json(&lab, "trajectory-plane");
    let way = slice["way"].as_array().unwrap();
    // The start and the ends of two epochs; that of the third is the end itself.
    let steps: Vec<u64> = way
        .iter()
        .map(|stop| stop["step"].as_u64().unwrap())
        .collect();
    assert_eq!(steps, [0, 10, 20]);
    assert!(way[0]["loss"].as_f64().unwrap() > way[2]["loss"].as_f64().unwrap());
    let shares = [0, 1].map(|axis| slice["axes"][axis]["share"].as_f64().unwrap());
    assert!(
        shares[0] > shares[1] && shares[0] + shares[1] <= 1.0 + 1e-9,
        "{shares:?}"
    );
    // The range holds the way.
    let places = slice["axes"][0]["places"].as_array().unwrap();
    let start = way[0]["coordinates"][0].as_f64().unwrap();
    assert!(
        places[0].as_f64().unwrap() < 0.0 && places[8].as_f64().unwrap() > start && start > 0.0
    );
    // Training again in its place takes the pictures with it.
    lab.run(&[
        "train",
        "--config",
        "small.toml",
        "--set",
        "train.epochs=1",
        "--force",
    ])
    .success();
    assert!(!lab.exists(&format!("{RUN}/slices")));
    let few = lab
        .run(&[
            "slice",
            RUN,
            "--directions",
            "trajectory",
            "--dimensions",
            "2",
        ])
        .failure(2);
    assert!(few.contains("train.keep_checkpoints"), "{few}");
}

#[test]
fn what_cannot_be_sliced_is_refused_and_nothing_is_written() {
    let lab = trained(&[]);
    let wider = [
        "train",
        "--config",
        "small.toml",
        "--set",
        "name=wider",
        "--set",
        "train.epochs=1",
        "--set",
        "model.hidden=[21]",
    ];
    lab.run(&wider).success();
    let refused = |arguments: &[&str]| lab.run(&[&["slice", RUN], arguments].concat()).failure(2);
    for (arguments, expected) in [
        (
            &["--directions", "sideways"][..],
            "Allowed: one or two of random, eigenvector",
        ),
        (&["--directions", "interpolation"], "needs a second run"),
        (
            &["--directions", "gradient", "--dimensions", "2"],
            "there is one gradient",
        ),
        (
            &["--directions", "random,gradient", "--dimensions", "1"],
            "names two",
        ),
        (
            &["--range", "1,-1"],
            "must be a smaller and a larger number",
        ),
        (
            &["--range", "0,1,2"],
            "must be a smaller and a larger number",
        ),
        (
            &["--points", "5000", "--dimensions", "2"],
            "makes 25000000 places",
        ),
        (&["--re-estimate"], "no running statistics"),
        (
            &["--samples", "10", "--on", "test"],
            "counts training samples",
        ),
        (&["--name", "a/b"], "--out takes a place elsewhere"),
        (&["runs/wider/seed-0"], "its model is another"),
        (&["runs/none"], "there is no such folder"),
        (
            &["runs/small/seed-1", "--directions", "random"],
            "there is one direction",
        ),
    ] {
        let message = refused(arguments);
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
    assert!(!lab.exists(&format!("{RUN}/slices")));
    let weights = format!("{RUN}/model.safetensors");
    let message = lab
        .run(&["slice", "--model", &weights, "--config", "small.toml"])
        .failure(2);
    assert!(message.contains("--out PLACE"), "{message}");
    let out = [
        "slice",
        "--model",
        &weights,
        "--config",
        "small.toml",
        "--points",
        "3",
        "--out",
        "elsewhere",
    ];
    lab.run(&out).success();
    assert!(lab.exists("elsewhere.csv") && lab.exists("elsewhere.png"));
}
