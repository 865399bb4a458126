//! What a line has a verdict on.

use super::*;

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
