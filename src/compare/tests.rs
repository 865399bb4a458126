//! Comparisons of made-up runs.

mod answer;
mod decides;
mod events;

use super::*;
use crate::config::Override;
use crate::linear::Precision;
use crate::measure::Measurement;
use crate::model::NormMode;
use crate::report::{ComparisonReport, Report};
use crate::table::{Csv, Markdown, Renderer};

fn report(comparison: &Comparison) -> ComparisonReport<'_> {
    ComparisonReport {
        comparison,
        shows_all: true,
        layout: crate::report::Layout::Lines,
    }
}

fn page(comparison: &Comparison) -> String {
    Markdown.page(&report(comparison).page())
}

fn configured(sets: &[&str], seed: u64, loss: f64, sharpness: f64) -> FinishedRun {
    let text = format!(
        "name = \"made-up\"\nseed = {seed}\n[optimizer]\nlearning_rate = 0.1\n[train]\nepochs = 2\n"
    );
    let place = format!("runs/{}/seed-{seed}", sets.join("-"));
    let sets: Vec<Override> = sets
        .iter()
        .map(|set| Override::parse(set).unwrap())
        .collect();
    let config = crate::config::parse(&text, "test.toml", &sets, "test", &[]).unwrap();
    let summary = Summary {
        run: config.name.clone(),
        seed,
        steps: 100,
        epochs: 2.0,
        stopped_by: "train.epochs or train.steps".to_owned(),
        train_loss: Some(loss),
        last_step_part: None,
        degenerate: None,
        parameters: 10,
        maps: vec![MapKind::LayerRescaling, MapKind::Permutation],
        learning_rate: 0.1,
        training_seconds: 1.0,
        measuring_seconds: 1.0,
        preparing_seconds: None,
        model_sha256: None,
        events: Vec::new(),
        average_sha256: None,
        measurements: vec![
            Measurement::new("loss.train", loss).with_stderr(0.01),
            Measurement::new("hessian.lambda_max", sharpness).with_residual(1e-4, true, 9),
            Measurement::new("reparam.rescale.lambda_max", 28.0).with_residual(1e-4, true, 9),
        ],
    };
    FinishedRun {
        place,
        config,
        summary,
        data: Vec::new(),
        version: "test".to_owned(),
    }
}

fn run(batch: usize, seed: u64, loss: f64, sharpness: f64) -> FinishedRun {
    configured(
        &[&format!("train.batch_size={batch}")],
        seed,
        loss,
        sharpness,
    )
}

/// Seeds 0, 1, ... at one batch size, at training losses of about 0.1 and with these sharpnesses.
fn runs(batch: usize, sharpness: &[f64]) -> Vec<FinishedRun> {
    let runs = (0..).zip(sharpness);
    runs.map(|(seed, sharpness)| run(batch, seed, 0.1 + 1e-4 * seed as f64, *sharpness))
        .collect()
}

fn by_batch_size(runs: &[FinishedRun]) -> Comparison {
    compare(runs, Vec::new(), &["train.batch_size"]).unwrap()
}

fn line<'a>(comparison: &'a Comparison, name: &str) -> &'a Line {
    let mut lines = comparison.lines.iter();
    lines
        .find(|line| line.name == name)
        .unwrap_or_else(|| panic!("no line {name}"))
}

fn labels(comparison: &Comparison) -> Vec<&str> {
    comparison
        .groups
        .iter()
        .map(|group| group.label.as_str())
        .collect()
}

#[test]
fn small_and_large_batches_stand_side_by_side() {
    let mut both = runs(512, &[4.0, 4.4, 4.1]);
    both.extend(runs(32, &[1.0, 1.2, 1.1]));
    insta::assert_snapshot!(page(&by_batch_size(&both)), @r#"
    By train.batch_size: 32 (3 seeds) against 512 (3 seeds), at training losses of 0.1001 ± 0.00010 and 0.1001 ± 0.00010, equal within 2 %. None of the measures taken is one of flatness that no function-preserving map moves. 1 decided line rests on the parameterisation, because a map moves the measure and leaves the function alone: hessian.lambda_max (×28 by layer-rescaling) is larger at 512.

    Means ± standard deviations by train.batch_size.

    | by train.batch_size        |         32 (n=3) |        512 (n=3) | verdict    | moved by |
    |----------------------------|------------------|------------------|------------|----------|
    | optimizer.learning_rate    |           0.1000 |           0.1000 |            |          |
    | epochs                     |            2.000 |            2.000 |            |          |
    | steps                      |            100.0 |            100.0 |            |          |
    | loss.train                 | 0.1001 ± 0.00010 | 0.1001 ± 0.00010 | identical  | nothing  |
    | hessian.lambda_max         |     1.100 ± 0.10 |     4.167 ± 0.21 | 512 larger | scaling  |
    | reparam.rescale.lambda_max |        28.00 ± 0 |        28.00 ± 0 |            | check    |

    How far apart: 512 against 32, with 95 % intervals of each line alone.

    | measure            |        difference |                ratio |            g | test   |
    |--------------------|-------------------|----------------------|--------------|--------|
    | hessian.lambda_max | 3.07 [2.78, 3.35] | 3.788 [3.438, 4.330] | 15 [4.2, 51] | paired |

    How certain: 512 against 32.

    | measure            |       p |    Holm |     FDR |
    |--------------------|---------|---------|---------|
    | hessian.lambda_max | 0.00047 | 0.00047 | 0.00047 |

    - Numbers are means over the seeds of a group. Differences are 512 minus 32, ratios 512 over 32. ± is one standard deviation over runs where a group has several; of one run it is the measurement's own error: its standard error, or its residual (how far a search was from its end; of an eigenvalue ‖Hv − λv‖ / ‖H‖) times what that is relative to.
    - Units: losses are means over samples, cross-entropy in nats; accuracies are shares of 1; parameters have none, so a curvature is in units of the loss. lab measure --help says what each measure is.
    - Verdicts: t-tests. "paired" takes the differences between runs of the same seed, "Welch" groups whose seeds differ. p is corrected by Holm's method for the 1 test of all lines, shown or not, and 5 % decides: of tables whose groups differ in nothing, at most 5 % hold any verdict.
    - Undecided does not mean equal. Among 1 test, 3 seeds in each group find a difference of 2.5 standard deviations of the differences between runs of a seed every other time. Differences of 3, 2 and 1 of them take 3, 4 and 7 seeds.
    - Identical: every run has the same value, or every group the same by seed.
    - g: Hedges' g, the difference in standard deviations (paired: of the differences), with its 95 % interval. Ratios of numbers above zero only (Fieller's interval). Holm: the corrected p, which decides; FDR: Benjamini-Hochberg's, at 5 % of which one in twenty decided lines is expected to be none. --equal-within 10% asks which lines are equal as far as that.
    - Moved by: of the maps that leave the function of these networks alone (layer-rescaling and permutation), those that change the measure; scaling stands for layer-rescaling; a check reports on a map itself.
    - Maps: layer-rescaling (in the table: layer): a layer's weights and biases times a factor, the next layer's weights divided by it; permutation: hidden units in another order.
    "#);
}

#[test]
fn three_groups_are_compared_in_pairs() {
    let mut all = runs(32, &[1.0, 1.2, 1.1, 1.05]);
    all.extend(runs(128, &[1.5, 0.9, 1.3, 1.2]));
    all.extend(runs(512, &[4.0, 4.4, 4.1, 4.2]));
    let comparison = by_batch_size(&all);
    insta::assert_snapshot!(page(&comparison), @r#"
    By train.batch_size: 32 (4 seeds), 128 (4 seeds) and 512 (4 seeds), at training losses of 0.1002 ± 0.00013, 0.1002 ± 0.00013 and 0.1002 ± 0.00013, equal within 2 %. None of the measures taken is one of flatness that no function-preserving map moves. 1 decided line rests on the parameterisation, because a map moves the measure and leaves the function alone: hessian.lambda_max (×28 by layer-rescaling) is ordered (512 > 32 & 128; rest undecided).

    Means ± standard deviations by train.batch_size.

    | by train.batch_size        |         32 (n=4) |        128 (n=4) |        512 (n=4) | verdict                        | moved by |
    |----------------------------|------------------|------------------|------------------|--------------------------------|----------|
    | optimizer.learning_rate    |           0.1000 |           0.1000 |           0.1000 |                                |          |
    | epochs                     |            2.000 |            2.000 |            2.000 |                                |          |
    | steps                      |            100.0 |            100.0 |            100.0 |                                |          |
    | loss.train                 | 0.1002 ± 0.00013 | 0.1002 ± 0.00013 | 0.1002 ± 0.00013 | identical                      | nothing  |
    | hessian.lambda_max         |    1.087 ± 0.085 |     1.225 ± 0.25 |     4.175 ± 0.17 | 512 > 32 & 128; rest undecided | scaling  |
    | reparam.rescale.lambda_max |        28.00 ± 0 |        28.00 ± 0 |        28.00 ± 0 |                                | check    |

    How far apart: every pair of groups, with 95 % intervals of each line alone.

    | measure                       |            difference |                 ratio |                 g | test   |
    |-------------------------------|-----------------------|-----------------------|-------------------|--------|
    | hessian.lambda_max: 128 − 32  | 0.138 [-0.388, 0.663] | 1.126 [0.6813, 1.693] | 0.30 [-0.64, 1.4] | paired |
    | hessian.lambda_max: 512 − 32  |     3.09 [2.92, 3.25] |  3.839 [3.585, 4.159] |      22 [8.0, 53] | paired |
    | hessian.lambda_max: 512 − 128 |     2.95 [2.28, 3.62] |  3.408 [2.406, 5.374] |     5.1 [1.8, 12] | paired |

    How certain: every pair of groups.

    | measure                       |       p |   Holm |    FDR |
    |-------------------------------|---------|--------|--------|
    | hessian.lambda_max: 128 − 32  |    0.47 |   0.47 |   0.47 |
    | hessian.lambda_max: 512 − 32  |  1.0e-5 | 4.1e-5 | 2.2e-5 |
    | hessian.lambda_max: 512 − 128 | 0.00078 | 0.0016 | 0.0010 |

    Over train.batch_size: the exponent of a power law through all groups (the slope in double logarithms), with its 95 % interval.

    | measure            |             exponent | trend |      p |   Holm |    FDR |
    |--------------------|----------------------|-------|--------|--------|--------|
    | hessian.lambda_max | 0.486 [0.459, 0.512] | rises | 1.1e-5 | 4.1e-5 | 2.2e-5 |

    - Numbers are means over the seeds of a group. ± is one standard deviation over runs where a group has several; of one run it is the measurement's own error: its standard error, or its residual (how far a search was from its end; of an eigenvalue ‖Hv − λv‖ / ‖H‖) times what that is relative to.
    - Units: losses are means over samples, cross-entropy in nats; accuracies are shares of 1; parameters have none, so a curvature is in units of the loss. lab measure --help says what each measure is.
    - Verdicts: t-tests, of every pair of groups; p is that of the clearest pair. "paired" takes the differences between runs of the same seed, "Welch" groups whose seeds differ. p is corrected by Holm's method for the 3 tests of all lines, shown or not, and 5 % decides: of tables whose groups differ in nothing, at most 5 % hold any verdict.
    - Undecided does not mean equal. Among 3 tests, 4 seeds in each group find a difference of 2.4 standard deviations of the differences between runs of a seed every other time. Differences of 3, 2 and 1 of them take 4, 5 and 10 seeds.
    - Identical: every run has the same value, or every group the same by seed.
    - g: Hedges' g, the difference in standard deviations (paired: of the differences), with its 95 % interval. Ratios of numbers above zero only (Fieller's interval). Holm: the corrected p, which decides; FDR: Benjamini-Hochberg's, at 5 % of which one in twenty decided lines is expected to be none. --equal-within 10% asks which lines are equal as far as that.
    - Moved by: of the maps that leave the function of these networks alone (layer-rescaling and permutation), those that change the measure; scaling stands for layer-rescaling; a check reports on a map itself.
    - Maps: layer-rescaling (in the table: layer): a layer's weights and biases times a factor, the next layer's weights divided by it; permutation: hidden units in another order.
    "#);
    let sharpness = line(&comparison, "hessian.lambda_max");
    let pairs: Vec<_> = sharpness
        .pairs
        .iter()
        .map(|pair| (pair.first.as_str(), pair.second.as_str(), pair.decision))
        .collect();
    assert_eq!(
        pairs,
        [
            ("32", "128", Decision::NotDecided),
            ("32", "512", Decision::SecondLarger),
            ("128", "512", Decision::SecondLarger),
        ]
    );
    // The family is three pairs of one line and its trend: the training losses are the same by seed.
    assert_eq!(comparison.tests, 4);
    assert_eq!(line(&comparison, "loss.train").verdict, Verdict::Identical);
}

#[test]
fn three_groups_that_all_differ_are_a_chain() {
    let mut all = runs(32, &[1.0, 1.2, 1.1, 1.05]);
    all.extend(runs(128, &[9.1, 9.0, 9.3, 9.2]));
    all.extend(runs(512, &[4.0, 4.4, 4.1, 4.2]));
    let table = page(&by_batch_size(&all));
    assert!(table.contains("128 > 512 > 32"), "{table}");
}

#[test]
fn groups_are_ordered_by_value_and_their_runs_by_seed() {
    let all = [
        run(1000, 1, 1.0, 1.0),
        run(32, 5, 1.0, 1.0),
        run(32, 2, 1.0, 1.0),
    ];
    let comparison = by_batch_size(&all);
    assert_eq!(labels(&comparison), ["32", "1000"]);
    assert_eq!(comparison.groups[0].seeds, [2, 5]);

    let hidden = ["[128]", "[16, 16]", "[16]"];
    let all = hidden.map(|hidden| configured(&[&format!("model.hidden={hidden}")], 0, 1.0, 1.0));
    let comparison = compare(&all, Vec::new(), &["model.hidden"]).unwrap();
    assert_eq!(labels(&comparison), ["[16]", "[16, 16]", "[128]"]);
    let bias = ["true", "false"];
    let all = bias.map(|bias| configured(&[&format!("model.bias={bias}")], 0, 1.0, 1.0));
    let comparison = compare(&all, Vec::new(), &["model.bias"]).unwrap();
    assert_eq!(labels(&comparison), ["false", "true"]);
}

#[test]
fn two_seeds_decide_nothing() {
    let all = [runs(32, &[1.0, 1.01]), runs(512, &[9.0, 9.01])].concat();
    let comparison = by_batch_size(&all);
    let sharpness = line(&comparison, "hessian.lambda_max");
    assert_eq!(sharpness.verdict, Verdict::TooFewSeeds);
    assert_eq!(comparison.answer.standing, Standing::TooFewSeeds);
    assert!(page(&comparison).contains("at least three seeds"));
}

#[test]
fn one_seed_shows_the_measurement_s_own_error() {
    let comparison = by_batch_size(&[run(32, 0, 0.1, 1.0), run(512, 0, 0.1, 9.0)]);
    let sharpness = line(&comparison, "hessian.lambda_max");
    assert_eq!(sharpness.cells[0].as_ref().unwrap().error, Some(1e-4));
    assert_eq!(sharpness.ratio, Some(9.0));
}

#[test]
fn what_is_set_or_equal_in_all_runs_has_no_verdict() {
    let mut all = [runs(32, &[1.0; 3]), runs(512, &[1.0; 3])].concat();
    for run in &mut all {
        let size = run.config.train.batch_size.unwrap() as f64;
        run.summary
            .measurements
            .push(Measurement::new("run.batch_size", size));
    }
    let comparison = by_batch_size(&all);
    assert_eq!(line(&comparison, "run.batch_size").verdict, Verdict::Given);
    assert_eq!(
        line(&comparison, "hessian.lambda_max").verdict,
        Verdict::Identical
    );
    let table = page(&comparison);
    assert!(table.contains(" identical "), "{table}");
    assert!(!table.contains("larger"), "{table}");
}

#[test]
fn a_training_loss_that_runs_were_made_to_end_at_has_no_verdict() {
    let arm = |batch: usize, loss: f64| {
        let batch = format!("train.batch_size={batch}");
        let sets = [batch.as_str(), "train.stop_at_train_loss=0.1"];
        [0, 1, 2].map(|seed| configured(&sets, seed, loss + 1e-7 * (seed * seed) as f64, 1.0))
    };
    let verdict = |losses: [f64; 2]| {
        let comparison = by_batch_size(&[arm(32, losses[0]), arm(512, losses[1])].concat());
        line(&comparison, "loss.train").verdict
    };
    assert_eq!(verdict([0.1, 0.0999]), Verdict::Given);
    assert_eq!(verdict([0.1, 0.08]), Verdict::NotDecided);
}

#[test]
fn a_run_that_lacks_one_measure_changes_only_that_line() {
    let mut all = [
        runs(32, &[1.0, 1.2, 1.1, 1.3]),
        runs(512, &[4.0, 4.4, 4.1, 4.2]),
    ]
    .concat();
    all[0].summary.measurements.remove(1);
    for (run, norm) in all.iter_mut().zip([5.0, 5.5, 5.2, 5.3, 7.0, 7.9, 7.1, 7.2]) {
        run.summary
            .measurements
            .push(Measurement::new("norm.l2", norm));
    }
    let comparison = by_batch_size(&all);
    let method = |name| line(&comparison, name).method;
    assert_eq!(method("hessian.lambda_max"), Some(Method::Welch));
    assert_eq!(method("norm.l2"), Some(Method::Paired));
    let table = page(&comparison);
    // The second of a name is that of the table of differences.
    let row = |name: &str| {
        let begins = format!("| {name} ");
        let mut rows = table.lines().filter(|row| row.starts_with(&begins));
        rows.nth(1).unwrap()
    };
    let welch = row("hessian.lambda_max");
    assert!(welch.contains("| Welch, n=3 and 4 "), "{table}");
    assert!(row("norm.l2").contains("| paired "), "{table}");
    let json: serde_json::Value =
        serde_json::from_str(&report(&comparison).json().unwrap()).unwrap();
    let lines = json["lines"].as_array().unwrap();
    let found = |name: &str| lines.iter().find(|line| line["name"] == name).unwrap();
    assert_eq!(found("hessian.lambda_max")["method"], "welch");
    // The clearer of two tests counts twice.
    let pair = &found("norm.l2")["pairs"][0];
    assert_eq!(pair["p_holm"].as_f64(), pair["p"].as_f64().map(|p| 2.0 * p));
}

/// Twelve runs at two batch sizes and three learning rates.
fn over_learning_rates() -> Vec<FinishedRun> {
    let mut all = Vec::new();
    for rate in ["0.05", "0.1", "0.2"] {
        for batch in ["32", "512"] {
            for seed in [0, 1] {
                let sets = [
                    format!("optimizer.learning_rate={rate}"),
                    format!("train.batch_size={batch}"),
                ];
                all.push(configured(
                    &[&sets[0], &sets[1]],
                    seed,
                    0.1,
                    1.0 + seed as f64,
                ));
            }
        }
    }
    all
}

#[test]
fn runs_that_differ_in_what_matters_are_not_pooled() {
    let comparison = by_batch_size(&over_learning_rates());
    insta::assert_snapshot!(page(&comparison), @r#"
    No verdicts: runs with the same train.batch_size differ in optimizer.learning_rate (0.05, 0.1, 0.2), so they are not samples of one thing. Each kind of run has a column of its own. Group by all of it (--by train.batch_size,optimizer.learning_rate), or give only runs that agree. By train.batch_size and optimizer.learning_rate: 32 · 0.05 (2 seeds), 32 · 0.1 (2 seeds), 32 · 0.2 (2 seeds), 512 · 0.05 (2 seeds), 512 · 0.1 (2 seeds) and 512 · 0.2 (2 seeds), at training losses of 0.1000 ± 0, 0.1000 ± 0, 0.1000 ± 0, 0.1000 ± 0, 0.1000 ± 0 and 0.1000 ± 0.

    Means ± standard deviations by train.batch_size, optimizer.learning_rate.

    | by train.batch_size, optimizer.learning_rate | 32 · 0.05 (n=2) | 32 · 0.1 (n=2) | 32 · 0.2 (n=2) | 512 · 0.05 (n=2) | 512 · 0.1 (n=2) | 512 · 0.2 (n=2) | moved by |
    |----------------------------------------------|-----------------|----------------|----------------|------------------|-----------------|-----------------|----------|
    | optimizer.learning_rate                      |         0.05000 |         0.1000 |         0.2000 |          0.05000 |          0.1000 |          0.2000 |          |
    | epochs                                       |           2.000 |          2.000 |          2.000 |            2.000 |           2.000 |           2.000 |          |
    | steps                                        |           100.0 |          100.0 |          100.0 |            100.0 |           100.0 |           100.0 |          |
    | loss.train                                   |      0.1000 ± 0 |     0.1000 ± 0 |     0.1000 ± 0 |       0.1000 ± 0 |      0.1000 ± 0 |      0.1000 ± 0 | nothing  |
    | hessian.lambda_max                           |    1.500 ± 0.71 |   1.500 ± 0.71 |   1.500 ± 0.71 |     1.500 ± 0.71 |    1.500 ± 0.71 |    1.500 ± 0.71 | scaling  |
    | reparam.rescale.lambda_max                   |       28.00 ± 0 |      28.00 ± 0 |      28.00 ± 0 |        28.00 ± 0 |       28.00 ± 0 |       28.00 ± 0 | check    |

    - Numbers are means over the seeds of a group. ± is one standard deviation over runs where a group has several; of one run it is the measurement's own error: its standard error, or its residual (how far a search was from its end; of an eigenvalue ‖Hv − λv‖ / ‖H‖) times what that is relative to.
    - Units: losses are means over samples, cross-entropy in nats; accuracies are shares of 1; parameters have none, so a curvature is in units of the loss. lab measure --help says what each measure is.
    - Moved by: of the maps that leave the function of these networks alone (layer-rescaling and permutation), those that change the measure; scaling stands for layer-rescaling; a check reports on a map itself.
    - Maps: layer-rescaling (in the table: layer): a layer's weights and biases times a factor, the next layer's weights divided by it; permutation: hidden units in another order.
    "#);
    assert!(!comparison.is_tested);

    let keys = ["train.batch_size", "optimizer.learning_rate"];
    let grouped = compare(&over_learning_rates(), Vec::new(), &keys).unwrap();
    assert_eq!(labels(&grouped), labels(&comparison));
    assert!(
        grouped.is_tested && grouped.warnings.is_empty(),
        "{:?}",
        grouped.warnings
    );
    let others = compare(
        &over_learning_rates(),
        Vec::new(),
        &["optimizer.learning_rate"],
    )
    .unwrap();
    assert_eq!(labels(&others)[..2], ["0.05 · 32", "0.05 · 512"]);
}

#[test]
fn runs_of_too_many_kinds_are_refused() {
    let all: Vec<FinishedRun> = (1..14)
        .map(|rate| {
            configured(
                &[&format!("optimizer.learning_rate=0.{rate}1")],
                rate,
                0.1,
                1.0,
            )
        })
        .collect();
    let error = compare(&all, Vec::new(), &["train.batch_size"])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("runs with the same train.batch_size differ in optimizer.learning_rate, which makes 13 kinds"),
        "{error}"
    );
}

#[test]
fn where_and_how_often_runs_were_watched_does_not_matter() {
    let mut all = [runs(32, &[1.0, 1.2, 1.1]), runs(512, &[4.0, 4.4, 4.1])].concat();
    all[1] = configured(
        &[
            "backend=ndarray",
            "name=other",
            "train.checkpoint_every=2",
            "train.evaluate_every=2",
            "train.batch_size=32",
        ],
        1,
        0.1001,
        1.2,
    );
    let comparison = by_batch_size(&all);
    assert!(comparison.warnings.is_empty(), "{:?}", comparison.warnings);
    assert_eq!(comparison.groups[0].runs, 3);
}

#[test]
fn a_key_that_differs_with_the_groups_is_named_first() {
    let arm = |batch: &str, rate: &str, sharpness: f64| {
        let sets = [
            format!("train.batch_size={batch}"),
            format!("optimizer.learning_rate={rate}"),
        ];
        [0, 1, 2].map(|seed| {
            configured(
                &[&sets[0], &sets[1]],
                seed,
                0.1,
                sharpness + 0.1 * seed as f64,
            )
        })
    };
    let comparison = by_batch_size(&[arm("32", "0.1", 1.0), arm("512", "0.4", 2.0)].concat());
    assert_eq!(
        comparison.warnings,
        [
            "The groups differ not only in train.batch_size but also in optimizer.learning_rate (32: 0.1; 512: \
          0.4): a difference between them may come from any of these."
        ]
    );
}

#[test]
fn keys_that_another_kind_of_network_brings_are_no_confounds() {
    let networks = ["model.kind=mlp", "model.kind=resnet"];
    let all = networks.map(|kind| configured(&[kind], 0, 0.1, 1.0));
    let comparison = compare(&all, Vec::new(), &["model.kind"]).unwrap();
    let warnings = comparison.warnings.join("\n");
    assert!(!warnings.contains("model.hidden"), "{warnings}");
    // Batch normalisation, which an MLP could have and does not, is one.
    assert!(
        warnings.contains("model.norm (mlp: none; resnet: batch)"),
        "{warnings}"
    );
}

#[test]
fn other_data_files_are_other_data() {
    let mut all = runs(32, &[1.0, 1.2, 1.1]);
    let file = |digest: &str| DataFile {
        name: "a.txt".to_owned(),
        sha256: digest.to_owned(),
    };
    all[2].data.push(file("aa"));
    let comparison = by_batch_size(&all);
    assert_eq!(comparison.groups.len(), 2);
    assert!(
        comparison.warnings[0].contains("differ in the data files"),
        "{comparison:?}"
    );
    assert!(
        comparison.warnings[0].ends_with("Give only runs that agree."),
        "{comparison:?}"
    );
}

#[test]
fn rows_taken_under_unlike_conditions_have_no_verdict() {
    let mut all = [runs(32, &[1.0, 1.2, 1.1]), runs(512, &[4.0, 4.4, 4.1])].concat();
    for run in &mut all {
        run.summary.measurements[1].samples = Some(100);
    }
    all[0].summary.measurements[1].samples = Some(200);
    let comparison = by_batch_size(&all);
    assert_eq!(
        line(&comparison, "hessian.lambda_max").verdict,
        Verdict::Withheld
    );
    assert!(page(&comparison).contains("none: unlike samples"));
}

#[test]
fn numbers_under_unlike_circumstances_are_lines_of_their_own_and_never_one_ratio() {
    let mut all = [runs(32, &[1.0, 1.2, 1.1]), runs(512, &[4.0, 4.4, 4.1])].concat();
    for (place, run) in all.iter_mut().enumerate() {
        let mode = [NormMode::Eval, NormMode::Batch][place / 3];
        run.summary.measurements[1].circumstances.norm_mode = Some(mode);
    }
    let comparison = by_batch_size(&all);
    let mut lines = comparison.lines.iter();
    let both: Vec<&Line> = lines
        .by_ref()
        .filter(|line| line.name == "hessian.lambda_max")
        .collect();
    assert_eq!(both.len(), 2);
    for (line, (mode, missing)) in both.iter().zip([("eval", 1), ("batch", 0)]) {
        assert_eq!(
            line.label(),
            format!("hessian.lambda_max (norm_mode {mode})")
        );
        assert!(line.cells[missing].is_none());
        assert_eq!((line.ratio, line.verdict), (None, Verdict::Withheld));
    }
    let table = page(&comparison);
    assert!(
        table.contains("| hessian.lambda_max (norm_mode eval)"),
        "{table}"
    );
    let csv = Csv.table(&report(&comparison).records());
    assert!(csv.contains(",norm_mode eval\n"), "{csv}");
}

#[test]
fn steps_over_all_samples_are_a_batch_size_and_no_confound() {
    let mut all = [runs(32, &[1.0, 1.2, 1.1]), runs(512, &[4.0, 4.4, 4.1])].concat();
    for run in &mut all[3..] {
        run.config.train.batch_size = None;
        run.config.train.full_batch = true;
    }
    let comparison = by_batch_size(&all);
    let labels: Vec<_> = comparison.groups.iter().map(|group| &group.label).collect();
    assert_eq!(labels, ["32", "all"]);
    let warnings = comparison.warnings.join(" ");
    assert!(!warnings.contains("full_batch"), "{warnings}");
}

#[test]
fn the_precision_tells_numbers_apart_unless_runs_are_compared_by_it() {
    let mut all = [runs(32, &[1.0, 1.2, 1.1]), runs(512, &[4.0, 4.4, 4.1])].concat();
    all[3..]
        .iter_mut()
        .for_each(|run| run.config.precision = Precision::F64);
    let lines = |by: &str| {
        let comparison = compare(&all, Vec::new(), &[by]).unwrap();
        let lines = comparison.lines.into_iter();
        let lines = lines.filter(|line| line.name == "hessian.lambda_max");
        lines.collect::<Vec<_>>()
    };
    assert_eq!(lines("precision").len(), 1);
    assert!(lines("precision")[0].ratio.is_some());
    assert_eq!(lines("train.batch_size").len(), 2);
}

#[test]
fn a_degenerate_run_takes_the_verdict_on_flatness_away() {
    let mut all = [runs(32, &[1.0, 1.2, 1.1]), runs(512, &[4.0, 4.4, 4.1])].concat();
    for (run, norm) in all.iter_mut().zip([5.0, 5.5, 5.2, 97.0, 97.4, 97.1]) {
        run.summary
            .measurements
            .push(Measurement::new("norm.l2", norm));
    }
    all[4].summary.degenerate = Some("all units are dead".to_owned());
    let comparison = by_batch_size(&all);
    let sharpness = line(&comparison, "hessian.lambda_max");
    assert_eq!(sharpness.reason.as_deref(), Some("degenerate runs"));
    assert_eq!(line(&comparison, "norm.l2").verdict, Verdict::LastLarger);
    let first = &comparison.warnings[0];
    assert!(
        first.starts_with("Degenerate: seed 1 of 512 (all units are dead)."),
        "{first}"
    );

    // Of three groups the two sound ones are still compared.
    all.extend(runs(1000, &[9.0, 9.4, 9.1]));
    let comparison = by_batch_size(&all);
    let pairs = &line(&comparison, "hessian.lambda_max").pairs;
    assert_eq!(pairs.len(), 1);
    assert_eq!(
        (pairs[0].first.as_str(), pairs[0].second.as_str()),
        ("32", "1000")
    );
}

#[test]
fn conclusions_need_equal_training_losses() {
    let at = |losses: [f64; 3]| {
        let mut all = [runs(32, &[1.0, 1.2, 1.1]), runs(512, &[4.0, 4.4, 4.1])].concat();
        for (run, loss) in all[3..].iter_mut().zip(losses) {
            run.summary.train_loss = Some(loss);
        }
        by_batch_size(&all)
    };

    let unequal = at([0.12, 0.1201, 0.1202]);
    assert_eq!(unequal.losses, Matching::Unequal);
    let page = page(&unequal);
    let first = page.lines().next().unwrap();
    assert!(
        first.contains(
            "at training losses of 0.1001 ± 0.00010 and 0.1201 ± 0.00010, NOT equal. No conclusion"
        ),
        "{first}"
    );
    assert!(
        unequal.warnings[0].contains("(17 % apart)"),
        "{:?}",
        unequal.warnings
    );
    assert_eq!(unequal.answer.standing, Standing::UnequalLosses);
    let sharpness = line(&unequal, "hessian.lambda_max");
    assert_eq!(
        (sharpness.verdict, sharpness.reason.as_deref()),
        (Verdict::Withheld, Some("training losses differ"))
    );
    // The highest loss of any run, which all others have had on their way.
    let target = "--set train.stop_at_train_loss=0.121 --seeds 0..3";
    assert_eq!(unequal.matching_commands.len(), 2);
    for (command, batch) in unequal.matching_commands.iter().zip([32, 512]) {
        let begins =
            format!("lab train --config runs/train.batch_size={batch}/seed-0/config.toml ");
        assert!(
            command.starts_with(&begins) && command.ends_with(target),
            "{command}"
        );
        assert!(page.contains(&format!("- `{command}`")), "{page}");
    }

    // A run that has learned nothing ends at a loss that no other comes to.
    let mut all = [runs(32, &[1.0, 1.2, 1.1]), runs(512, &[4.0, 4.4, 4.1])].concat();
    all[3].summary.train_loss = Some(9.0);
    all[3].summary.degenerate = Some("all units are dead".to_owned());
    assert!(by_batch_size(&all).matching_commands.is_empty());

    let wide = at([0.07, 0.12, 0.13]);
    assert_eq!(wide.losses, Matching::WithinErrors);
    assert_eq!(wide.answer.standing, Standing::EqualLosses);
    assert_eq!(at([0.1, 0.101, 0.102]).losses, Matching::Equal);

    let mut all = [runs(32, &[1.0, 1.2, 1.1]), runs(512, &[4.0, 4.4, 4.1])].concat();
    all[0].summary.train_loss = None;
    assert_eq!(by_batch_size(&all).losses, Matching::Equal);
    all[0].summary.measurements.remove(0);
    assert_eq!(by_batch_size(&all).losses, Matching::Unknown);
}

#[test]
fn a_seed_that_a_group_has_already_is_left_out() {
    let mut all = runs(32, &[1.0, 1.2]);
    let mut copy = configured(&["name=copy", "train.batch_size=32"], 1, 0.1, 1.2);
    copy.place = "runs/zzz/seed-1".to_owned();
    all.push(copy);
    let comparison = by_batch_size(&all);
    assert_eq!(comparison.groups[0].seeds, [0, 1]);
    assert_eq!(comparison.left_out.len(), 1);
    assert_eq!(comparison.left_out[0].place, "runs/zzz/seed-1");
    // By their names they are two groups, and equal.
    let named = compare(&all, Vec::new(), &["name"]).unwrap();
    assert_eq!(labels(&named), ["copy", "made-up"]);
}

#[test]
fn csv_holds_groups_and_pairs() {
    let all = [runs(32, &[1.0, 1.2, 1.1]), runs(512, &[4.0, 4.4, 4.1])].concat();
    let csv = Csv.table(&report(&by_batch_size(&all)).records());
    let rows: Vec<&str> = csv
        .lines()
        .filter(|row| row.starts_with("hessian.lambda_max,"))
        .collect();
    insta::assert_snapshot!(rows.join("\n"), @r#"
    hessian.lambda_max,train.batch_size,32,3,3,1.1,0.09999999999999998,0.05773502691896256,3.7878787878787876,2.779823151350035,3.3535101819832986,512 larger,scaling,,,,,,,,,,,,,,,,,,,,,,,
    hessian.lambda_max,train.batch_size,512,3,3,4.166666666666667,0.20816659994661352,0.12018504251546645,3.7878787878787876,2.779823151350035,3.3535101819832986,512 larger,scaling,,,,,,,,,,,,,,,,,,,,,,,
    hessian.lambda_max,train.batch_size,512,,6,3.066666666666667,,0.0666666666666668,3.7878787878787876,2.779823151350035,3.3535101819832986,512 larger,scaling,32,paired,0.00047225504404693405,0.00047225504404693405,0.00047225504404693405,,,3.4379483857154116,4.329971227235836,,,14.983810365022842,4.188183570416313,51.029554223373424,,,,,,,,,
    "#);
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest() {
    let error = compare(&[run(32, 0, 0.1, 1.0)], Vec::new(), &["train.batchsize"]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("did you mean `train.batch_size`?"),
        "{error}"
    );
}

/// Verdicts would be wider than the table with the values of several keys.
#[test]
fn groups_of_several_keys_have_letters_in_verdicts() {
    let sharpness = [("32", "0.1", 1.0), ("32", "0.2", 2.0), ("64", "0.1", 4.0)];
    let runs = sharpness.iter().flat_map(|(batch, rate, sharpness)| {
        (0..3).map(move |seed| {
            let sets = [
                format!("train.batch_size={batch}"),
                format!("optimizer.learning_rate={rate}"),
            ];
            let sets = sets.each_ref().map(String::as_str);
            configured(&sets, seed, 0.1, sharpness * (1.0 + 0.01 * seed as f64))
        })
    });
    let runs: Vec<FinishedRun> = runs.collect();
    let keys = ["train.batch_size", "optimizer.learning_rate"];
    let page = page(&compare(&runs, Vec::new(), &keys).unwrap());
    for head in [
        "A: 32 · 0.1 (n=3)",
        "B: 32 · 0.2 (n=3)",
        "C: 64 · 0.1 (n=3)",
    ] {
        assert!(page.contains(head), "{page}");
    }
    let mut lines = page.lines();
    let line = lines.find(|line| line.starts_with("| hessian.lambda_max "));
    assert!(
        line.is_some_and(|line| line.contains("| C > B > A ")),
        "{page}"
    );
    assert!(
        page.contains("- In the verdicts of the first table groups have the letters"),
        "{page}"
    );
}
