//! Comparisons of made-up runs.

use super::*;
use crate::reparam::MapKind;
use crate::report::comparison_table;

fn run(batch: usize, seed: u64, loss: f64, sharpness: f64) -> FinishedRun {
    let text = format!(
        "name = \"b{batch}\"\nseed = {seed}\n[optimizer]\nlearning_rate = 0.1\n\
         [train]\nbatch_size = {batch}\nepochs = 2\n"
    );
    let config = crate::config::parse(&text, "test.toml", &[], "test", &[]).unwrap();
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
        measurements: vec![
            Measurement::new("loss.train", loss).with_stderr(0.01),
            Measurement::new("hessian.lambda_max", sharpness).with_residual(1e-4, true, 9),
            Measurement::new("reparam.rescale.lambda_max", 28.0).with_residual(1e-4, true, 9),
        ],
    };
    FinishedRun {
        config,
        summary,
        data: Vec::new(),
    }
}

fn line<'a>(comparison: &'a Comparison, name: &str) -> &'a Line {
    comparison
        .lines
        .iter()
        .find(|line| line.name == name)
        .unwrap()
}

#[test]
fn small_and_large_batches_stand_side_by_side() {
    let runs = [
        run(512, 0, 0.11, 4.0),
        run(32, 0, 0.10, 1.0),
        run(32, 1, 0.12, 1.2),
        run(512, 1, 0.10, 4.4),
        run(32, 2, 0.10, 1.1),
        run(512, 2, 0.12, 4.1),
    ];
    let comparison = compare(&runs, "train.batch_size").unwrap();
    insta::assert_snapshot!(comparison_table(&comparison), @r#"
        | by train.batch_size        |        32 (n=3) |       512 (n=3) | ratio | verdict    | moved by |
        |----------------------------|-----------------|-----------------|-------|------------|----------|
        | optimizer.learning_rate    |          0.1000 |          0.1000 | 1.000 |            |          |
        | epochs                     |           2.000 |           2.000 | 1.000 |            |          |
        | steps                      |           100.0 |           100.0 | 1.000 |            |          |
        | loss.train                 | 0.1067 ± 0.0067 | 0.1100 ± 0.0058 | 1.031 | undecided  | nothing  |
        | hessian.lambda_max         |   1.100 ± 0.058 |    4.167 ± 0.12 | 3.788 | 512 larger | scaling  |
        | reparam.rescale.lambda_max |       28.00 ± 0 |       28.00 ± 0 | 1.000 |            | check    |

        - ± is one standard error over runs where a group has several; of one run it is the measurement's own: its standard error, or its residual times what that is relative to.
        - Verdicts: 95 % t-interval of the differences between runs of the same seed; they are not corrected for the number of lines.
        - Moved by: maps that leave the function alone and change the measure. Decided lines that no map moves: none. Decided lines that rest on the parameterisation: hessian.lambda_max (x28.000 under layer-rescaling).
        "#);
}

#[test]
fn groups_are_ordered_as_numbers_and_their_runs_by_seed() {
    let runs = [
        run(1000, 1, 1.0, 1.0),
        run(32, 5, 1.0, 1.0),
        run(32, 2, 1.0, 1.0),
    ];
    let comparison = compare(&runs, "train.batch_size").unwrap();
    let labels: Vec<_> = comparison.groups.iter().map(|group| &group.label).collect();
    assert_eq!(labels, ["32", "1000"]);
    assert_eq!(comparison.groups[0].seeds, [2, 5]);
}

#[test]
fn one_seed_decides_nothing_and_shows_the_measurement_s_own_error() {
    let comparison = compare(
        &[run(32, 0, 0.1, 1.0), run(512, 0, 0.1, 9.0)],
        "train.batch_size",
    )
    .unwrap();
    let sharpness = line(&comparison, "hessian.lambda_max");
    assert_eq!(sharpness.verdict, Verdict::TooFewSeeds);
    assert_eq!(sharpness.cells[0].as_ref().unwrap().error, Some(1e-4));
    assert_eq!(sharpness.ratio, Some(9.0));
}

#[test]
fn unequal_losses_are_pointed_out() {
    let notes = compare(
        &[run(32, 0, 0.1, 1.0), run(512, 0, 0.3, 9.0)],
        "train.batch_size",
    )
    .unwrap()
    .notes;
    assert!(
        notes.iter().any(|note| note.contains("factor of 3.0")),
        "{notes:?}"
    );
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest() {
    let error = compare(&[run(32, 0, 0.1, 1.0)], "train.batchsize").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("did you mean `train.batch_size`?"),
        "{error}"
    );
}
