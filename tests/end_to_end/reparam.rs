//! `lab reparam`, and its rows while training.

use crate::lab::{CONFIG, Lab};

const RUN: &str = "runs/small/seed-0";
const SHORT: &str =
    "loss.train,norm.l2,gradient.norm,hessian.lambda_max,hessian.lambda_max.adaptive";

fn trained() -> Lab {
    let lab = Lab::new();
    lab.run(&["train", "--config", "small.toml"]).success();
    lab
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

/// The line of a measure under a map.
fn line<'a>(reports: &'a serde_json::Value, map: &str, measure: &str) -> &'a serde_json::Value {
    let of = |list: &'a serde_json::Value, key: &str, word: &str| {
        let mut items = list.as_array().unwrap().iter();
        items.find(|item| item[key] == word).unwrap()
    };
    of(&of(reports, "map", map)["lines"], "measure", measure)
}

#[test]
fn sharpness_moves_under_maps_that_leave_the_function_alone_and_its_invariants_do_not() {
    let lab = trained();
    let command = ["reparam", RUN, "--measures", SHORT, "--format", "json"];
    let reports = json(&lab.run(&command).success());
    assert_eq!(reports.as_array().unwrap().len(), 3);
    let ratio = |map, measure| line(&reports, map, measure)["ratio"].as_f64().unwrap();
    for map in ["layer-rescaling", "unit-rescaling"] {
        assert!((ratio(map, "hessian.lambda_max.adaptive") - 1.0).abs() < 2e-3);
        assert_eq!(
            line(&reports, map, "hessian.lambda_max")["verdict"],
            "moved"
        );
        assert_eq!(line(&reports, map, "loss.train")["verdict"], "kept");
    }
    assert!(ratio("layer-rescaling", "hessian.lambda_max") > 5.0);
    for measure in SHORT.split(',') {
        assert_eq!(line(&reports, "permutation", measure)["verdict"], "kept");
    }
    for report in reports.as_array().unwrap() {
        let outputs = &report["function"]["outputs"];
        assert!(outputs["moved"].as_f64() < outputs["allowed"].as_f64());
        assert!(outputs["allowed"].as_f64() < Some(1e-3));
    }
}

/// The trace splits into the blocks of the two layers and biases, of which a factor moves one by its square and another by the inverse
/// of that: ten times the factor moves what grows a hundredfold. What is said of a map names the factor.
#[test]
fn a_layer_is_rescaled_by_as_much_as_one_likes() {
    let lab = trained();
    let by = |factor: &str| {
        let command = [
            "reparam",
            RUN,
            "--maps",
            "layer-rescaling",
            "--measures",
            "hessian.trace,hessian.lambda_max.adaptive",
            "--factor",
            factor,
            "--format",
            "json",
        ];
        let reports = json(&lab.run(&command).success());
        let ratio = |measure| {
            line(&reports, "layer-rescaling", measure)["ratio"]
                .as_f64()
                .unwrap()
        };
        (
            ratio("hessian.trace"),
            ratio("hessian.lambda_max.adaptive"),
            reports[0]["description"].to_string(),
        )
    };
    let (ten, kept, said) = by("10");
    assert!(
        (kept - 1.0).abs() < 2e-3 && said.contains("factors of 0.10 and 10"),
        "{said}"
    );
    let (hundred, kept, said) = by("100");
    assert!(
        (kept - 1.0).abs() < 2e-3 && said.contains("factors of 0.010 and 100"),
        "{said}"
    );
    assert!((hundred / ten / 100.0 - 1.0).abs() < 0.1, "{ten} {hundred}");
}

#[test]
fn every_claim_of_the_catalogue_is_kept_on_a_trained_network() {
    let lab = trained();
    let table = lab.run(&["reparam", RUN]).success();
    let is_adaptive = |line: &&str| line.starts_with("| hessian.lambda_max.adaptive");
    let adaptive = table.lines().find(is_adaptive).unwrap();
    assert_eq!(adaptive.matches("1.000 PASS").count(), 3, "{table}");
    assert!(!table.contains("FAIL "), "{table}");
    let widest = table
        .lines()
        .filter(|line| line.starts_with('|'))
        .map(|line| line.chars().count());
    assert!(widest.max() <= Some(112), "{table}");
}

#[test]
fn the_same_table_has_two_more_forms_and_the_maps_their_own_seed() {
    let lab = trained();
    let command = |more: &[&'static str]| {
        let mut words = vec!["reparam", RUN, "--measures", "norm.l2", "--format", "csv"];
        words.extend(more);
        lab.run(&words).success()
    };
    let csv = command(&["--maps", "unit-rescaling"]);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines[0],
        "map,measure,before,after,ratio,moved_by,allowed,claimed,verdict,reason"
    );
    assert!(
        lines[1].starts_with("unit-rescaling,function.outputs,,,,"),
        "{csv}"
    );
    assert!(lines[4].starts_with("unit-rescaling,norm.l2,"), "{csv}");
    assert!(lines[4].ends_with(",false,moved,"), "{csv}");
    assert_eq!(command(&["--maps", "unit-rescaling"]), csv);
    assert_eq!(command(&["--maps", "unit-rescaling", "--seed", "0"]), csv);
    assert_ne!(command(&["--maps", "unit-rescaling", "--seed", "1"]), csv);
}

#[test]
fn weights_made_elsewhere_are_checked_with_a_config() {
    let lab = trained();
    let weights = format!("{RUN}/model.safetensors");
    let command = [
        "reparam",
        "--model",
        &weights,
        "--config",
        "small.toml",
        "--measures",
        "norm.l2,distance.init",
        "--maps",
        "permutation",
        "--samples",
        "50",
    ];
    let table = lab.run(&command).success();
    assert!(table.contains("| norm.l2       | 1.000 PASS"), "{table}");
    assert!(
        table.contains("distance.init: not measured: the starting point is not known"),
        "{table}"
    );
}

#[test]
fn wrong_arguments_and_damaged_weights_are_bad_input() {
    let lab = trained();
    let message = |more: &[&str]| {
        let mut words = vec!["reparam"];
        words.extend(more);
        lab.run(&words).failure(2)
    };
    let cases: [(&[&str], &str); 9] = [
        (&[RUN, "--factor", "-2"], "must be positive and not 1"),
        (
            &[RUN, "--maps", "permutation", "--factor", "2"],
            "--factor 2: is of the layer-rescaling",
        ),
        (&[RUN, "--factor", "0"], "must be positive and not 1"),
        (&["nowhere"], "is not a run directory"),
        (&[], "required"),
        (
            &[RUN, "--maps", "permutations"],
            "did you mean `permutation`?",
        ),
        (
            &[RUN, "--maps", "orthogonal-basis"],
            "needs a hidden layer without an activation",
        ),
        (
            &[RUN, "--measures", "hessian.trac"],
            "did you mean `hessian.trace`?",
        ),
        (
            &[RUN, "--measures", "reparam.rescale.outputs"],
            "report on a map themselves",
        ),
    ];
    for (words, expected) in cases {
        let message = message(words);
        assert!(message.contains(expected), "{message}");
    }
    lab.write(&format!("{RUN}/model.safetensors"), "damaged");
    assert!(message(&[RUN]).contains("is not what the run ended with: its SHA-256 is"));
}

#[test]
fn a_network_without_homogeneous_units_has_permutations_only() {
    let lab = Lab::new();
    let config = CONFIG.replace("hidden = [20]", "hidden = [20]\nactivation = \"tanh\"");
    lab.write("tanh.toml", &config.replace("\"full\"", "\"light\""));
    lab.run(&["train", "--config", "tanh.toml"]).success();
    let run = "runs/tanh/seed-0";
    let table = lab.run(&["reparam", run, "--measures", "light"]).success();
    assert!(table.contains("| permutation | "), "{table}");
    assert!(!table.contains("rescaling"), "{table}");
    let message = lab
        .run(&["reparam", run, "--maps", "layer-rescaling"])
        .failure(2);
    assert!(message.contains("positively homogeneous"), "{message}");
}

#[test]
fn a_hook_with_maps_writes_ratios_and_comparing_names_them() {
    let lab = Lab::new();
    let hook =
        "[[hooks]]\nmeasures = [\"norm.l2\"]\nmaps = [\"layer-rescaling\", \"permutation\"]\n";
    let config = CONFIG.split("[[hooks]]").next().unwrap().to_owned() + hook;
    lab.write("maps.toml", &config);
    for batch in ["train.batch_size=10", "train.batch_size=100"] {
        let name = format!("name={}", batch.replace(['.', '='], "-"));
        let train = [
            "train",
            "--config",
            "maps.toml",
            "--seeds",
            "0..3",
            "--set",
            batch,
        ];
        lab.run(&[&train[..], &["--set", &name]].concat()).success();
    }
    let rows = lab.rows("runs/train-batch_size-10/seed-0");
    let last = |name: &str| {
        let row = rows.iter().rfind(|row| row["name"] == name);
        row.unwrap_or_else(|| panic!("no row {name}"))["value"]
            .as_f64()
            .unwrap()
    };
    assert!((last("reparam.permutation.norm.l2") - 1.0).abs() < 1e-6);
    assert!(last("reparam.layer-rescaling.norm.l2") > 2.0);
    let comparison = lab.run(&["compare", "runs", "--format", "json"]).success();
    let comparison: serde_json::Value = serde_json::from_str(&comparison).unwrap();
    let lines = comparison["lines"].as_array().unwrap();
    let norm = lines.iter().find(|line| line["name"] == "norm.l2").unwrap();
    assert_eq!(norm["moved_by"][0]["map"], "layer-rescaling", "{norm}");
    assert!(norm["moved_by"][0]["ratio"].as_f64() > Some(2.0), "{norm}");

    let wrong = config.replace("\"permutation\"", "\"permutations\"");
    lab.write("wrong.toml", &wrong);
    let message = lab.run(&["train", "--config", "wrong.toml"]).failure(2);
    assert!(
        message.contains("did you mean \"permutation\"?"),
        "{message}"
    );
    let refused = ["train", "--config", "maps.toml", "--set", "name=refused"];
    let tanh = ["--set", "model.activation=tanh"];
    let message = lab.run(&[&refused[..], &tanh].concat()).failure(2);
    assert!(
        message.contains("`hooks.0.maps`: no layer-rescaling map"),
        "{message}"
    );
    assert!(message.contains("permutation"), "{message}");
    assert!(!lab.path("runs/refused").exists());
}
