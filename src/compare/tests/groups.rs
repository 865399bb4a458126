//! Which runs are samples of one thing, and which are told apart.

use super::*;

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
