//! What is answered, and which lines are shown.

use super::*;

/// What the values of four seeds are multiplied with, beginning at another place for each measure.
const SPREAD: [f64; 7] = [0.99, 1.02, 1.01, 0.98, 1.0, 1.03, 0.97];

/// Seeds 0 to 3 of one batch size, at a training loss of 0.1, with these measurements and some spread.
fn arm(batch: usize, values: &[(&str, f64)]) -> Vec<FinishedRun> {
    let seeds = 0..4;
    seeds
        .map(|seed| {
            let mut run = run(batch, seed, 0.1, 1.0);
            run.summary.measurements.truncate(1);
            for (index, (name, value)) in values.iter().enumerate() {
                let place = (3 * seed as usize + index + batch) % SPREAD.len();
                let row = Measurement::exact(name, value * SPREAD[place]);
                run.summary.measurements.push(row);
            }
            run
        })
        .collect()
}

const SMALL: [(&str, f64); 9] = [
    ("loss.test", 0.2),
    ("accuracy.test", 0.9),
    ("norm.l2", 20.0),
    ("norm.path", 300.0),
    ("hessian.lambda_max", 1.0),
    ("hessian.lambda_max.adaptive", 0.1),
    ("noise.trace", 5.0),
    ("sharpness.asam", 0.05),
    ("reparam.rescale.lambda_max", 30.0),
];

/// The values of [`SMALL`], some of them multiplied.
fn scaled(factors: &[(&str, f64)]) -> Vec<(&'static str, f64)> {
    let factor = |name: &str| factors.iter().find(|(other, _)| *other == name);
    SMALL
        .iter()
        .map(|&(name, value)| {
            (
                name,
                value * factor(name).map_or(1.0, |(_, factor)| *factor),
            )
        })
        .collect()
}

/// What is printed without `--all`.
fn answered(runs: &[FinishedRun]) -> String {
    let comparison = by_batch_size(runs);
    let report = ComparisonReport {
        comparison: &comparison,
        shows_all: false,
        layout: crate::report::Layout::Lines,
    };
    Markdown.page(&report.page())
}

/// The first paragraph.
fn paragraph(runs: &[FinishedRun]) -> String {
    answered(runs).lines().next().unwrap_or_default().to_owned()
}

fn large() -> Vec<FinishedRun> {
    let larger = [
        ("hessian.lambda_max", 3.0),
        ("hessian.lambda_max.adaptive", 2.0),
        ("sharpness.asam", 0.5),
        ("norm.path", 0.8),
        ("norm.l2", 0.5),
    ];
    arm(512, &scaled(&larger))
}

#[test]
fn what_no_map_moves_is_answered_first() {
    insta::assert_snapshot!(answered(&[arm(32, &SMALL), large()].concat()), @r#"
    By train.batch_size: 32 (4 seeds) against 512 (4 seeds), at training losses of 0.1000 ± 0 and 0.1000 ± 0, equal within 2 %. Of the measures of flatness that no function-preserving map moves, hessian.lambda_max.adaptive (2.0 times) is larger at 512; sharpness.asam (2.0 times) is larger at 32. On test data loss.test (by 1.3 %) is larger at 512; accuracy.test is undecided. Of the other measures that no map moves, norm.path (1.3 times) is larger at 32. 2 decided lines rest on the parameterisation, because a map moves the measure and leaves the function alone: hessian.lambda_max (×30 by layer-rescaling) is larger at 512; norm.l2 is larger at 32. 1 more line is undecided.

    Means ± standard deviations by train.batch_size: decided lines and headline measures.

    | by train.batch_size         |          32 (n=4) |         512 (n=4) | verdict    | moved by |
    |-----------------------------|-------------------|-------------------|------------|----------|
    | optimizer.learning_rate     |            0.1000 |            0.1000 |            |          |
    | epochs                      |             2.000 |             2.000 |            |          |
    | steps                       |             100.0 |             100.0 |            |          |
    | loss.train                  |        0.1000 ± 0 |        0.1000 ± 0 | identical  | nothing  |
    | loss.test                   |   0.1970 ± 0.0026 |   0.1995 ± 0.0034 | 512 larger | nothing  |
    | accuracy.test               |    0.9090 ± 0.016 |    0.9135 ± 0.012 | undecided  | nothing  |
    | norm.l2                     |      20.15 ± 0.53 |      9.975 ± 0.28 | 32 larger  | scaling  |
    | norm.path                   |       296.2 ± 5.1 |       236.4 ± 3.1 | 32 larger  | nothing  |
    | hessian.lambda_max          |    0.9975 ± 0.017 |     3.030 ± 0.055 | 512 larger | scaling  |
    | hessian.lambda_max.adaptive |   0.1015 ± 0.0013 |   0.2015 ± 0.0053 | 512 larger | nothing  |
    | sharpness.asam              | 0.04925 ± 0.00065 | 0.02494 ± 0.00043 | 32 larger  | nothing  |

    2 lines are not shown, none of them decided: --all shows every line.

    How far apart: 512 against 32, with 95 % intervals of each line alone.

    | measure                     |                  difference |                   ratio |                 g | test   |
    |-----------------------------|-----------------------------|-------------------------|-------------------|--------|
    | loss.test                   | 0.00250 [0.000909, 0.00409] |    1.013 [1.005, 1.020] |   1.8 [0.36, 4.6] | paired |
    | accuracy.test               |   0.00450 [-0.0203, 0.0293] |   1.005 [0.9781, 1.033] | 0.21 [-0.74, 1.3] | paired |
    | norm.l2                     |        -10.2 [-10.9, -9.50] | 0.4950 [0.4761, 0.5146] |   -17 [-42, -6.4] | paired |
    | norm.path                   |        -59.9 [-70.9, -48.8] | 0.7980 [0.7666, 0.8310] |  -6.3 [-15, -2.2] | paired |
    | hessian.lambda_max          |           2.03 [1.97, 2.09] |    3.038 [3.014, 3.061] |       38 [14, 93] | paired |
    | hessian.lambda_max.adaptive |       0.100 [0.0917, 0.108] |    1.985 [1.900, 2.072] |      14 [5.1, 34] | paired |
    | sharpness.asam              |  -0.0243 [-0.0247, -0.0239] | 0.5063 [0.5023, 0.5102] |   -73 [-179, -27] | paired |

    How certain: 512 against 32.

    | measure                     |       p |    Holm |     FDR |
    |-----------------------------|---------|---------|---------|
    | loss.test                   |   0.015 |   0.046 |   0.021 |
    | accuracy.test               |    0.60 |    0.95 |    0.60 |
    | norm.l2                     |  2.0e-5 | 0.00012 |  5.4e-5 |
    | norm.path                   | 0.00042 |  0.0017 | 0.00067 |
    | hessian.lambda_max          |  1.9e-6 |  1.3e-5 |  7.6e-6 |
    | hessian.lambda_max.adaptive |  3.9e-5 | 0.00020 |  7.9e-5 |
    | sharpness.asam              |  2.6e-7 |  2.1e-6 |  2.1e-6 |

    - Numbers are means over the seeds of a group. Differences are 512 minus 32, ratios 512 over 32. ± is one standard deviation over runs where a group has several; of one run it is the measurement's own error: its standard error, or its residual (how far a search was from its end; of an eigenvalue ‖Hv − λv‖ / ‖H‖) times what that is relative to.
    - Units: losses are means over samples, cross-entropy in nats; accuracies are shares of 1; parameters have none, so a curvature is in units of the loss. lab measure --help says what each measure is.
    - Verdicts: t-tests. "paired" takes the differences between runs of the same seed, "Welch" groups whose seeds differ. p is corrected by Holm's method for the 8 tests of all lines, shown or not, and 5 % decides: of tables whose groups differ in nothing, at most 5 % hold any verdict.
    - Undecided does not mean equal. Among 8 tests, 4 seeds in each group find a difference of 3.4 standard deviations of the differences between runs of a seed every other time. Differences of 3, 2 and 1 of them take 5, 6 and 12 seeds.
    - Identical: every run has the same value, or every group the same by seed.
    - g: Hedges' g, the difference in standard deviations (paired: of the differences), with its 95 % interval. Ratios of numbers above zero only (Fieller's interval). Holm: the corrected p, which decides; FDR: Benjamini-Hochberg's, at 5 % of which one in twenty decided lines is expected to be none. --equal-within 10% asks which lines are equal as far as that.
    - Moved by: of the maps that leave the function of these networks alone (layer-rescaling and permutation), those that change the measure; scaling stands for layer-rescaling.
    - Maps: layer-rescaling (in the table: layer): a layer's weights and biases times a factor, the next layer's weights divided by it; permutation: hidden units in another order.
    "#);
}

#[test]
fn nothing_decided_is_said() {
    insta::assert_snapshot!(answered(&[arm(32, &SMALL), arm(512, &SMALL)].concat()), @r#"
    By train.batch_size: 32 (4 seeds) against 512 (4 seeds), at training losses of 0.1000 ± 0 and 0.1000 ± 0, equal within 2 %. No measure of flatness that no function-preserving map moves is decided: hessian.lambda_max.adaptive and sharpness.asam are undecided. On test data nothing is decided: loss.test and accuracy.test are undecided. 4 more lines are undecided.

    Means ± standard deviations by train.batch_size: decided lines and headline measures.

    | by train.batch_size         |          32 (n=4) |         512 (n=4) | verdict   | moved by |
    |-----------------------------|-------------------|-------------------|-----------|----------|
    | optimizer.learning_rate     |            0.1000 |            0.1000 |           |          |
    | epochs                      |             2.000 |             2.000 |           |          |
    | steps                       |             100.0 |             100.0 |           |          |
    | loss.train                  |        0.1000 ± 0 |        0.1000 ± 0 | identical | nothing  |
    | loss.test                   |   0.1970 ± 0.0026 |   0.1995 ± 0.0034 | undecided | nothing  |
    | accuracy.test               |    0.9090 ± 0.016 |    0.9135 ± 0.012 | undecided | nothing  |
    | norm.path                   |       296.2 ± 5.1 |       295.5 ± 3.9 | undecided | nothing  |
    | hessian.lambda_max          |    0.9975 ± 0.017 |     1.010 ± 0.018 | undecided | scaling  |
    | hessian.lambda_max.adaptive |   0.1015 ± 0.0013 |   0.1008 ± 0.0026 | undecided | nothing  |
    | sharpness.asam              | 0.04925 ± 0.00065 | 0.04988 ± 0.00085 | undecided | nothing  |

    3 lines are not shown, none of them decided: --all shows every line.

    How far apart: 512 against 32, with 95 % intervals of each line alone.

    | measure                     |                    difference |                  ratio |                   g | test   |
    |-----------------------------|-------------------------------|------------------------|---------------------|--------|
    | loss.test                   |   0.00250 [0.000909, 0.00409] |   1.013 [1.005, 1.020] |     1.8 [0.36, 4.6] | paired |
    | accuracy.test               |     0.00450 [-0.0203, 0.0293] |  1.005 [0.9781, 1.033] |   0.21 [-0.74, 1.3] | paired |
    | norm.path                   |          -0.750 [-12.7, 11.2] | 0.9975 [0.9582, 1.039] | -0.072 [-1.1, 0.89] | paired |
    | hessian.lambda_max          |      0.0125 [0.00454, 0.0205] |   1.013 [1.005, 1.020] |     1.8 [0.36, 4.6] | paired |
    | hessian.lambda_max.adaptive | -0.000750 [-0.00513, 0.00363] | 0.9926 [0.9498, 1.036] |  -0.20 [-1.3, 0.75] | paired |
    | sharpness.asam              |  0.000625 [0.000227, 0.00102] |   1.013 [1.005, 1.020] |     1.8 [0.36, 4.6] | paired |

    How certain: 512 against 32.

    | measure                     |     p | Holm |   FDR |
    |-----------------------------|-------|------|-------|
    | loss.test                   | 0.015 | 0.12 | 0.041 |
    | accuracy.test               |  0.60 |  1.0 |  0.71 |
    | norm.path                   |  0.85 |  1.0 |  0.85 |
    | hessian.lambda_max          | 0.015 | 0.12 | 0.041 |
    | hessian.lambda_max.adaptive |  0.62 |  1.0 |  0.71 |
    | sharpness.asam              | 0.015 | 0.12 | 0.041 |

    - Numbers are means over the seeds of a group. Differences are 512 minus 32, ratios 512 over 32. ± is one standard deviation over runs where a group has several; of one run it is the measurement's own error: its standard error, or its residual (how far a search was from its end; of an eigenvalue ‖Hv − λv‖ / ‖H‖) times what that is relative to.
    - Units: losses are means over samples, cross-entropy in nats; accuracies are shares of 1; parameters have none, so a curvature is in units of the loss. lab measure --help says what each measure is.
    - Verdicts: t-tests. "paired" takes the differences between runs of the same seed, "Welch" groups whose seeds differ. p is corrected by Holm's method for the 8 tests of all lines, shown or not, and 5 % decides: of tables whose groups differ in nothing, at most 5 % hold any verdict.
    - Undecided does not mean equal. Among 8 tests, 4 seeds in each group find a difference of 3.4 standard deviations of the differences between runs of a seed every other time. Differences of 3, 2 and 1 of them take 5, 6 and 12 seeds.
    - Identical: every run has the same value, or every group the same by seed.
    - g: Hedges' g, the difference in standard deviations (paired: of the differences), with its 95 % interval. Ratios of numbers above zero only (Fieller's interval). Holm: the corrected p, which decides; FDR: Benjamini-Hochberg's, at 5 % of which one in twenty decided lines is expected to be none. --equal-within 10% asks which lines are equal as far as that.
    - Moved by: of the maps that leave the function of these networks alone (layer-rescaling and permutation), those that change the measure; scaling stands for layer-rescaling.
    - Maps: layer-rescaling (in the table: layer): a layer's weights and biases times a factor, the next layer's weights divided by it; permutation: hidden units in another order.
    "#);
}

#[test]
fn at_unequal_losses_there_is_no_answer_about_flatness() {
    let mut all = [arm(32, &SMALL), large()].concat();
    for run in &mut all[4..] {
        run.summary.train_loss = Some(0.15 + 0.01 * run.config.seed as f64);
    }
    insta::assert_snapshot!(answered(&all), @r#"
    By train.batch_size: 32 (4 seeds) against 512 (4 seeds), at training losses of 0.1000 ± 0 and 0.1650 ± 0.013 (0.1500 to 0.1800), NOT equal. No conclusion about flatness is drawn between groups at training losses that differ beyond their errors, because curvature falls with the loss: these commands train the runs again to one loss. On test data loss.test (by 1.3 %) is larger at 512; accuracy.test is undecided. Of the other measures that no map moves, norm.path (1.3 times) is larger at 32. 1 decided line rests on the parameterisation, because a map moves the measure and leaves the function alone: norm.l2 is larger at 32. What could mislead: training losses 39 % apart.

    - `lab train --config runs/train.batch_size=32/seed-0/config.toml --set name=made-up-matched --set train.stop_at_train_loss=0.18 --seeds 0..4`
    - `lab train --config runs/train.batch_size=512/seed-0/config.toml --set name=made-up-matched-2 --set train.stop_at_train_loss=0.18 --seeds 0..4`

    - The training losses are not equal (39 % apart): flatness changes with the loss, so there is no verdict on it between groups whose losses differ by more than 2 % and their errors. train.stop_at_train_loss makes them equal.

    Means ± standard deviations by train.batch_size: decided lines and headline measures.

    | by train.batch_size         |          32 (n=4) |         512 (n=4) | verdict                      | moved by |
    |-----------------------------|-------------------|-------------------|------------------------------|----------|
    | optimizer.learning_rate     |            0.1000 |            0.1000 |                              |          |
    | epochs                      |             2.000 |             2.000 |                              |          |
    | steps                       |             100.0 |             100.0 |                              |          |
    | loss.train                  |        0.1000 ± 0 |        0.1000 ± 0 | identical                    | nothing  |
    | loss.test                   |   0.1970 ± 0.0026 |   0.1995 ± 0.0034 | 512 larger                   | nothing  |
    | accuracy.test               |    0.9090 ± 0.016 |    0.9135 ± 0.012 | undecided                    | nothing  |
    | norm.l2                     |      20.15 ± 0.53 |      9.975 ± 0.28 | 32 larger                    | scaling  |
    | norm.path                   |       296.2 ± 5.1 |       236.4 ± 3.1 | 32 larger                    | nothing  |
    | hessian.lambda_max          |    0.9975 ± 0.017 |     3.030 ± 0.055 | none: training losses differ | scaling  |
    | hessian.lambda_max.adaptive |   0.1015 ± 0.0013 |   0.2015 ± 0.0053 | none: training losses differ | nothing  |
    | sharpness.asam              | 0.04925 ± 0.00065 | 0.02494 ± 0.00043 | none: training losses differ | nothing  |

    2 lines are not shown, none of them decided: --all shows every line.

    How far apart: 512 against 32, with 95 % intervals of each line alone.

    | measure       |                  difference |                   ratio |                 g | test   |
    |---------------|-----------------------------|-------------------------|-------------------|--------|
    | loss.test     | 0.00250 [0.000909, 0.00409] |    1.013 [1.005, 1.020] |   1.8 [0.36, 4.6] | paired |
    | accuracy.test |   0.00450 [-0.0203, 0.0293] |   1.005 [0.9781, 1.033] | 0.21 [-0.74, 1.3] | paired |
    | norm.l2       |        -10.2 [-10.9, -9.50] | 0.4950 [0.4761, 0.5146] |   -17 [-42, -6.4] | paired |
    | norm.path     |        -59.9 [-70.9, -48.8] | 0.7980 [0.7666, 0.8310] |  -6.3 [-15, -2.2] | paired |

    How certain: 512 against 32.

    | measure       |       p |   Holm |     FDR |
    |---------------|---------|--------|---------|
    | loss.test     |   0.015 |  0.031 |   0.021 |
    | accuracy.test |    0.60 |   0.60 |    0.60 |
    | norm.l2       |  2.0e-5 | 8.1e-5 |  8.1e-5 |
    | norm.path     | 0.00042 | 0.0013 | 0.00084 |

    - Numbers are means over the seeds of a group. Differences are 512 minus 32, ratios 512 over 32. ± is one standard deviation over runs where a group has several; of one run it is the measurement's own error: its standard error, or its residual (how far a search was from its end; of an eigenvalue ‖Hv − λv‖ / ‖H‖) times what that is relative to.
    - Units: losses are means over samples, cross-entropy in nats; accuracies are shares of 1; parameters have none, so a curvature is in units of the loss. lab measure --help says what each measure is.
    - Verdicts: t-tests. "paired" takes the differences between runs of the same seed, "Welch" groups whose seeds differ. p is corrected by Holm's method for the 4 tests of all lines, shown or not, and 5 % decides: of tables whose groups differ in nothing, at most 5 % hold any verdict.
    - Undecided does not mean equal. Among 4 tests, 4 seeds in each group find a difference of 2.7 standard deviations of the differences between runs of a seed every other time. Differences of 3, 2 and 1 of them take 4, 5 and 10 seeds.
    - Identical: every run has the same value, or every group the same by seed.
    - g: Hedges' g, the difference in standard deviations (paired: of the differences), with its 95 % interval. Ratios of numbers above zero only (Fieller's interval). Holm: the corrected p, which decides; FDR: Benjamini-Hochberg's, at 5 % of which one in twenty decided lines is expected to be none. --equal-within 10% asks which lines are equal as far as that.
    - Moved by: of the maps that leave the function of these networks alone (layer-rescaling and permutation), those that change the measure; scaling stands for layer-rescaling.
    - Maps: layer-rescaling (in the table: layer): a layer's weights and biases times a factor, the next layer's weights divided by it; permutation: hidden units in another order.
    "#);
}

#[test]
fn three_groups_are_ordered() {
    let middle = arm(128, &scaled(&[("sharpness.asam", 0.5)]));
    insta::assert_snapshot!(paragraph(&[arm(32, &SMALL), middle, large()].concat()), @"By train.batch_size: 32 (4 seeds), 128 (4 seeds) and 512 (4 seeds), at training losses of 0.1000 ± 0, 0.1000 ± 0 and 0.1000 ± 0, equal within 2 %. Of the measures of flatness that no function-preserving map moves, hessian.lambda_max.adaptive is ordered (512 > 32 & 128; rest undecided); sharpness.asam is ordered (32 > 128 & 512; rest undecided). On test data nothing is decided: loss.test and accuracy.test are undecided. Of the other measures that no map moves, norm.path is ordered (32 > 512; 128 > 512; rest undecided). 2 decided lines rest on the parameterisation, because a map moves the measure and leaves the function alone: hessian.lambda_max (×30 by layer-rescaling) is ordered (512 > 32 & 128; rest undecided); norm.l2 is ordered (32 > 512; 128 > 512; rest undecided). 1 more line is undecided.");
}

#[test]
fn one_group_is_not_compared() {
    insta::assert_snapshot!(answered(&arm(32, &SMALL)), @r#"
    By train.batch_size: 32 (4 seeds), at a training loss of 0.1000 ± 0. There is one group only, so nothing is compared.

    Means ± standard deviations by train.batch_size: decided lines and headline measures.

    | by train.batch_size         |          32 (n=4) | moved by |
    |-----------------------------|-------------------|----------|
    | optimizer.learning_rate     |            0.1000 |          |
    | epochs                      |             2.000 |          |
    | steps                       |             100.0 |          |
    | loss.train                  |        0.1000 ± 0 | nothing  |
    | loss.test                   |   0.1970 ± 0.0026 | nothing  |
    | accuracy.test               |    0.9090 ± 0.016 | nothing  |
    | norm.path                   |       296.2 ± 5.1 | nothing  |
    | hessian.lambda_max          |    0.9975 ± 0.017 | scaling  |
    | hessian.lambda_max.adaptive |   0.1015 ± 0.0013 | nothing  |
    | sharpness.asam              | 0.04925 ± 0.00065 | nothing  |

    3 lines are not shown: --all shows every line.

    - Numbers are means over the seeds of a group. ± is one standard deviation over runs where a group has several; of one run it is the measurement's own error: its standard error, or its residual (how far a search was from its end; of an eigenvalue ‖Hv − λv‖ / ‖H‖) times what that is relative to.
    - Units: losses are means over samples, cross-entropy in nats; accuracies are shares of 1; parameters have none, so a curvature is in units of the loss. lab measure --help says what each measure is.
    - Moved by: of the maps that leave the function of these networks alone (layer-rescaling and permutation), those that change the measure; scaling stands for layer-rescaling.
    - Maps: layer-rescaling (in the table: layer): a layer's weights and biases times a factor, the next layer's weights divided by it; permutation: hidden units in another order.
    "#);
}

#[test]
fn degenerate_runs_leave_flatness_without_a_verdict() {
    let mut all = [arm(32, &SMALL), large()].concat();
    all[5].summary.degenerate = Some("all units are dead".to_owned());
    insta::assert_snapshot!(answered(&all), @r#"
    By train.batch_size: 32 (4 seeds) against 512 (4 seeds), at training losses of 0.1000 ± 0 and 0.1000 ± 0, equal within 2 %. No measure of flatness that no function-preserving map moves is decided: hessian.lambda_max.adaptive and sharpness.asam have no verdict (degenerate runs). On test data loss.test (by 1.3 %) is larger at 512; accuracy.test is undecided. Of the other measures that no map moves, norm.path (1.3 times) is larger at 32. 1 decided line rests on the parameterisation, because a map moves the measure and leaves the function alone: norm.l2 is larger at 32. What could mislead: 1 run whose network has learned nothing.

    - Degenerate: seed 1 of 512 (all units are dead). A network that has learned nothing is flat for that reason, so a group with one has no verdict on flatness.

    Means ± standard deviations by train.batch_size: decided lines and headline measures.

    | by train.batch_size         |          32 (n=4) |         512 (n=4) | verdict               | moved by |
    |-----------------------------|-------------------|-------------------|-----------------------|----------|
    | optimizer.learning_rate     |            0.1000 |            0.1000 |                       |          |
    | epochs                      |             2.000 |             2.000 |                       |          |
    | steps                       |             100.0 |             100.0 |                       |          |
    | loss.train                  |        0.1000 ± 0 |        0.1000 ± 0 | identical             | nothing  |
    | loss.test                   |   0.1970 ± 0.0026 |   0.1995 ± 0.0034 | 512 larger            | nothing  |
    | accuracy.test               |    0.9090 ± 0.016 |    0.9135 ± 0.012 | undecided             | nothing  |
    | norm.l2                     |      20.15 ± 0.53 |      9.975 ± 0.28 | 32 larger             | scaling  |
    | norm.path                   |       296.2 ± 5.1 |       236.4 ± 3.1 | 32 larger             | nothing  |
    | hessian.lambda_max          |    0.9975 ± 0.017 |     3.030 ± 0.055 | none: degenerate runs | scaling  |
    | hessian.lambda_max.adaptive |   0.1015 ± 0.0013 |   0.2015 ± 0.0053 | none: degenerate runs | nothing  |
    | sharpness.asam              | 0.04925 ± 0.00065 | 0.02494 ± 0.00043 | none: degenerate runs | nothing  |

    2 lines are not shown, none of them decided: --all shows every line.

    How far apart: 512 against 32, with 95 % intervals of each line alone.

    | measure       |                  difference |                   ratio |                 g | test   |
    |---------------|-----------------------------|-------------------------|-------------------|--------|
    | loss.test     | 0.00250 [0.000909, 0.00409] |    1.013 [1.005, 1.020] |   1.8 [0.36, 4.6] | paired |
    | accuracy.test |   0.00450 [-0.0203, 0.0293] |   1.005 [0.9781, 1.033] | 0.21 [-0.74, 1.3] | paired |
    | norm.l2       |        -10.2 [-10.9, -9.50] | 0.4950 [0.4761, 0.5146] |   -17 [-42, -6.4] | paired |
    | norm.path     |        -59.9 [-70.9, -48.8] | 0.7980 [0.7666, 0.8310] |  -6.3 [-15, -2.2] | paired |

    How certain: 512 against 32.

    | measure       |       p |   Holm |     FDR |
    |---------------|---------|--------|---------|
    | loss.test     |   0.015 |  0.031 |   0.021 |
    | accuracy.test |    0.60 |   0.60 |    0.60 |
    | norm.l2       |  2.0e-5 | 8.1e-5 |  8.1e-5 |
    | norm.path     | 0.00042 | 0.0013 | 0.00084 |

    - Numbers are means over the seeds of a group. Differences are 512 minus 32, ratios 512 over 32. ± is one standard deviation over runs where a group has several; of one run it is the measurement's own error: its standard error, or its residual (how far a search was from its end; of an eigenvalue ‖Hv − λv‖ / ‖H‖) times what that is relative to.
    - Units: losses are means over samples, cross-entropy in nats; accuracies are shares of 1; parameters have none, so a curvature is in units of the loss. lab measure --help says what each measure is.
    - Verdicts: t-tests. "paired" takes the differences between runs of the same seed, "Welch" groups whose seeds differ. p is corrected by Holm's method for the 4 tests of all lines, shown or not, and 5 % decides: of tables whose groups differ in nothing, at most 5 % hold any verdict.
    - Undecided does not mean equal. Among 4 tests, 4 seeds in each group find a difference of 2.7 standard deviations of the differences between runs of a seed every other time. Differences of 3, 2 and 1 of them take 4, 5 and 10 seeds.
    - Identical: every run has the same value, or every group the same by seed.
    - g: Hedges' g, the difference in standard deviations (paired: of the differences), with its 95 % interval. Ratios of numbers above zero only (Fieller's interval). Holm: the corrected p, which decides; FDR: Benjamini-Hochberg's, at 5 % of which one in twenty decided lines is expected to be none. --equal-within 10% asks which lines are equal as far as that.
    - Moved by: of the maps that leave the function of these networks alone (layer-rescaling and permutation), those that change the measure; scaling stands for layer-rescaling.
    - Maps: layer-rescaling (in the table: layer): a layer's weights and biases times a factor, the next layer's weights divided by it; permutation: hidden units in another order.
    "#);
}

#[test]
fn what_could_mislead_is_named_in_short() {
    let mut all = [arm(32, &SMALL), large()].concat();
    for run in &mut all[4..] {
        run.config.train.epochs = Some(9);
        run.summary.measurements[6].converged = Some(false);
        run.summary.train_loss = None;
        run.summary.measurements[0].value = None;
    }
    insta::assert_snapshot!(paragraph(&all), @"By train.batch_size: 32 (4 seeds) against 512 (4 seeds), at training losses of 0.1000 ± 0 and unknown size, not all known. No conclusion about flatness is drawn between groups at training losses that are not known, because curvature falls with the loss. On test data loss.test (by 1.3 %) is larger at 512; accuracy.test is undecided. Of the other measures that no map moves, norm.path (1.3 times) is larger at 32. 1 decided line rests on the parameterisation, because a map moves the measure and leaves the function alone: norm.l2 is larger at 32. What could mislead: training losses that are not known; groups that differ in train.epochs too.");
}

#[test]
fn without_measures_of_flatness_that_no_map_moves_that_is_the_answer() {
    let pick = |runs: Vec<FinishedRun>| {
        runs.into_iter().map(|mut run| {
            run.summary
                .measurements
                .retain(|row| row.name == "hessian.lambda_max");
            run
        })
    };
    let all: Vec<FinishedRun> = pick(arm(32, &SMALL)).chain(pick(large())).collect();
    insta::assert_snapshot!(paragraph(&all), @"By train.batch_size: 32 (4 seeds) against 512 (4 seeds), at training losses of 0.1000 ± 0 and 0.1000 ± 0, equal within 2 %. None of the measures taken is one of flatness that no function-preserving map moves. 1 decided line rests on the parameterisation, because a map moves the measure and leaves the function alone: hessian.lambda_max is larger at 512.");
}

/// What the JSON of a comparison of two batch sizes holds.
fn as_data(comparison: &Comparison) -> serde_json::Value {
    let json = report(comparison).json().unwrap();
    serde_json::from_str(&json).unwrap()
}

fn of_small_and_large() -> Comparison {
    by_batch_size(&[arm(32, &SMALL), large()].concat())
}

#[test]
fn the_answer_is_data_too() {
    let comparison = of_small_and_large();
    let json = as_data(&comparison);
    let answer = json["answer"].as_object().unwrap();
    let parts: Vec<&String> = answer.keys().collect();
    assert_eq!(
        parts,
        [
            "standing",
            "flatness",
            "test_data",
            "others",
            "parameterised",
            "cautions"
        ]
    );
    assert_eq!(answer["standing"], "equal_losses");
    assert_eq!(answer["cautions"], serde_json::json!([]));
    // CSV and JSON have every line, whatever is shown.
    let few = ComparisonReport {
        comparison: &comparison,
        shows_all: false,
        layout: crate::report::Layout::Lines,
    };
    assert_eq!(few.records(), report(&comparison).records());
    assert_eq!(
        json["lines"].as_array().unwrap().len(),
        comparison.lines.len()
    );
}

#[test]
fn lines_of_flatness_that_no_map_moves_are_data_with_their_ratios() {
    let answer = &as_data(&of_small_and_large())["answer"];
    insta::assert_snapshot!(format!("{:#}", answer["flatness"]), @r#"
    {
      "decided": [
        {
          "name": "hessian.lambda_max.adaptive",
          "larger": [
            {
              "group": "512",
              "than": "32"
            }
          ],
          "ratio": 1.9852216748768472,
          "moved_by": []
        },
        {
          "name": "sharpness.asam",
          "larger": [
            {
              "group": "32",
              "than": "512"
            }
          ],
          "ratio": 0.5063451776649747,
          "moved_by": []
        }
      ],
      "undecided": [],
      "equal": [],
      "identical": [],
      "withheld": []
    }
    "#);
}

#[test]
fn lines_of_test_data_and_of_no_claim_are_data_too() {
    let answer = &as_data(&of_small_and_large())["answer"];
    insta::assert_snapshot!(format!("{:#}", answer["test_data"]), @r#"
    {
      "decided": [
        {
          "name": "loss.test",
          "larger": [
            {
              "group": "512",
              "than": "32"
            }
          ],
          "ratio": 1.0126903553299493,
          "moved_by": []
        }
      ],
      "undecided": [
        "accuracy.test"
      ],
      "equal": [],
      "identical": [],
      "withheld": []
    }
    "#);
    insta::assert_snapshot!(format!("{:#}", answer["others"]), @r#"
    {
      "decided": [
        {
          "name": "norm.path",
          "larger": [
            {
              "group": "32",
              "than": "512"
            }
          ],
          "ratio": 0.7979746835443037,
          "moved_by": []
        }
      ],
      "undecided": [],
      "equal": [],
      "identical": [
        "loss.train"
      ],
      "withheld": []
    }
    "#);
}

#[test]
fn lines_that_maps_move_are_data_with_how_far() {
    let answer = &as_data(&of_small_and_large())["answer"];
    insta::assert_snapshot!(format!("{:#}", answer["parameterised"]), @r#"
    {
      "decided": [
        {
          "name": "norm.l2",
          "larger": [
            {
              "group": "32",
              "than": "512"
            }
          ],
          "ratio": 0.49503722084367247,
          "moved_by": [
            {
              "map": "layer-rescaling",
              "ratio": null
            }
          ]
        },
        {
          "name": "hessian.lambda_max",
          "larger": [
            {
              "group": "512",
              "than": "32"
            }
          ],
          "ratio": 3.0375939849624056,
          "moved_by": [
            {
              "map": "layer-rescaling",
              "ratio": 30.3
            }
          ]
        }
      ],
      "undecided": [
        "noise.trace"
      ],
      "equal": [],
      "identical": [],
      "withheld": []
    }
    "#);
}

/// Of two measures that say the same one grows with sharpness and the other with flatness, which is told.
#[test]
fn what_is_larger_where_it_is_flatter_says_so() {
    let of = |batch, sharpness, noise_borne| {
        let values = [
            ("hessian.lambda_max.adaptive", sharpness),
            ("pac_bayes.sigma.adaptive", noise_borne),
        ];
        arm(batch, &values)
    };
    let answer = paragraph(&[of(32, 0.1, 0.4), of(512, 0.2, 0.2)].concat());
    assert!(
        answer.contains("pac_bayes.sigma.adaptive (2.0 times; larger is flatter) is larger at 32"),
        "{answer}"
    );
    assert!(
        answer.contains("hessian.lambda_max.adaptive (2.0 times) is larger at 512"),
        "{answer}"
    );
}
