//! Comparisons of made-up runs.

mod answer;
mod decides;
mod events;
mod groups;
mod lines;
mod null;

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
        base_rate: config.optimizer.learning_rate,
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
