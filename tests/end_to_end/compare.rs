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
        message.contains("none of the 1 runs is finished"),
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
    let finished = lab.run(&["compare", "runs"]);
    let advice = "not finished: finish it with `lab train --resume runs/small/seed-1`";
    assert!(finished.stderr.contains(advice), "{finished:?}");
    assert!(finished.success().contains("(n=1)"));
}

/// The runs below a folder, as the program reads them.
fn load(folder: &Path, seeds: u64) -> Vec<FinishedRun> {
    let read = |seed: u64| {
        let path = folder.join(format!("seed-{seed}"));
        let directory = RunDirectory::open(&path).unwrap();
        FinishedRun {
            place: path.display().to_string(),
            config: config::load(&directory.config_file(), &[], &measure::names()).unwrap(),
            summary: directory.read_json("summary.json").unwrap(),
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
