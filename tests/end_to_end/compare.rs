//! `lab compare`: which runs are put side by side, and what is said about them.

use crate::lab::Lab;
use lab::compare::{Comparison, FinishedRun, Pair, compare};
use lab::run::{RunDirectory, RunRecord};
use lab::{config, measure};
use std::path::Path;

/// Trains `small.toml` with some keys set, seeds 0 to `seeds`.
fn train(lab: &Lab, seeds: usize, sets: &[&str]) -> crate::lab::Finished {
    let seeds = format!("0..{seeds}");
    let mut command = vec!["train", "--config", "small.toml", "--seeds", &seeds];
    for set in sets {
        command.extend(["--set", set]);
    }
    lab.run(&command)
}

#[test]
fn runs_over_several_learning_rates_are_not_pooled() {
    let lab = Lab::new();
    for (rate, name) in [("0.05", "slow"), ("0.1", "fast")] {
        for batch in ["16", "100"] {
            let sets = [
                format!("optimizer.learning_rate={rate}"),
                format!("train.batch_size={batch}"),
                format!("name={name}{batch}"),
            ];
            train(&lab, 1, &[&sets[0], &sets[1], &sets[2], "train.epochs=1"]).success();
        }
    }
    let table = lab.run(&["compare", "runs"]).success();
    let first = table.lines().next().unwrap();
    assert!(
        first.starts_with(
            "No verdicts: runs with the same train.batch_size differ in optimizer.learning_rate (0.05, 0.1)"
        ),
        "{table}"
    );
    assert!(table.contains(" 16 · 0.05 (n=1) |"), "{table}");
    assert!(
        !table.contains("larger") && !table.contains("| verdict"),
        "{table}"
    );
    let advised = "train.batch_size,optimizer.learning_rate";
    assert!(first.contains(&format!("--by {advised}")), "{table}");
    let grouped = lab.run(&["compare", "runs", "--by", advised]).success();
    assert!(
        !grouped.contains("No verdicts") && grouped.contains("| verdict"),
        "{grouped}"
    );
    let fixed = lab.run(&["compare", "runs/slow*"]).success();
    assert!(fixed.contains(" 16 (n=1) |"), "{fixed}");
}

/// A layout whose rows are missing names the command that adds them, and that command fills the table.
#[test]
fn rows_that_a_layout_lacks_are_added_by_the_command_that_it_names() {
    let lab = Lab::new();
    for batch in ["16", "100"] {
        let sets = [
            format!("train.batch_size={batch}"),
            format!("name=b{batch}"),
        ];
        let small = ["train.epochs=1", "hooks=[]", "model.hidden=[20]"];
        train(&lab, 1, &[&sets[0], &sets[1], small[0], small[1], small[2]]).success();
    }
    for (layout, column) in [("keskar", "φ subspace, 5e-4"), ("spectrum", "λ₅")] {
        let compare = ["compare", "runs/b16", "runs/b100", "--layout", layout];
        let first = lab.run(&compare);
        assert!(!first.stdout.contains(column), "{first:?}");
        let note = first
            .stderr
            .lines()
            .find(|line| line.starts_with("note: Rows are missing of "));
        let note = note.unwrap_or_else(|| panic!("{first:?}"));
        assert!(
            note.contains(column) && note.contains(" in every run"),
            "{note}"
        );
        let command = note.split('`').nth(1).unwrap();
        let words: Vec<&str> = command.split_whitespace().skip(1).collect();
        lab.run(&words).success();
        let then = lab.run(&compare);
        assert!(then.stdout.contains(column), "{then:?}");
        assert!(!then.stderr.contains("note: "), "{then:?}");
    }
}

/// What is printed is as wide as the terminal says, and the same words.
#[test]
fn tables_and_words_are_as_wide_as_the_terminal() {
    let lab = Lab::new();
    for batch in ["16", "100"] {
        let sets = [
            format!("train.batch_size={batch}"),
            format!("name=b{batch}"),
        ];
        train(&lab, 1, &[&sets[0], &sets[1], "train.epochs=1"]).success();
    }
    for (arguments, width) in [
        (&["experiment", "list"][..], 110),
        (&["data", "list"], 110),
        (&["compare", "runs"], 130),
    ] {
        let whole = lab.run(arguments).success();
        let longest = |text: &str| text.lines().map(|line| line.chars().count()).max();
        assert!(longest(&whole) > Some(width), "{whole}");
        let mut command = lab.command(arguments);
        let output = command.env("COLUMNS", width.to_string()).output().unwrap();
        let fitted = crate::lab::Finished::of(output).success();
        // What is to be copied stays in one line; a hat above a letter takes no room.
        let length = |line: &str| line.chars().filter(|c| *c != '\u{302}').count();
        let too_long = fitted
            .lines()
            .filter(|line| length(line) > width && !line.contains('`'));
        assert_eq!(too_long.collect::<Vec<_>>(), Vec::<&str>::new());
        let letters = |text: &str| text.chars().filter(char::is_ascii_alphabetic).count();
        assert!(letters(&fitted) >= letters(&whole), "{fitted}");
    }
}

#[test]
fn results_are_printed_for_terminals_and_for_papers() {
    let lab = Lab::new();
    train(&lab, 2, &["train.epochs=1"]).success();
    let run = "runs/small/seed-0";
    let commands: [&[&str]; 5] = [
        &["compare", "runs", "--by", "seed"],
        &["measure", run, "--measures", "light"],
        &["reparam", run, "--measures", "light"],
        &["selfcheck"],
        &["config", "keys"],
    ];
    for command in commands {
        let print = |format: &str| {
            lab.run(&[command, &["--format", format]].concat())
                .success()
        };
        let text = print("text");
        assert!(
            text.contains("───") && !text.contains("|--"),
            "{command:?}: {text}"
        );
        let latex = print("latex");
        for word in [
            "\\begin{tabular}{l",
            "\\toprule",
            "\\bottomrule",
            "\\end{table}",
        ] {
            assert!(latex.contains(word), "{command:?}: {latex}");
        }
        assert!(!print("csv").is_empty());
        let json: serde_json::Value = serde_json::from_str(&print("json")).unwrap();
        assert!(json.is_array() || json["answer"].is_object(), "{json}");
    }
    let latex = lab.run(&["compare", "runs", "--format", "latex"]).success();
    assert!(latex.contains("hessian.lambda\\_max & $"), "{latex}");
}

/// A table for a paper has the lines that were asked for, in their order, and what is said of them in the whole table.
#[test]
fn a_table_of_chosen_lines_is_a_part_of_the_whole() {
    let lab = Lab::new();
    train(&lab, 2, &["train.epochs=1"]).success();
    let compare = |rest: &[&str]| {
        let command = ["compare", "runs", "--by", "seed"];
        lab.run(&[&command, rest].concat())
    };
    let chosen = ["--measures", "hessian.lambda_max,loss.test"];
    let table = compare(&chosen).success();
    let lines: Vec<&str> = table.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(lines.len(), 4, "{table}");
    assert!(
        lines[2].starts_with("| hessian.lambda_max ") && lines[3].starts_with("| loss.test "),
        "{table}"
    );
    let cells = |line: &str| {
        line.split('|')
            .map(|cell| cell.trim().to_owned())
            .collect::<Vec<_>>()
    };
    let whole = compare(&["--all"]).success();
    let same = |line: &&str| whole.lines().any(|other| cells(other) == cells(line));
    assert!(lines[2..].iter().all(same), "{table}{whole}");
    let latex = compare(&[&chosen[..], &["--format", "latex"]].concat()).success();
    assert_eq!(latex.matches("\\begin{table}").count(), 1, "{latex}");
    assert!(!latex.contains("itemize"), "{latex}");
    let message = compare(&["--measures", "loss.tets"]).failure(2);
    assert!(message.contains("did you mean `loss.test`?"), "{message}");
}

#[test]
fn a_diverged_run_is_left_out_and_not_to_be_resumed() {
    let lab = Lab::new();
    train(&lab, 1, &["train.epochs=1"]).success();
    let diverging = [
        "optimizer.learning_rate=1e30",
        "name=wild",
        "train.epochs=2",
    ];
    train(&lab, 1, &diverging).failure(1);
    let finished = lab.run(&["compare", "runs"]);
    let warning = finished.stderr.clone();
    let table = finished.success();
    for text in [&warning, &table] {
        assert!(text.contains("runs/wild/seed-0"), "{text}");
        assert!(text.contains("not finite"), "{text}");
        assert!(!text.contains("--resume"), "{text}");
    }
    let message = lab.run(&["compare", "runs/wild"]).failure(2);
    assert!(
        message.contains("none of the runs given is finished"),
        "{message}"
    );
    assert!(
        message.contains("not finite") && !message.contains("--resume"),
        "{message}"
    );
}

#[test]
fn an_unfinished_run_is_left_out_with_the_way_to_finish_it() {
    let lab = Lab::new();
    train(&lab, 2, &["train.epochs=1"]).success();
    std::fs::remove_file(lab.path("runs/small/seed-1/summary.json")).unwrap();
    let advice = "not finished: finish it with `lab train --resume runs/small/seed-1`";
    let message = lab.run(&["compare", "runs"]).failure(2);
    assert!(
        message.contains("1 of 2 runs cannot be compared"),
        "{message}"
    );
    assert!(
        message.contains(advice) && message.contains("--allow unfinished"),
        "{message}"
    );
    let finished = lab.run(&["compare", "runs", "--allow", "unfinished"]);
    assert!(finished.stderr.contains(advice), "{finished:?}");
    assert!(finished.success().contains("(n=1)"));
}

#[test]
fn what_cannot_be_compared_is_one_message_and_nothing_is_printed() {
    let lab = Lab::new();
    let sets = ["train.epochs=1", "hooks.0.preset=light"];
    train(&lab, 2, &sets).success();
    let refused = |arguments: &[&str], expected: &str| {
        let finished = lab.run(&[&["compare"], arguments].concat());
        assert_eq!(
            (finished.code, finished.stdout.as_str()),
            (Some(2), ""),
            "{finished:?}"
        );
        assert!(finished.stderr.contains(expected), "{finished:?}");
    };
    refused(&["runs/no*"], "no runs found in runs/no*");
    std::fs::create_dir_all(lab.path("experiments/claim")).unwrap();
    lab.write("experiments/claim/result.json", "{}");
    for folder in ["experiments", "experiments/claim"] {
        refused(&[folder], "has what `lab experiment` found, and no runs");
    }
    refused(
        &["runs", "--equal-within", "0.1"],
        "--equal-within takes 10%",
    );
    refused(&["runs", "--by", "arms"], "arms");

    // The same arm in two folders is two things.
    lab.run(&[
        "train",
        "--config",
        "small.toml",
        "--seed",
        "3",
        "--out",
        "others",
    ])
    .success();
    refused(
        &["runs", "others", "--by", "arm"],
        "two arms have the name small: ",
    );
    let apart = lab.run(&["compare", "runs", "--by", "arm"]).success();
    assert!(apart.contains("By arm: small (2 seeds)"), "{apart}");

    let rows = "runs/small/seed-1/metrics.jsonl";
    let text = lab.read(rows);
    let mut lines: Vec<&str> = text.lines().collect();
    lines[2] = "{\"name\":";
    lab.write(rows, &(lines.join("\n") + "\n"));
    refused(
        &["runs"],
        "runs/small/seed-1/metrics.jsonl, line 3, is no row",
    );
    lab.write(rows, &text);

    let record = "runs/small/seed-1/run.json";
    let version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    let text = lab.read(record);
    assert!(text.contains(&version), "{text}");
    lab.write(record, &text.replace(&version, "\"version\": \"0.0.1\""));
    refused(&["runs"], "several versions of lab");
    refused(&["runs"], "0.0.1 (runs/small/seed-1)");
    lab.run(&["compare", "runs", "--allow", "mixed-versions"])
        .success();
}

/// Three arms of a sweep with three seeds each, as long as each other, so that their losses differ.
#[test]
fn a_sweep_is_compared_by_its_arms_in_every_layout() {
    let lab = Lab::new();
    let sweep = "base = \"small.toml\"\nseeds = \"0..3\"\n[set]\n\
                 train.epochs = 3\n\
                 hooks = [{ measures = [\"loss.train\", \"gap.loss\", \"accuracy.test\", \"norm.l2\", \
                 \"hessian.lambda_max\", \"sharpness.keskar.full\"], every = 1 }]\n\
                 [axes]\ntrain.batch_size = [16, 32, 100]\n";
    lab.write("sweep.toml", sweep);
    lab.run(&["sweep", "sweep.toml"]).success();
    let text = |arguments: &[&str]| {
        lab.run(&[&["compare", "runs/sweep"], arguments].concat())
            .success()
    };
    let by_arm = text(&["--by", "arm"]);
    assert!(
        by_arm.contains("The arms differ in train.batch_size"),
        "{by_arm}"
    );
    assert!(by_arm.contains("batch_size-16 (n=3)"), "{by_arm}");
    assert!(
        by_arm.contains("Over train.batch_size: the exponent"),
        "{by_arm}"
    );
    // Small batches are further after as many epochs; so flatness has no verdict, but where all have been.
    assert!(by_arm.contains("none: training losses differ"), "{by_arm}");
    assert!(
        by_arm.contains("At the last training loss that all runs have had"),
        "{by_arm}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&text(&["--by", "arm", "--format", "json"])).unwrap();
    let common = &json["at_common_loss"]["comparison"];
    assert_eq!(common["losses"], "equal");
    let lines = common["lines"].as_array().unwrap();
    let sharpness = lines
        .iter()
        .find(|line| line["name"] == "hessian.lambda_max");
    assert_eq!(sharpness.unwrap()["pairs"].as_array().unwrap().len(), 3);
    let associations = &json["associations"];
    assert_eq!(
        (&associations["runs"], &associations["kinds"]),
        (&9.into(), &3.into())
    );
    assert_eq!(
        associations["axes"],
        serde_json::json!(["train.batch_size"])
    );

    let layouts = [
        ("keskar", "φ full, 1e-3"),
        ("spectrum", "λ₁"),
        ("invariance", "layer-rescaling"),
        ("gap", "τ of means"),
    ];
    for (layout, word) in layouts {
        for format in ["md", "text", "latex"] {
            let printed = text(&["--layout", layout, "--format", format]);
            let word = if format == "latex" { "tabular" } else { word };
            assert!(printed.contains(word), "{layout} {format}: {printed}");
        }
        let json: serde_json::Value =
            serde_json::from_str(&text(&["--layout", layout, "--format", "json"])).unwrap();
        assert!(!json.as_array().unwrap().is_empty(), "{layout}: {json}");
        let csv = text(&["--layout", layout, "--format", "csv"]);
        assert!(csv.lines().count() > 1, "{layout}: {csv}");
    }

    // The commands that are told make the losses equal.
    let commands = json["matching_commands"].as_array().unwrap();
    assert_eq!(commands.len(), 3);
    for command in commands {
        let words: Vec<&str> = command.as_str().unwrap().split(' ').skip(1).collect();
        lab.run(&words).success();
    }
    let matched = lab.run(&["compare", "runs/*-matched"]).success();
    assert!(matched.contains("equal within 2 %"), "{matched}");
}

/// Of tables that compare halves of the same twelve runs hardly any holds a verdict. The ignored test below asks more.
#[test]
fn halves_of_a_few_runs_hold_hardly_any_verdict() {
    const SEEDS: u64 = 12;
    const DRAWS: u64 = 20;
    let lab = Lab::new();
    train(
        &lab,
        SEEDS as usize,
        &["train.epochs=2", "hooks.0.preset=light"],
    )
    .success();
    let runs = load(&lab.path("runs/small"), SEEDS);
    for is_paired in [false, true] {
        let decided = (0..DRAWS)
            .filter(|draw| {
                let table = halves(&runs, 6, *draw, is_paired);
                let mut pairs = table.lines.iter().flat_map(|line| &line.pairs);
                assert!(table.tests > 10, "{}", table.tests);
                pairs.any(|pair| pair.p_holm <= 0.05)
            })
            .count();
        // One in twenty on average: more than three of twenty draws come about in 2 % of cases.
        assert!(decided <= 3, "paired {is_paired}: {decided} of {DRAWS}");
    }
}

/// The runs below a folder, as the program reads them.
fn load(folder: &Path, seeds: u64) -> Vec<FinishedRun> {
    let read = |seed: u64| {
        let path = folder.join(format!("seed-{seed}"));
        let directory = RunDirectory::open(&path).unwrap();
        let config = config::load(&directory.config_file(), &[], &measure::names()).unwrap();
        FinishedRun {
            place: path.display().to_string(),
            base_rate: config.optimizer.learning_rate,
            config,
            summary: directory.read_json("summary.json").unwrap(),
            version: "test".to_owned(),
            data: directory.read_json::<RunRecord>("run.json").unwrap().data,
        }
    };
    (0..seeds).map(read).collect()
}

/// Two groups of `count` of the runs each, chosen by `draw`; paired as if of the same seeds.
fn halves(runs: &[FinishedRun], count: usize, draw: u64, is_paired: bool) -> Comparison {
    let mut order: Vec<&FinishedRun> = runs.iter().collect();
    // A multiplicative hash of the seed puts the runs into an order of this draw's own.
    order.sort_by_key(|run| {
        let mixed = (run.config.seed + 1)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15 ^ draw.wrapping_mul(0xD1B5_4A32_D192_ED03));
        (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9)
    });
    let chosen = order
        .into_iter()
        .take(2 * count)
        .enumerate()
        .map(|(index, run)| {
            let mut run = run.clone();
            run.config.name = ["first", "second"][index / count].to_owned();
            if is_paired {
                run.config.seed = (index % count) as u64;
            }
            run
        });
    compare(&chosen.collect::<Vec<_>>(), Vec::new(), &["name"]).unwrap()
}

/// Of tables that compare halves of one experiment's seeds, at most one in twenty holds a verdict:
///
/// `cargo test --release --test end_to_end halves_of_one -- --ignored --nocapture`
#[test]
#[ignore = "trains 60 networks, some minutes"]
fn halves_of_one_experiment_do_not_differ() {
    const SEEDS: u64 = 60;
    const DRAWS: u64 = 100;
    let lab = Lab::new();
    let config = "[model]\nhidden = [100]\n[optimizer]\nkind = \"sgd\"\nlearning_rate = 0.1\nmomentum = 0.9\n\
                  [train]\nbatch_size = 32\nepochs = 1000\nstop_at_train_loss = 0.02\n\
                  [[hooks]]\npreset = \"light\"\nevery = 1000\n[[hooks]]\npreset = \"full\"\nevery = 1000\n";
    lab.write("small.toml", config);
    train(&lab, SEEDS as usize, &[]).success();
    let runs = load(&lab.path("runs/small"), SEEDS);
    for is_paired in [false, true] {
        for count in [3, 5, 10, 20, 30] {
            let tables: Vec<Comparison> = (0..DRAWS)
                .map(|draw| halves(&runs, count, draw, is_paired))
                .collect();
            let holding = |is_decided: &dyn Fn(&Pair) -> bool| {
                let holds = |table: &&Comparison| {
                    let mut pairs = table.lines.iter().flat_map(|line| &line.pairs);
                    pairs.any(is_decided)
                };
                tables.iter().filter(holds).count()
            };
            let decided = holding(&|pair| pair.p_holm <= 0.05);
            let uncorrected = holding(&|pair| pair.p.is_some_and(|p| p <= 0.05));
            println!(
                "paired {is_paired}, {count} seeds each, {} tests: verdicts in {decided} of {DRAWS}, \
                 without correction in {uncorrected}",
                tables[0].tests
            );
            assert!(decided <= 10, "{decided} of {DRAWS}");
        }
    }
}
