//! `lab train`.

use crate::lab::{CONFIG, Lab};

const RUN: &str = "runs/small/seed-0";

#[test]
fn a_run_ends_with_a_table_and_leaves_a_complete_directory() {
    let lab = Lab::new();
    let stdout = lab.run(&["train", "--config", "small.toml"]).success();
    for name in [
        "loss.train",
        "accuracy.test",
        "margin.p10",
        "hessian.lambda_max",
        "hessian.trace",
        "reparam.rescale.outputs",
    ] {
        assert!(stdout.contains(name), "{name} is missing from\n{stdout}");
    }
    assert!(stdout.contains("± ") && stdout.contains("residual "));
    assert!(stdout.contains("within rounding"), "{stdout}");
    assert!(stdout.contains("measuring") && stdout.contains("% of the time"));
    assert!(
        stdout
            .trim_end()
            .ends_with(&format!("run directory: {RUN}"))
    );

    for file in [
        "config.toml",
        "run.json",
        "metrics.jsonl",
        "summary.json",
        "model.safetensors",
        "checkpoints",
    ] {
        assert!(lab.exists(&format!("{RUN}/{file}")), "{file} is missing");
    }
    let record: serde_json::Value =
        serde_json::from_str(&lab.read(&format!("{RUN}/run.json"))).unwrap();
    assert_eq!(record["status"], "finished");
    assert_eq!(record["backend"], "cpu");
    assert_eq!(record["data"][0]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(record["command"][1], "train");
    // What made it, and where: this folder is no checkout.
    let revision = record["revision"].as_str().unwrap();
    let hexadecimal = revision.chars().take_while(char::is_ascii_hexdigit).count();
    assert!(hexadecimal >= 40 || revision == "unknown", "{revision}");
    assert_eq!(record["git_revision"], serde_json::Value::Null);
    let lock = include_str!("../../Cargo.lock");
    let burn = format!("name = \"burn\"\nversion = {}", record["burn"]);
    assert!(lock.contains(&burn), "{burn}");
}

#[test]
fn rows_have_every_field_of_the_contract() {
    let lab = Lab::new();
    lab.run(&["train", "--config", "small.toml"]).success();
    let text = lab.read(&format!("{RUN}/metrics.jsonl"));
    let row: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let mut fields: Vec<&String> = row.as_object().unwrap().keys().collect();
    fields.sort();
    assert_eq!(
        fields,
        [
            "converged",
            "dtype",
            "epoch",
            "error",
            "matvecs",
            "name",
            "norm_mode",
            "residual",
            "rounding",
            "run",
            "samples",
            "seconds",
            "seed",
            "stderr",
            "step",
            "value",
            "wall_time"
        ]
    );
    let rows = lab.rows(RUN);
    let sharpness: Vec<_> = rows
        .iter()
        .filter(|row| row["name"] == "hessian.lambda_max")
        .collect();
    let steps: Vec<_> = sharpness
        .iter()
        .map(|row| row["step"].as_u64().unwrap())
        .collect();
    assert_eq!(
        steps,
        [0, 20, 40, 60],
        "every second of 6 epochs of 10 steps"
    );
    assert!(sharpness.iter().all(|row| row["converged"] == true));
    let gap = |name: &str| {
        let row = rows.iter().rfind(|row| row["name"] == name).unwrap();
        row["value"].as_f64().unwrap()
    };
    assert!((gap("gap.loss") - (gap("loss.test") - gap("loss.train"))).abs() < 1e-15);
}

#[test]
fn measuring_changes_nothing_about_training() {
    let lab = Lab::new();
    let plain = [
        "train",
        "--config",
        "small.toml",
        "--set",
        "hooks=[]",
        "--set",
        "name=plain",
    ];
    lab.run(&plain).success();
    lab.run(&["train", "--config", "small.toml"]).success();
    assert_eq!(
        lab.bytes("runs/plain/seed-0/model.safetensors"),
        lab.bytes(&format!("{RUN}/model.safetensors"))
    );
    let losses = |run: &str| -> Vec<_> {
        let rows = lab.rows(run).into_iter();
        rows.filter(|row| row["name"] == "loss.train")
            .map(|row| (row["step"].clone(), row["value"].clone()))
            .collect()
    };
    assert_eq!(losses("runs/plain/seed-0"), losses(RUN));
}

#[test]
fn the_same_command_gives_the_same_bytes_whatever_the_thread_count() {
    let lab = Lab::new();
    let mut models = Vec::new();
    for threads in ["1", "2"] {
        let out = format!("threads-{threads}");
        let mut command = lab.command(&[
            "train",
            "--config",
            "small.toml",
            "--quiet",
            "--out",
            &out,
            // Wide enough for matrix products to be split among threads.
            "--set",
            "model.hidden=[512, 512]",
            "--set",
            "train.batch_size=300",
            "--set",
            "train.epochs=2",
            "--set",
            "hooks=[]",
        ]);
        let output = command.env("RAYON_NUM_THREADS", threads).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        models.push((
            lab.bytes(&format!("{out}/small/seed-0/model.safetensors")),
            lab.rows(&format!("{out}/small/seed-0")),
        ));
    }
    assert!(models[0] == models[1]);
}

#[test]
fn a_run_is_never_overwritten_without_force() {
    let lab = Lab::new();
    let command = ["train", "--config", "small.toml", "--set", "train.epochs=1"];
    lab.run(&command).success();
    let before = lab.bytes(&format!("{RUN}/model.safetensors"));
    let message = lab
        .run(&["train", "--config", "small.toml", "--set", "train.epochs=2"])
        .failure(2);
    assert!(
        message.contains("--force") && message.contains("--resume"),
        "{message}"
    );
    assert_eq!(lab.bytes(&format!("{RUN}/model.safetensors")), before);
    lab.run(&[
        "train",
        "--config",
        "small.toml",
        "--set",
        "train.epochs=2",
        "--force",
    ])
    .success();
    assert_ne!(lab.bytes(&format!("{RUN}/model.safetensors")), before);
}

#[test]
fn force_never_deletes_a_folder_that_is_no_run() {
    let lab = Lab::new();
    std::fs::create_dir_all(lab.path(RUN)).unwrap();
    lab.write(&format!("{RUN}/thesis.tex"), "precious");
    let message = lab
        .run(&["train", "--config", "small.toml", "--force"])
        .failure(2);
    assert!(message.contains("is not a run directory"), "{message}");
    assert_eq!(lab.read(&format!("{RUN}/thesis.tex")), "precious");
}

#[test]
fn several_seeds_make_several_runs() {
    let lab = Lab::new();
    lab.run(&[
        "train",
        "--config",
        "small.toml",
        "--seeds",
        "0..2",
        "--set",
        "train.epochs=1",
        "--out",
        "elsewhere",
    ])
    .success();
    let weights = |seed: u8| lab.bytes(&format!("elsewhere/small/seed-{seed}/model.safetensors"));
    assert_ne!(weights(0), weights(1));
}

#[test]
fn a_dry_run_prints_the_plan_and_writes_nothing() {
    let lab = Lab::new();
    let plan = lab
        .run(&[
            "train",
            "--config",
            "small.toml",
            "--dry-run",
            "--seed",
            "3",
        ])
        .success();
    assert!(
        plan.contains("seed = 3") && plan.contains("steps per epoch    10"),
        "{plan}"
    );
    assert!(plan.contains("runs/small/seed-3"));
    assert_eq!(lab.entries(), ["small.toml"]);
    // What is printed is itself a config.
    lab.write("plan.toml", &plan);
    let again = lab
        .run(&["train", "--config", "plan.toml", "--dry-run"])
        .success();
    assert_eq!(again, plan);
}

#[test]
fn training_stops_at_a_training_loss() {
    let lab = Lab::new();
    lab.run(&[
        "train",
        "--config",
        "small.toml",
        "--set",
        "train.epochs=100",
        "--set",
        "train.stop_at_train_loss=0.2",
    ])
    .success();
    let summary: serde_json::Value =
        serde_json::from_str(&lab.read(&format!("{RUN}/summary.json"))).unwrap();
    assert_eq!(summary["stopped_by"], "train.stop_at_train_loss");
    let losses: Vec<f64> = lab
        .rows(RUN)
        .iter()
        .filter(|row| row["name"] == "loss.train")
        .map(|row| row["value"].as_f64().unwrap())
        .collect();
    let (last, earlier) = losses.split_last().unwrap();
    assert!(
        *last <= 0.2 && earlier.iter().all(|loss| *loss > 0.2),
        "{losses:?}"
    );
}

#[test]
fn divergence_is_a_failed_run_with_the_reason() {
    let lab = Lab::new();
    let message = lab
        .run(&[
            "train",
            "--config",
            "small.toml",
            "--set",
            "optimizer.learning_rate=1e20",
        ])
        .failure(1);
    assert!(
        message.contains("diverged") && message.contains("learning_rate"),
        "{message}"
    );
    let record: serde_json::Value =
        serde_json::from_str(&lab.read(&format!("{RUN}/run.json"))).unwrap();
    assert_eq!(record["status"], "diverged");
}

#[test]
fn every_optimizer_schedule_loss_and_activation_trains() {
    let lab = Lab::new();
    let variants: [&[&str]; 12] = [
        &["optimizer.kind=sgd", "optimizer.nesterov=true"],
        &["optimizer.kind=gd"],
        &["train.sampling=replacement"],
        &[
            "schedule.kind=step",
            "schedule.every=1",
            "schedule.factor=0.5",
        ],
        &["schedule.kind=cosine", "schedule.warmup=5"],
        &["schedule.kind=exponential", "schedule.decay=0.9"],
        &["train.loss=square", "optimizer.weight_decay=1e-4"],
        &[
            "train.loss=logistic",
            "data.classes=[3, 8]",
            "data.train=100",
            "data.test=50",
        ],
        &[
            "train.loss=exponential",
            "data.classes=[0, 1]",
            "data.train=100",
            "data.test=50",
        ],
        &["model.activation=tanh"],
        &["model.activation=gelu", "precision=f64"],
        &[
            "model.activation=softplus",
            "model.bias=false",
            "data.label_noise=0.1",
        ],
    ];
    for (index, variant) in variants.iter().enumerate() {
        let name = format!("name=v{index}");
        let mut arguments = vec!["train", "--config", "small.toml", "--set", &name];
        arguments.extend(["--set", "train.epochs=4", "--set", "hooks=[]"]);
        variant
            .iter()
            .for_each(|set| arguments.extend(["--set", set]));
        lab.run(&arguments).success();
        let rows = lab.rows(&format!("runs/v{index}/seed-0"));
        let losses: Vec<f64> = rows
            .iter()
            .filter(|row| row["name"] == "loss.train")
            .map(|row| row["value"].as_f64().unwrap())
            .collect();
        assert!(losses.last() < losses.first(), "{variant:?}: {losses:?}");
    }
}

#[test]
fn adam_and_adamw_train() {
    let lab = Lab::new();
    let config = CONFIG
        .replace("momentum = 0.9", "")
        .replace("learning_rate = 0.1", "learning_rate = 0.01");
    for kind in ["adam", "adamw"] {
        lab.write(
            "adam.toml",
            &config.replace("\"sgd\"", &format!("\"{kind}\"")),
        );
        let name = format!("name={kind}");
        lab.run(&["train", "--config", "adam.toml", "--set", &name])
            .success();
        let rows = lab.rows(&format!("runs/{kind}/seed-0"));
        let accuracy = rows
            .iter()
            .rfind(|row| row["name"] == "accuracy.train")
            .unwrap();
        assert!(accuracy["value"].as_f64().unwrap() > 0.8, "{accuracy}");
    }
}

#[test]
fn configs_are_found_by_name() {
    let lab = Lab::new();
    std::fs::create_dir(lab.path("configs")).unwrap();
    lab.write("configs/other.toml", CONFIG);
    for name in ["other", "other.toml", "configs/other.toml"] {
        lab.run(&["train", "--config", name, "--dry-run"]).success();
    }
}

#[test]
fn divergence_after_the_last_scheduled_evaluation_is_noticed() {
    let lab = Lab::new();
    let message = lab
        .run(&[
            "train",
            "--config",
            "small.toml",
            "--set",
            "train.steps=5",
            "--set",
            "optimizer.learning_rate=1e20",
            "--set",
            "hooks=[]",
        ])
        .failure(1);
    assert!(message.contains("diverged"), "{message}");
    assert!(!lab.exists(&format!("{RUN}/summary.json")));
}

#[test]
fn hooks_do_not_change_where_training_stops() {
    let lab = Lab::new();
    let stop = "train.stop_at_train_loss=0.5";
    for (name, hooks) in [
        ("name=plain", "hooks=[]"),
        (
            "name=hooked",
            "hooks=[{ preset = \"light\", every = 1, unit = \"steps\" }]",
        ),
    ] {
        lab.run(&[
            "train",
            "--config",
            "small.toml",
            "--set",
            stop,
            "--set",
            name,
            "--set",
            hooks,
        ])
        .success();
    }
    assert_eq!(
        lab.bytes("runs/plain/seed-0/model.safetensors"),
        lab.bytes("runs/hooked/seed-0/model.safetensors")
    );
}

#[test]
fn sizes_beyond_all_memory_are_bad_input() {
    let lab = Lab::new();
    for hidden in ["[99999999999999]", "[1000000, 1000000]"] {
        let set = format!("model.hidden={hidden}");
        let message = lab
            .run(&["train", "--config", "small.toml", "--set", &set])
            .failure(2);
        assert!(message.contains("narrower"), "{message}");
    }
    lab.run(&[
        "train",
        "--config",
        "small.toml",
        "--seeds",
        "0..1000000000000",
    ])
    .failure(2);
    assert_eq!(lab.entries(), ["small.toml"]);
}

#[test]
fn force_leaves_files_that_are_not_the_run_s() {
    let lab = Lab::new();
    let quick = [
        "train",
        "--config",
        "small.toml",
        "--set",
        "train.epochs=1",
        "--force",
    ];
    lab.run(&quick).success();
    lab.write(&format!("{RUN}/notes.txt"), "mine");
    lab.run(&quick).success();
    assert_eq!(lab.read(&format!("{RUN}/notes.txt")), "mine");
}

#[cfg(unix)]
#[test]
fn an_output_folder_that_cannot_be_made_is_bad_input() {
    let lab = Lab::new();
    let message = lab
        .run(&["train", "--config", "small.toml", "--out", "small.toml"])
        .failure(2);
    assert!(message.contains("--out"), "{message}");
}

#[test]
fn a_measurement_that_cannot_be_made_is_a_row_with_its_reason() {
    let lab = Lab::new();
    let tanh = "model.activation=tanh";
    lab.run(&["train", "--config", "small.toml", "--set", tanh])
        .success();
    let rows = lab.rows(RUN);
    let row = rows
        .iter()
        .find(|row| row["name"] == "reparam.rescale.lambda_max")
        .unwrap();
    assert!(row["value"].is_null());
    let reason = row["reason"].as_str().unwrap();
    assert!(reason.contains("positively homogeneous"), "{reason}");
}

#[test]
fn a_set_of_seeds_ends_with_a_line_for_each_and_one_table_of_means() {
    let lab = Lab::new();
    let set = ["train", "--config", "small.toml", "--seeds", "0..3"];
    let stdout = lab.run(&set).success();
    let lines: Vec<&str> = stdout.lines().collect();
    for (seed, line) in lines[..3].iter().enumerate() {
        let begins = format!("small seed {seed}: 60 steps, ended by train.epochs, training loss ");
        assert!(line.starts_with(&begins), "{stdout}");
        assert!(line.contains(", test accuracy 0.") && line.ends_with(&format!("seed-{seed}")));
    }
    assert_eq!((lines[3], lines[4]), ("", "small: means over 3 seeds"));
    let table: Vec<&&str> = lines[5..]
        .iter()
        .filter(|line| line.starts_with("| "))
        .collect();
    let of = |name: &str| {
        table
            .iter()
            .filter(|line| line.starts_with(&format!("| {name} ")))
            .count()
    };
    assert_eq!(
        (of("loss.train"), of("hessian.lambda_max")),
        (1, 1),
        "{stdout}"
    );
    assert!(!stdout.contains("run directory: "), "{stdout}");

    let losses: Vec<f64> = (0..3)
        .map(|seed| {
            let text = lab.read(&format!("runs/small/seed-{seed}/summary.json"));
            let summary: serde_json::Value = serde_json::from_str(&text).unwrap();
            summary["train_loss"].as_f64().unwrap()
        })
        .collect();
    let mean = losses.iter().sum::<f64>() / 3.0;
    let squares: f64 = losses.iter().map(|loss| (loss - mean).powi(2)).sum();
    let line = table
        .iter()
        .find(|line| line.starts_with("| loss.train "))
        .unwrap();
    let numbers: Vec<f64> = line
        .split(['|', '±'])
        .filter_map(|cell| cell.trim().parse().ok())
        .collect();
    let smallest = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let expected = [mean, (squares / 6.0).sqrt(), smallest];
    for (found, expected) in numbers.iter().zip(expected) {
        assert!((found / expected - 1.0).abs() < 0.05, "{line} {expected}");
    }
    assert_eq!(numbers.last(), Some(&3.0));
}
