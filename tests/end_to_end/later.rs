//! Runs that are measured again after they have ended, and runs that go on to another end.

use crate::lab::Lab;
use serde_json::Value;

const RUN: &str = "runs/small/seed-0";

/// `small.toml` with these values, trained.
fn train(lab: &Lab, out: &str, sets: &[&str], more: &[&str]) {
    let mut words = vec!["train", "--config", "small.toml", "--out", out];
    words.extend(sets.iter().flat_map(|set| ["--set", set]));
    words.extend(more);
    lab.run(&words).success();
}

fn json(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

/// The summary of a run without what takes another time whenever it is done.
fn summary(lab: &Lab, run: &str) -> Value {
    let mut summary: Value =
        serde_json::from_str(&lab.read(&format!("{run}/summary.json"))).unwrap();
    let fields = summary.as_object_mut().unwrap();
    for field in ["training_seconds", "measuring_seconds", "preparing_seconds"] {
        fields.remove(field);
    }
    for row in fields["measurements"].as_array_mut().unwrap() {
        row.as_object_mut().unwrap().remove("seconds");
    }
    summary
}

/// The rows of a measure with their steps, and what tells them apart besides.
fn values(rows: &[Value], name: &str) -> Vec<(u64, Value)> {
    let rows = rows.iter().filter(|row| row["name"] == name);
    rows.map(|row| (row["step"].as_u64().unwrap(), row["value"].clone()))
        .collect()
}

const LIGHT: [&str; 2] = [
    "train.epochs=3",
    "hooks=[{ preset = \"light\", every = 2 }]",
];

#[test]
fn rows_are_added_to_runs_as_if_they_had_been_asked_for_in_training() {
    let lab = Lab::new();
    train(&lab, "runs", &LIGHT, &["--seeds", "0..2"]);
    let asked = [
        "train.epochs=3",
        "hooks=[{ preset = \"light\", every = 2 }, { measures = [\"hessian.trace\"], every = 9 }]",
    ];
    train(&lab, "reference", &asked, &["--seeds", "0..2"]);

    let measures = ["--measures", "loss.train,hessian.trace", "--append"];
    let append = |more: &[&str]| lab.run(&[&["measure", "runs"], &measures[..], more].concat());
    let added = append(&["--format", "csv"]);
    assert!(
        added.stderr.contains(&format!(
            "{RUN}: 1 row added; there already and not measured again: loss.train"
        )),
        "{added:?}"
    );
    // What was there and what is new, of both runs, one under another.
    assert_eq!(added.success().lines().count(), 1 + 2 * 2);
    for seed in 0..2 {
        let [own, reference] = ["runs", "reference"].map(|out| format!("{out}/small/seed-{seed}"));
        let last = |run: &str| values(&lab.rows(run), "hessian.trace").pop().unwrap();
        assert_eq!(last(&own), last(&reference));
        let trace = |run: &str| {
            let summary = summary(&lab, run);
            let rows = summary["measurements"].as_array().unwrap();
            let found = rows.iter().find(|row| row["name"] == "hessian.trace");
            found.cloned()
        };
        assert!(trace(&own).is_some());
        assert_eq!(trace(&own), trace(&reference));
    }
    // They say who measured them, and the run does.
    let rows = lab.rows(RUN);
    let versions: Vec<bool> = rows.iter().map(|row| row["version"].is_string()).collect();
    assert_eq!(versions.iter().filter(|is_later| **is_later).count(), 1);
    let record: Value = serde_json::from_str(&lab.read(&format!("{RUN}/run.json"))).unwrap();
    assert_eq!(record["later"][0]["what"]["measured"], 1);
    let compared = lab.run(&["compare", "runs", "--all"]).success();
    assert!(compared.contains("hessian.trace"), "{compared}");

    // Once more is nothing more; other conditions are another row.
    let before = lab.bytes(&format!("{RUN}/metrics.jsonl"));
    let again = append(&[]);
    assert!(
        again.stderr.contains(&format!("{RUN}: 0 rows added")),
        "{again:?}"
    );
    assert!(lab.bytes(&format!("{RUN}/metrics.jsonl")) == before);
    assert!(again.success().contains("runs/small/seed-1"));
    append(&["--samples", "100"]).success();
    assert_eq!(values(&lab.rows(RUN), "hessian.trace").len(), 2);

    // Numbers of another backend are other numbers.
    let elsewhere = append(&["--backend", "ndarray"]).failure(2);
    assert!(elsewhere.contains("was computed on cpu"), "{elsewhere}");

    // One of several that is not finished does not cost the others.
    std::fs::remove_file(lab.path("runs/small/seed-1/summary.json")).unwrap();
    let left = append(&["--samples", "50"]);
    assert!(left.stderr.contains("seed-1 is left out"), "{left:?}");
    assert!(left.failure(2).contains(&format!("{RUN}: 2 rows added")));
}

#[test]
fn every_kept_checkpoint_is_measured_as_a_hook_would_have() {
    let lab = Lab::new();
    let hook = "hooks=[{ measures = [\"step.length\", \"stability.adam\", \"hessian.lambda_max\"], every = 1 }]";
    let sets = [
        "optimizer={ kind = \"adam\", learning_rate = 0.01 }",
        "train.epochs=4",
        "train.keep_checkpoints=[1, 2]",
        hook,
    ];
    train(&lab, "runs", &sets, &[]);
    let measure = |names: &str, more: &[&str]| {
        let command = ["measure", RUN, "--checkpoints", "--measures", names];
        lab.run(&[&command[..], more].concat())
    };
    let names = ["step.length", "stability.adam", "hessian.lambda_max"];
    let found = json(&measure(&names.join(","), &["--format", "json"]).success());
    for name in names {
        // The start is no checkpoint; of the four epochs after it two are chosen, and two are the newest.
        let trained = values(&lab.rows(RUN), name);
        assert_eq!(values(&found, name), trained[1..], "{name}");
        assert!(found.iter().all(|row| row["value"].is_number()));
    }
    let known = measure("hessian.lambda_max", &["--append"]);
    assert!(known.stderr.contains("0 rows added"), "{known:?}");
    let table = known.success();
    assert!(table.contains("| epoch |"), "{table}");

    let added = measure("norm.l2", &["--append"]);
    assert!(added.stderr.contains("4 rows added"), "{added:?}");
    let steps: Vec<u64> = values(&lab.rows(RUN), "norm.l2")
        .iter()
        .map(|row| row.0)
        .collect();
    assert_eq!(steps, [10, 20, 30, 40]);
    // The last of them is of the end, and so in the summary; all of them are drawn.
    let summary = summary(&lab, RUN);
    let rows = summary["measurements"].as_array().unwrap();
    assert!(rows.iter().any(|row| row["name"] == "norm.l2"));
    let csv = lab.run(&["export", "csv", RUN, "--out", "rows.csv"]);
    csv.success();
    assert_eq!(lab.read("rows.csv").matches("norm.l2").count(), 4);
    let page = ["report", RUN, "--out", "page.html"];
    lab.run(&page).success();
    assert!(lab.read("page.html").contains("norm.l2"));
}

#[test]
fn all_checkpoints_are_kept_or_those_of_chosen_epochs() {
    let lab = Lab::new();
    let bare = ["hooks=[]", "train.epochs=7", "train.checkpoint_every=2"];
    let kept = |keep: &str| {
        let keep = format!("train.keep_checkpoints={keep}");
        train(&lab, "runs", &[&bare[..], &[&keep]].concat(), &["--force"]);
        let files = std::fs::read_dir(lab.path(&format!("{RUN}/checkpoints"))).unwrap();
        let mut names: Vec<String> = files
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    };
    let files = |steps: &[u64]| -> Vec<String> {
        let names = steps
            .iter()
            .map(|step| format!("step-{step:09}.safetensors"));
        names.collect()
    };
    assert_eq!(kept("all"), files(&[20, 40, 60]));
    assert_eq!(kept("1"), files(&[60]));
    // Chosen epochs have one whether it is their turn or not; a run goes on from the newest two in any case.
    assert_eq!(kept("[1, 3, 9]"), files(&[10, 30, 40, 60]));
    let wrong = [
        "train",
        "--config",
        "small.toml",
        "--set",
        "train.keep_checkpoints=most",
    ];
    let message = lab.run(&wrong).failure(2);
    assert!(
        message.contains("must be a positive integer, or \"all\", or an array, found"),
        "{message}"
    );
}

#[test]
fn layers_are_measured_one_by_one_in_one_table() {
    let lab = Lab::new();
    train(&lab, "runs", &LIGHT, &[]);
    let measure = |more: &[&str]| {
        let names = "norm.l2,loss.train,hessian.lambda_max";
        let command = ["measure", RUN, "--per-layer", "--measures", names];
        lab.run(&[&command[..], more].concat())
    };
    let found = measure(&[]);
    let left = "left out, because they are of the whole network: loss.train";
    assert!(found.stderr.contains(left), "{found:?}");
    let table = found.success();
    assert!(
        table.starts_with("| layer    | norm.l2 | hessian.lambda_max"),
        "{table}"
    );
    let lines: Vec<&str> = table
        .lines()
        .filter(|line| line.starts_with("| layers."))
        .collect();
    assert_eq!(lines.len(), 2, "{table}");
    let added = measure(&["--append", "--format", "json"]);
    assert!(added.stderr.contains("4 rows added"), "{added:?}");
    let rows = json(&added.success());
    let block = [
        "measure",
        RUN,
        "--block",
        "layers.1",
        "--measures",
        "norm.l2",
    ];
    let alone = json(
        &lab.run(&[&block[..], &["--format", "json"]].concat())
            .success(),
    );
    let of_layer = rows
        .iter()
        .find(|row| row["name"] == "norm.l2" && row["block"] == "layers.1");
    assert_eq!(of_layer.unwrap()["value"], alone[0]["value"]);
    let message = lab
        .run(&["measure", RUN, "--per-layer", "--measures", "loss.train"])
        .failure(2);
    assert!(message.contains("nothing of these measures"), "{message}");
}

#[test]
fn the_spectral_density_is_drawn() {
    let lab = Lab::new();
    train(&lab, "runs", &LIGHT, &[]);
    let measure = |file: &str| {
        let command = [
            "measure",
            RUN,
            "--measures",
            "loss.train",
            "--density",
            file,
        ];
        lab.run(&command)
    };
    measure("density.svg").success();
    let svg = lab.read("density.svg");
    assert!(svg.contains("eigenvalue of the Hessian (nats)"), "{svg}");
    measure("density.PNG").success();
    assert!(lab.bytes("density.PNG").starts_with(b"\x89PNG"));
    let message = measure("density.pdf").failure(2);
    assert!(
        message.contains(".csv, .svg or .png; this is .pdf"),
        "{message}"
    );
}

/// Trains to one end and goes on to another, and trains to that at once; both are the same.
fn assert_extends(sets: &[&str], [first, second]: [&str; 2]) -> Lab {
    let lab = Lab::new();
    train(&lab, "runs", &[sets, &[first]].concat(), &[]);
    train(&lab, "reference", &[sets, &[second]].concat(), &[]);
    lab.run(&["train", "--resume", RUN, "--set", second])
        .success();
    let reference = "reference/small/seed-0";
    let weights = [RUN, reference].map(|run| lab.bytes(&format!("{run}/model.safetensors")));
    assert!(weights[0] == weights[1], "{sets:?}");
    assert_eq!(lab.rows(RUN), lab.rows(reference), "{sets:?}");
    assert_eq!(summary(&lab, RUN), summary(&lab, reference), "{sets:?}");
    let configs = [RUN, reference].map(|run| lab.read(&format!("{run}/config.toml")));
    assert_eq!(configs[0], configs[1]);
    lab
}

#[test]
fn a_run_that_goes_on_is_the_run_that_was_that_long_from_the_start() {
    // The hook is not due at the old end, where everything was measured because it was the end.
    let hook = "hooks=[{ preset = \"light\", every = 4, warm_start = true, measures = [\"hessian.lambda_max\"] }]";
    let lab = assert_extends(
        &[
            "average={ kind = \"ema\", decay = 0.9 }",
            &hook.replace("preset = \"light\", ", ""),
        ],
        ["train.epochs=6", "train.epochs=9"],
    );
    // Its checkpoints are its own.
    std::fs::remove_file(lab.path(&format!("{RUN}/summary.json"))).unwrap();
    lab.run(&["train", "--resume", RUN]).success();
    assert_eq!(lab.rows(RUN), lab.rows("reference/small/seed-0"));
    let finished = lab.run(&["train", "--resume", RUN, "--set", "train.epochs=9"]);
    assert!(
        finished.stderr.contains("is finished (90 steps)"),
        "{finished:?}"
    );
    finished.success();
    let message = lab
        .run(&["train", "--resume", RUN, "--set", "train.epochs=5"])
        .failure(2);
    assert!(
        message.contains("has made 90 steps, and train.epochs=5 is 50"),
        "{message}"
    );

    // What was measured after the end is told when it goes.
    let append = ["measure", RUN, "--measures", "norm.path", "--append"];
    lab.run(&append).success();
    let longer = lab.run(&["train", "--resume", RUN, "--set", "train.epochs=10"]);
    assert!(
        longer.stderr.contains("goes on from step 90 to step 100"),
        "{longer:?}"
    );
    assert!(
        longer
            .stderr
            .contains("warning: measured after its old end and gone: 1 row,"),
        "{longer:?}"
    );
    longer.success();
    let names = |name: &str| values(&lab.rows(RUN), name).len();
    assert_eq!(names("norm.path"), 0);
    let record: Value = serde_json::from_str(&lab.read(&format!("{RUN}/run.json"))).unwrap();
    let done: Vec<&Value> = record["later"]
        .as_array()
        .unwrap()
        .iter()
        .map(|of| &of["what"])
        .collect();
    assert_eq!(
        done,
        [
            &serde_json::json!({"extended": 60}),
            &serde_json::json!({"extended": 90})
        ]
    );
}

#[test]
fn a_run_whose_old_end_has_no_checkpoint_goes_on_from_the_last_one() {
    assert_extends(
        &[
            "optimizer={ kind = \"adam\", learning_rate = 0.01 }",
            "schedule={ kind = \"exponential\", decay = 0.9, warmup = 5 }",
            "hooks=[{ measures = [\"step.length\"], every = 7, unit = \"steps\" }]",
        ],
        ["train.steps=35", "train.steps=52"],
    );
}

#[test]
fn a_run_that_a_dying_process_left_between_two_lengths_is_gone_on_with() {
    let lab = Lab::new();
    train(&lab, "runs", &LIGHT, &[]);
    train(&lab, "reference", &["train.epochs=5", LIGHT[1]], &[]);
    // The end is gone, and the config is the new one before the record is.
    std::fs::remove_file(lab.path(&format!("{RUN}/summary.json"))).unwrap();
    let config = format!("{RUN}/config.toml");
    lab.write(
        &config,
        &lab.read(&config).replace("epochs = 3", "epochs = 5"),
    );
    lab.run(&["train", "--resume", RUN]).failure(2);
    lab.run(&["train", "--resume", RUN, "--set", "train.epochs=5"])
        .success();
    assert_eq!(lab.rows(RUN), lab.rows("reference/small/seed-0"));
}

#[test]
fn what_depends_on_its_length_is_not_extended_and_left_as_it_was() {
    let lab = Lab::new();
    let files = || {
        [
            "summary.json",
            "metrics.jsonl",
            "run.json",
            "config.toml",
            "model.safetensors",
        ]
        .map(|file| lab.bytes(&format!("{RUN}/{file}")))
    };
    for (set, expected) in [
        (
            "schedule.kind=cosine",
            "schedule.kind = \"cosine\" is drawn out to the last step",
        ),
        ("train.stop_at_train_loss=1.5", "and so would a longer run"),
    ] {
        train(&lab, "runs", &[LIGHT[0], LIGHT[1], set], &["--force"]);
        let before = files();
        let message = lab
            .run(&["train", "--resume", RUN, "--set", "train.epochs=8"])
            .failure(2);
        assert!(message.contains(expected), "{message}");
        assert!(
            message.contains("--set train.epochs=8 --out DIR"),
            "{message}"
        );
        assert!(files() == before, "{set}");
    }
    let message = lab
        .run(&[
            "train",
            "--resume",
            RUN,
            "--set",
            "optimizer.learning_rate=0.5",
        ])
        .failure(2);
    assert!(message.contains("made by another rule"), "{message}");
}

#[test]
fn what_is_found_of_each_run_of_a_set_is_said() {
    let lab = Lab::new();
    train(&lab, "runs", &LIGHT, &["--seeds", "0..3"]);
    // As after a kill before the end of seed 1; seed 3 has not begun.
    for file in [
        "summary.json",
        "model.safetensors",
        "checkpoints/step-000000030.safetensors",
    ] {
        std::fs::remove_file(lab.path(&format!("runs/small/seed-1/{file}"))).unwrap();
    }
    let mut words = vec![
        "train",
        "--config",
        "small.toml",
        "--seeds",
        "0..4",
        "--resume",
    ];
    words.extend(LIGHT.iter().flat_map(|set| ["--set", set]));
    let resumed = lab.run(&words);
    for line in [
        "seed 0 has ended after step 30",
        "seed 1 goes on from epoch 2 (step 20)",
        "seed 3 begins",
    ] {
        assert!(
            resumed.stderr.lines().any(|said| said == line),
            "{resumed:?}"
        );
    }
    assert!(resumed.success().contains("means over 4 seeds"));
}
