//! `lab measure`, `lab compare`, `lab data`.

use crate::lab::Lab;

const RUN: &str = "runs/small/seed-0";

fn trained() -> Lab {
    let lab = Lab::new();
    lab.run(&["train", "--config", "small.toml"]).success();
    lab
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn measuring_a_run_repeats_what_training_measured_last() {
    let lab = trained();
    let list = "loss.train,hessian.lambda_max,norm.l2,distance.init";
    let command = ["measure", RUN, "--measures", list, "--format", "json"];
    let rows = json(&lab.run(&command).success());
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 4);
    for row in rows {
        let trained = lab.rows(RUN);
        let last = trained
            .iter()
            .rfind(|other| other["name"] == row["name"])
            .unwrap();
        let (found, expected) = (
            row["value"].as_f64().unwrap(),
            last["value"].as_f64().unwrap(),
        );
        assert!(
            (found / expected - 1.0).abs() < 2e-3,
            "{row} against {last}"
        );
    }
}

#[test]
fn weights_made_elsewhere_are_measured_with_a_config() {
    let lab = trained();
    std::fs::copy(
        lab.path(&format!("{RUN}/model.safetensors")),
        lab.path("w.safetensors"),
    )
    .unwrap();
    let measure = |config: &str| {
        lab.run(&[
            "measure",
            "--model",
            "w.safetensors",
            "--config",
            config,
            "--measures",
            "accuracy.test,distance.init",
            "--format",
            "csv",
        ])
    };
    let csv = measure("small.toml").success();
    let lines: Vec<&str> = csv.lines().collect();
    assert!(
        lines[0].starts_with("run,seed,step,epoch,name,value,stderr"),
        "{csv}"
    );
    assert!(lines[1].contains(",accuracy.test,0."), "{csv}");
    assert!(lines[2].contains("starting point is not known"), "{csv}");

    lab.write("wide.toml", &lab.read("small.toml").replace("[20]", "[21]"));
    let message = measure("wide.toml").failure(2);
    assert!(
        message.contains("`layers.0.bias` has shape [20], the model has [21]"),
        "{message}"
    );
}

#[test]
fn what_a_config_says_of_weights_trained_elsewhere_is_no_measurement() {
    let lab = trained();
    let model = lab.path(&format!("{RUN}/model.safetensors"));
    std::fs::copy(model, lab.path("w.safetensors")).unwrap();
    let config = lab
        .read("small.toml")
        .replace("momentum = 0.9", "momentum = 0.0");
    lab.write("other.toml", &config.replace("rate = 0.1", "rate = 0.3"));
    let names = "run.learning_rate,run.batch_size,stability.gd,stability.momentum,\
                 stability.nonuniformity,stability.tracked,hessian.lambda_max";
    let shared = ["--measures", names, "--format", "json"];
    let measure = |what: &[&str]| {
        let rows = json(&lab.run(&[&["measure"], what, &shared].concat()).success());
        rows.as_array().unwrap().clone()
    };
    let elsewhere = measure(&["--model", "w.safetensors", "--config", "other.toml"]);
    for row in &elsewhere[..2] {
        assert!(row["value"].is_null(), "{row}");
        assert_eq!(row["reason"], "not known for weights trained elsewhere");
    }
    // Conditions on a step are about the step that the config describes, and say so.
    let notes: Vec<_> = elsewhere[2..6]
        .iter()
        .map(|row| row["note"].as_str().unwrap())
        .collect();
    let note = |settings: &str| {
        format!("for a step with the config's {settings}, not for those that trained these weights")
    };
    assert_eq!(notes[0], note("learning rate 0.3"));
    assert_eq!(notes[1], note("learning rate 0.3 and momentum 0"));
    assert_eq!(notes[2], note("learning rate 0.3 and batch size 32"));
    assert_eq!(notes[3], note("learning rate 0.3"));
    let number = |row: &serde_json::Value| row["value"].as_f64().unwrap();
    let ratio = number(&elsewhere[2]) / number(&elsewhere[6]);
    assert!((ratio - 0.15).abs() < 1e-12, "{ratio}");
    assert!(
        elsewhere
            .iter()
            .all(|row| row["step"].is_null() && row["epoch"].is_null())
    );

    let own = measure(&[RUN]);
    assert_eq!((number(&own[0]), number(&own[1])), (0.1, 32.0));
    assert!(own[2].get("note").is_none(), "{}", own[2]);
    assert!(own.iter().all(|row| row["step"] == 60));
}

#[test]
fn wrong_arguments_of_measure_are_bad_input() {
    let lab = trained();
    let message = lab
        .run(&["measure", RUN, "--measures", "hessian.lambda_mx"])
        .failure(2);
    assert!(
        message.contains("did you mean `hessian.lambda_max`?"),
        "{message}"
    );
    let message = lab.run(&["measure", RUN, "--samples", "301"]).failure(2);
    assert!(message.contains("from 1 to 300"), "{message}");
    lab.run(&["measure", "nowhere"]).failure(2);
    lab.run(&["measure"]).failure(2);
}

#[test]
fn small_and_large_batches_are_compared_in_one_table() {
    let lab = Lab::new();
    for batch in ["16", "100"] {
        let (batch, name) = (
            format!("train.batch_size={batch}"),
            format!("name=b{batch}"),
        );
        let train = [
            "train",
            "--config",
            "small.toml",
            "--seeds",
            "0..3",
            "--set",
            &batch,
            "--set",
            &name,
        ];
        lab.run(&train).success();
    }
    let all = |runs: &[&str]| lab.run(&[&["compare", "--all"], runs].concat()).success();
    let table = all(&["runs/b16", "runs/b100"]);
    assert!(
        table.contains("| by train.batch_size ") && table.contains(" 16 (n=3) |"),
        "{table}"
    );
    for line in [
        "loss.train",
        "hessian.lambda_max",
        "optimizer.learning_rate",
        "norm.l2",
    ] {
        assert!(table.contains(line), "{line} is missing from\n{table}");
    }
    for word in ["| moved by |", "| nothing  |", "| scaling  |"] {
        assert!(table.contains(word), "{word} is missing from\n{table}");
    }
    assert!(
        table.starts_with(
            "By train.batch_size: 16 (3 seeds) against 100 (3 seeds), at training losses of "
        ),
        "{table}"
    );
    // After as many epochs the small batches are further.
    assert!(
        table.contains("No conclusion about flatness is drawn"),
        "{table}"
    );

    // A glob, a folder of runs and single runs name the same runs.
    assert_eq!(all(&["runs/b*"]), table);
    assert_eq!(all(&["runs"]), table);
    // Not every line is shown unless asked for, and that is said.
    let few = lab.run(&["compare", "runs"]).success();
    let rows = |table: &str| table.lines().filter(|row| row.starts_with("| ")).count();
    assert!(rows(&few) < rows(&table), "{few}");
    assert!(
        few.contains("not shown") && !table.contains("not shown"),
        "{few}\n{table}"
    );
    let comparison = json(&lab.run(&["compare", "runs", "--format", "json"]).success());
    assert_eq!(comparison["groups"].as_array().unwrap().len(), 2);
    assert!(
        lab.run(&["compare", "runs", "--format", "csv"])
            .success()
            .starts_with("measure,key,group")
    );
    for row in table.lines().filter(|row| row.starts_with("| run.")) {
        assert!(
            !row.contains("larger") && !row.contains("undecided"),
            "{row}"
        );
    }
    let by_seed = lab.run(&["compare", "runs/b16", "--by", "seed"]).success();
    assert!(by_seed.contains(" 1 (n=1) |"), "{by_seed}");
}

#[test]
fn comparing_nothing_or_by_an_unknown_key_is_bad_input() {
    let lab = trained();
    let message = lab.run(&["compare", "runs/none*"]).failure(2);
    assert!(message.contains("no runs found"), "{message}");
    let message = lab
        .run(&["compare", "runs", "--by", "train.batchsize"])
        .failure(2);
    assert!(
        message.contains("did you mean `train.batch_size`?"),
        "{message}"
    );
    std::fs::remove_file(lab.path(&format!("{RUN}/summary.json"))).unwrap();
    let message = lab.run(&["compare", "runs"]).failure(2);
    assert!(
        message.contains("none of the runs given is finished"),
        "{message}"
    );
}

#[test]
fn data_sets_are_listed_and_verified() {
    let lab = Lab::new();
    let list = lab.run(&["data", "list"]).success();
    for name in ["digits", "mnist", "kmnist", "emnist-letters", "cifar100"] {
        assert!(list.contains(name), "{list}");
    }
    lab.run(&["data", "verify", "digits"]).success();
    let missing = lab.run(&["data", "verify", "mnist", "--dir", "nowhere"]);
    assert_eq!(missing.code, Some(2));
    assert!(missing.stdout.contains("missing"), "{missing:?}");
    let message = lab.run(&["data", "fetch", "imagenet"]).failure(2);
    assert!(message.contains("unknown dataset"), "{message}");
}

#[test]
fn help_goes_to_standard_output_and_names_the_measures() {
    let lab = Lab::new();
    let help = lab.run(&["measure", "--help"]).success();
    assert!(help.contains("hessian.lambda_max"), "{help}");
    assert!(lab.run(&["--version"]).success().starts_with("lab "));
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let lab = Lab::new();
    let mut child = lab.start(&["data", "list"]);
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_copy_of_a_run_is_no_second_sample() {
    let lab = trained();
    let copy = lab.path("runs/copy");
    std::fs::create_dir_all(&copy).unwrap();
    for file in [
        "config.toml",
        "run.json",
        "summary.json",
        "metrics.jsonl",
        "model.safetensors",
    ] {
        std::fs::copy(lab.path(&format!("{RUN}/{file}")), copy.join(file)).unwrap();
    }
    let finished = lab.run(&["compare", "runs"]);
    assert!(
        finished.stderr.contains("a copy is no second sample"),
        "{finished:?}"
    );
    assert!(finished.success().contains("(n=1)"));
    std::fs::remove_file(lab.path("runs/copy/metrics.jsonl")).unwrap();
    let message = lab.run(&["compare", "runs"]).failure(2);
    assert!(
        message.contains("runs/copy") && message.contains("metrics.jsonl is missing"),
        "{message}"
    );
}

#[test]
fn a_damaged_summary_costs_one_run_where_that_is_allowed() {
    let lab = trained();
    lab.run(&["train", "--config", "small.toml", "--seed", "1"])
        .success();
    lab.write(&format!("{RUN}/summary.json"), "{");
    let message = lab.run(&["compare", "runs"]).failure(2);
    assert!(
        message.contains("1 of 2 runs cannot be compared: runs/small/seed-0/summary.json"),
        "{message}"
    );
    assert!(message.contains("--allow damaged"), "{message}");
    let finished = lab.run(&["compare", "runs", "--allow", "damaged"]);
    assert!(finished.stderr.contains("is left out"), "{finished:?}");
    finished.success();
}

#[test]
fn curvature_of_a_block_and_within_a_budget() {
    let lab = trained();
    let within = |budget: &str| {
        let measures = "hessian.lambda_max,hessian.trace,norm.spectral.max";
        let block = "layers.1.weight";
        let command = ["measure", RUN, "--measures", measures, "--block", block];
        let budget = ["--max-matvecs", budget, "--format", "json"];
        json(&lab.run(&[&command[..], &budget].concat()).success())
    };
    let rows = within("16");
    assert_eq!(rows[0]["name"], "hessian.lambda_max.layers.1.weight");
    assert_eq!(rows[1]["matvecs"], 16);
    assert!(rows[1]["stderr"].as_f64().unwrap() > 0.0);
    let refused = within("3");
    let reason = refused[1]["reason"].as_str().unwrap();
    assert!(
        reason.contains("at least 16 matrix-vector products"),
        "{reason}"
    );
    assert_eq!(rows[2]["name"], "norm.spectral.max.layers.1.weight");
    let message = lab
        .run(&["measure", RUN, "--block", "layers.1.wight"])
        .failure(2);
    assert!(
        message.contains("did you mean `layers.1.weight`?"),
        "{message}"
    );
}

/// The measures that `lab measure --help` lists and that the network of `small.toml` without biases has.
fn defined(help: &str) -> Vec<&str> {
    let list = help.split("Measures:").nth(1).unwrap();
    list.lines()
        .filter_map(|line| line.split_whitespace().next())
        // The network has one hidden layer.
        .filter(|name| !name.starts_with("margin.hidden.") || name.starts_with("margin.hidden.1"))
        .filter(|name| {
            !name.starts_with("representation.")
                || name.ends_with(".1")
                || name.ends_with(".last")
                || name.ends_with("change")
        })
        // Nothing in it is linear or normalised.
        .filter(|name| *name != "balance.layers.drift" && !name.starts_with("scale_invariant."))
        // Its steps are those of gradient descent.
        .filter(|name| *name != "stability.adam")
        // Of numbers that are predicted.
        .filter(|name| !name.starts_with("r2.") && !name.starts_with("rmse."))
        // No eigenvalue is near the line, and beyond the first five only those are followed.
        .filter(|name| {
            let place = name.strip_prefix("stability.eigenvalue_");
            place.is_none_or(|place| place.parse::<usize>().unwrap() <= 5)
        })
        .collect()
}

#[test]
fn every_measure_of_the_catalogue_has_a_value_where_all_are_defined() {
    // Without biases the network is homogeneous; conditions on noise are for SGD without momentum.
    let lab = Lab::new();
    let set = [
        "--set",
        "model.bias=false",
        "--set",
        "optimizer.momentum=0.0",
    ];
    lab.run(&[&["train", "--config", "small.toml"][..], &set].concat())
        .success();
    let help = lab.run(&["measure", "--help"]).success();
    let names = defined(&help);
    assert!(names.len() > 100, "{}", names.len());
    let rows = json(
        &lab.run(&[
            "measure",
            RUN,
            "--measures",
            &names.join(","),
            "--format",
            "json",
        ])
        .success(),
    );
    let value = |name: &str| {
        let row = rows
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["name"] == name);
        row.unwrap()["value"]
            .as_f64()
            .unwrap_or_else(|| panic!("{name} has no value"))
    };
    // Of the last step, and of a round before, only a hook knows.
    let is_of_hooks =
        |name: &str| name.starts_with("step.") || name.starts_with("stability.overlap");
    let not_known: Vec<&str> = rows
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["failure"] == "not_known")
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    assert!(
        not_known.iter().all(|name| is_of_hooks(name)),
        "{not_known:?}"
    );
    names
        .iter()
        .filter(|name| !not_known.contains(name))
        .for_each(|name| assert!(value(name).is_finite()));
    assert!(value("hessian.lambda_max") > value("hessian.lambda_2"));
    assert!(value("hessian.lambda_4") > value("hessian.lambda_5"));
    assert!(value("hessian.frobenius") > value("hessian.lambda_max"));
    let ratio = value("stability.gd") / (0.05 * value("hessian.lambda_max"));
    assert!(
        (ratio - 1.0).abs() < 1e-12,
        "half the learning rate of 0.1 times sharpness"
    );
    assert_eq!(value("stability.tracked"), 0.0);
    assert!((value("reparam.rescale.adaptive") - 1.0).abs() < 2e-3);
    assert!(value("reparam.rescale.lambda_max") > 5.0);
}

#[test]
fn few_samples_first_end_at_the_eigenvalue_that_lanczos_finds_in_more_products() {
    let lab = Lab::new();
    // Wrong labels: samples the network is certain and wrong about.
    let config = lab
        .read("small.toml")
        .replace("train = 300", "train = 1200\nlabel_noise = 0.3");
    lab.write(
        "noisy.toml",
        &config.replace("preset = \"full\"", "preset = \"off\""),
    );
    lab.run(&["train", "--config", "noisy.toml"]).success();
    let measure = |names: &str| {
        let run = "runs/noisy/seed-0";
        let command = ["measure", run, "--measures", names, "--format", "json"];
        json(&lab.run(&command).success())[0].clone()
    };
    let few = measure("hessian.lambda_max");
    let all = measure("hessian.lambda_magnitude");
    let number = |row: &serde_json::Value, key: &str| row[key].as_f64().unwrap();
    // What else is asked for changes neither the search nor what it finds.
    let beside = measure("hessian.lambda_max,hessian.lambda_min,hessian.lambda_5");
    for key in ["value", "residual", "matvecs", "algorithm"] {
        assert_eq!(few[key], beside[key], "{key}");
    }
    assert_eq!(
        (&few["algorithm"], &all["algorithm"]),
        (&"davidson".into(), &"lanczos".into())
    );
    for row in [&few, &all] {
        assert!(number(row, "residual") <= 1e-3 && row["converged"] == true);
    }
    let (found, expected) = (number(&few, "value"), number(&all, "value"));
    assert!(
        (found - expected).abs() <= 1e-3 * expected,
        "{found}, {expected}"
    );
    assert!(number(&few, "matvecs") < number(&all, "matvecs"));
}

#[test]
fn adam_has_a_condition_of_its_own_that_is_measured_while_it_trains() {
    let lab = Lab::new();
    let config = lab
        .read("small.toml")
        .replace("kind = \"sgd\"", "kind = \"adam\"")
        .replace(
            "learning_rate = 0.1\nmomentum = 0.9",
            "learning_rate = 0.001",
        )
        .replace(
            "preset = \"full\"",
            "measures = [\"stability.adam\", \"stability.gd\"]",
        );
    lab.write("adam.toml", &config);
    lab.run(&["train", "--config", "adam.toml"]).success();
    let rows = lab.read("runs/adam/seed-0/metrics.jsonl");
    let rows: Vec<serde_json::Value> = rows.lines().map(json).collect();
    let of = |name: &str| -> Vec<&serde_json::Value> {
        let rows = rows.iter();
        rows.filter(|row| row["name"] == name).collect()
    };
    let own = of("stability.adam");
    // Before the first step there are no second moments.
    assert_eq!(own[0]["failure"], "not_known");
    for row in &own[1..] {
        assert!(row["value"].as_f64().unwrap() > 0.0, "{row}");
        assert_eq!(row["error"], "residual");
    }
    for row in of("stability.gd") {
        assert_eq!(row["failure"], "not_defined");
        assert!(row["reason"].as_str().unwrap().contains("stability.adam"));
    }
}

#[test]
fn the_spectral_density_is_written_with_unit_mass() {
    let lab = trained();
    lab.run(&[
        "measure",
        RUN,
        "--measures",
        "norm.l2",
        "--density",
        "density.csv",
    ])
    .success();
    let text = lab.read("density.csv");
    let weights: Vec<f64> = text
        .lines()
        .skip(1)
        .map(|line| line.rsplit(',').next().unwrap().parse().unwrap())
        .collect();
    assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-9);
}

#[test]
fn measuring_on_other_data_than_the_run_had_is_refused() {
    let lab = trained();
    let record = lab.read(&format!("{RUN}/run.json"));
    let sha = record.split("\"sha256\": \"").nth(1).unwrap()[..64].to_owned();
    lab.write(
        &format!("{RUN}/run.json"),
        &record.replace(&sha, &"0".repeat(64)),
    );
    let message = lab.run(&["measure", RUN]).failure(2);
    assert!(message.contains("SHA-256"), "{message}");
}

#[test]
fn a_network_whose_outputs_overflow_is_not_measured_as_if_nothing_happened() {
    let lab = trained();
    let config = lab
        .read("small.toml")
        .replace("[model]", "[model]\ninit_scale = 1e30");
    lab.write("huge.toml", &config);
    let message = lab.run(&["train", "--config", "huge.toml"]).failure(1);
    assert!(message.contains("starting point"), "{message}");
}

#[test]
fn selfcheck_passes_on_the_reference() {
    let lab = Lab::new();
    for precision in ["f32", "f64"] {
        let table = lab.run(&["selfcheck", "--precision", precision]).success();
        assert!(table.contains("37 of 37 checks passed"), "{table}");
    }
}
