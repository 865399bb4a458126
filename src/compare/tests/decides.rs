//! What is decided besides differences: equality, trends, arms, the last common loss, what goes with the gap.

use super::*;
use crate::measure::Circumstances;
use crate::run::Row;

fn within(runs: &[FinishedRun], margins: &[&str]) -> Comparison {
    let margins = Margins::parse(margins).unwrap();
    compare_with(runs, Vec::new(), &["train.batch_size"], &margins).unwrap()
}

/// Groups of 1.00, 1.01 and 3: the first two are equal within 10 %, though not known to be the same.
fn three() -> Vec<FinishedRun> {
    [
        runs(32, &[1.00, 1.02, 0.99, 1.01, 0.98]),
        runs(128, &[1.02, 1.00, 1.01, 0.99, 1.03]),
        runs(512, &[3.1, 3.0, 2.9, 3.05, 3.02]),
    ]
    .concat()
}

#[test]
fn equal_and_undecided_are_different_words() {
    let two = &three()[..10];
    let verdict = |margins: &[&str]| line(&within(two, margins), "hessian.lambda_max").verdict;
    assert_eq!(verdict(&[]), Verdict::NotDecided);
    assert_eq!(verdict(&["10%"]), Verdict::Equal);
    assert_eq!(verdict(&["hessian.lambda_max=0.1"]), Verdict::Equal);
    // As far as five seeds tell, they may differ by so little.
    assert_eq!(verdict(&["0.1%"]), Verdict::NotDecided);
    assert_eq!(
        verdict(&["10%", "hessian.lambda_max=0.1%"]),
        Verdict::NotDecided
    );
    let table = page(&within(two, &["10%"]));
    assert!(table.contains("| equal within 10 % |"), "{table}");
    // A difference that is known and does not matter is both.
    let apart = [
        runs(32, &[1.0, 1.2, 1.1, 1.3]),
        runs(512, &[1.01, 1.211, 1.111, 1.31]),
    ]
    .concat();
    let table = page(&within(&apart, &["10%"]));
    assert!(table.contains("| 512 larger, within 10 % |"), "{table}");
}

#[test]
fn of_three_groups_some_are_equal_and_some_larger() {
    let comparison = within(&three(), &["10%"]);
    let table = page(&comparison);
    assert!(table.contains("| 512 > 32 & 128; 32 = 128 |"), "{table}");
}

#[test]
fn groups_on_a_numeric_axis_have_an_exponent() {
    let found = |seed: u64, batch: f64| {
        let exponent = [0.5, 0.52, 0.47, 0.51][seed as usize];
        batch.powf(exponent)
    };
    let all: Vec<FinishedRun> = [32, 128, 512]
        .into_iter()
        .flat_map(|batch| {
            let values: Vec<f64> = (0..4).map(|seed| found(seed, f64::from(batch))).collect();
            runs(batch as usize, &values)
        })
        .collect();
    let comparison = by_batch_size(&all);
    let trend = line(&comparison, "hessian.lambda_max")
        .trend
        .clone()
        .unwrap();
    assert_eq!(
        (trend.axis.as_str(), trend.method),
        ("train.batch_size", Method::Paired)
    );
    assert!(
        (trend.slope - 0.5).abs() < 1e-12 && trend.p_holm < 1e-3,
        "{trend:?}"
    );
    let table = page(&comparison);
    assert!(
        table.contains("| 0.500 [0.466, 0.534] | rises |"),
        "{table}"
    );
    // Two groups have none, and neither has what words tell apart.
    assert!(
        line(&by_batch_size(&all[..8]), "hessian.lambda_max")
            .trend
            .is_none()
    );
}

#[test]
fn arms_are_told_apart_by_their_folders_and_say_in_what_they_differ() {
    let arm = |name: &str, rate: &str, sharpness: f64| {
        let sets = [
            format!("name={name}"),
            format!("optimizer.learning_rate={rate}"),
        ];
        [0, 1, 2].map(|seed| {
            let value = sharpness + 0.1 * (seed * seed) as f64;
            let mut run = configured(&[&sets[0], &sets[1]], seed, 0.1, value);
            run.place = format!("runs/{name}/seed-{seed}");
            run
        })
    };
    let mut all = [arm("slow", "0.1", 1.0), arm("fast", "0.4", 2.0)].concat();
    let comparison = compare(&all, Vec::new(), &["arm"]).unwrap();
    assert_eq!(labels(&comparison), ["fast", "slow"]);
    assert_eq!(
        comparison.warnings,
        ["The arms differ in optimizer.learning_rate (fast: 0.4; slow: 0.1)."]
    );
    assert!(comparison.is_tested);
    all[5].place = "others/fast/seed-2".to_owned();
    let message = compare(&all, Vec::new(), &["arm"]).unwrap_err().to_string();
    assert!(
        message.starts_with("two arms have the name fast: "),
        "{message}"
    );
}

/// A round of hooks.
fn round(step: u64, loss: f64, sharpness: f64) -> Vec<Row> {
    let row = |measurement| Row {
        run: "made-up".to_owned(),
        seed: Some(0),
        step: Some(step),
        epoch: None,
        since: None,
        wall_time: None,
        version: None,
        measurement,
        dtype: Precision::F64,
    };
    let mut few = Measurement::new("loss.train", 9.0);
    few.circumstances = Circumstances {
        subset: Some(10),
        ..Circumstances::default()
    };
    vec![
        row(few),
        row(Measurement::new("loss.train", loss)),
        row(Measurement::new("hessian.lambda_max", sharpness)),
        row(Measurement::new("norm.l2", 1.0)),
    ]
}

#[test]
fn runs_are_read_where_their_hooks_last_saw_a_loss() {
    let rows = [round(0, 2.0, 8.0), round(5, 1.0, 6.0), round(10, 0.25, 2.0)].concat();
    assert_eq!(lowest_loss(&rows), Some(0.25));
    let end = run(32, 0, 0.25, 2.0);
    let (then, widest) = at_loss(&end, &rows, 0.5).unwrap();
    assert_eq!(widest, 4.0);
    assert_eq!(then.summary.train_loss, Some(0.5));
    let values: Vec<(&str, Option<f64>)> = then
        .summary
        .measurements
        .iter()
        .map(|row| (row.name.as_str(), row.value))
        .collect();
    let [
        ("hessian.lambda_max", Some(value)),
        ("loss.train", Some(0.5)),
    ] = values[..]
    else {
        panic!("{values:?}");
    };
    assert!((value - 4.0).abs() < 1e-12, "{value}");
    assert!(at_loss(&end, &rows, 0.1).is_none() && at_loss(&end, &[], 0.5).is_none());
    assert_eq!(lowest_loss(&rows[..2]), None);
}

#[test]
fn what_goes_with_the_gap_is_held_against_it_key_by_key() {
    let mut all = Vec::new();
    for (place, rate) in ["0.05", "0.1", "0.2"].iter().enumerate() {
        for (other, batch) in ["32", "128", "512"].iter().enumerate() {
            for seed in [0, 1] {
                let sets = [
                    format!("optimizer.learning_rate={rate}"),
                    format!("train.batch_size={batch}"),
                ];
                // The sharpness rises with both keys, the gap falls with the learning rate, by which it is moved more.
                let sharpness = 10.0 * place as f64 + other as f64 + 0.01 * seed as f64;
                let gap = other as f64 - 10.0 * place as f64 + 0.01 * seed as f64;
                let mut run = configured(&[&sets[0], &sets[1]], seed, 0.1, 1.0 + sharpness);
                run.summary.measurements.push(Measurement::new(GAP, gap));
                all.push(run);
            }
        }
    }
    let comparison = by_batch_size(&all);
    let found = comparison.associations.as_ref().unwrap();
    assert_eq!((found.runs, found.kinds), (18, 9));
    assert_eq!(found.axes, ["optimizer.learning_rate", "train.batch_size"]);
    let mut measures = found.measures.iter();
    let sharpness = measures
        .find(|found| found.name == "hessian.lambda_max")
        .unwrap();
    assert_eq!(sharpness.along, [Some(-1.0), Some(1.0)]);
    assert_eq!(sharpness.granulated, Some(0.0));
    // Of 36 pairs of kinds 9 differ in the batch size alone and agree.
    assert!(
        (sharpness.tau_of_means + 0.5).abs() < 1e-12,
        "{sharpness:?}"
    );
    // scipy.stats.kendalltau of the nine means.
    assert!((sharpness.p.unwrap() - P).abs() < 1e-9, "{sharpness:?}");
    assert!(by_batch_size(&all[..4]).associations.is_none());
}

const P: f64 = 0.075_176_366_843_033_51;
