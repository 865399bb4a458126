//! What happened to runs, and runs that something happened to.

use super::*;
use crate::measure::Circumstances;
use crate::run::{Event, Occurrence};

/// A run at a batch size that interpolated first at a step, not yet so many before.
fn interpolating(batch: usize, seed: u64, step: u64, before: u64) -> FinishedRun {
    let mut run = run(batch, seed, 0.1, 1.0);
    run.summary.events.push(Occurrence {
        event: Event::Interpolation,
        first_step: step,
        since: Some(step - before),
        times: 1,
        circumstances: Circumstances::default(),
    });
    run
}

#[test]
fn the_first_step_of_an_event_is_a_line_without_a_verdict() {
    let all = [
        interpolating(32, 0, 40, 10),
        interpolating(32, 1, 60, 10),
        run(32, 2, 0.1, 1.1),
        interpolating(512, 0, 90, 30),
    ];
    let comparison = by_batch_size(&all);
    let found = line(&comparison, "event.interpolation");
    let cells: Vec<_> = found.cells.iter().flatten().collect();
    // Two of three runs, and one with the distance to the evaluation before as its error.
    assert_eq!(cells[0].mean, 50.0);
    assert!((cells[0].error.unwrap() - 10.0).abs() < 1e-9);
    assert_eq!(cells[0].values, [40.0, 60.0]);
    assert_eq!((cells[1].mean, cells[1].error), (90.0, Some(30.0)));
    assert_eq!(found.verdict, Verdict::Given);
    assert!(found.pairs.is_empty());
    let page = page(&comparison);
    assert!(page.contains("event.*: the first step"), "{page}");
    let some = "without a value, in some of the runs: event.interpolation";
    assert!(page.contains(some), "{page}");
}

#[test]
fn crossings_by_other_samples_are_other_lines() {
    let mut run = interpolating(32, 0, 40, 10);
    for (subset, step) in [(None, 20), (Some(5), 30)] {
        run.summary.events.push(Occurrence {
            event: Event::StabilityCrossingAbove,
            first_step: step,
            since: None,
            times: 2,
            circumstances: Circumstances {
                subset,
                ..Circumstances::default()
            },
        });
    }
    let comparison = by_batch_size(&[run]);
    let labels: Vec<String> = comparison.lines.iter().map(Line::label).collect();
    let of_events: Vec<&str> = labels
        .iter()
        .map(String::as_str)
        .filter(|label| label.starts_with("event."))
        .collect();
    assert_eq!(
        of_events,
        [
            "event.interpolation",
            "event.stability_crossing.above (samples all)",
            "event.stability_crossing.above (samples 5)",
        ]
    );
}

fn diverged(batch: usize, seed: u64) -> LeftOut {
    let run = run(batch, seed, 0.1, 1.0);
    LeftOut {
        place: run.place,
        cause: Cause::Failed,
        reason: "training diverged".to_owned(),
        diverged: Some(Box::new(run.config)),
    }
}

#[test]
fn a_group_that_has_lost_runs_to_divergence_says_so() {
    let left = [runs(32, &[1.0, 1.2]), runs(512, &[4.0, 4.4, 4.1])].concat();
    let lost = vec![diverged(512, 3), diverged(8, 0), diverged(512, 7)];
    let comparison = compare(&left, lost, &["train.batch_size"]).unwrap();
    let mut warnings = comparison.warnings.iter();
    let warning = warnings.find(|warning| warning.contains("diverged in"));
    insta::assert_snapshot!(warning.unwrap(), @"Training diverged in 2 of 5 of 512 (seed 3, 7); all 1 of 8 (seed 0), which has no column: the means are over the runs that did not, which is a choice by how they went.");
    // A run that differs in more than the keys is of no group here.
    let config = configured(
        &["train.batch_size=32", "optimizer.learning_rate=9"],
        0,
        0.1,
        1.0,
    )
    .config;
    let other = LeftOut {
        diverged: Some(Box::new(config)),
        ..diverged(32, 0)
    };
    let comparison = compare(&left, vec![other], &["train.batch_size"]).unwrap();
    let told = "all 1 of 32 with optimizer.learning_rate = 9.0 (seed 0), which has no column";
    let mut warnings = comparison.warnings.iter();
    assert!(warnings.any(|warning| warning.contains(told)));
    let without = by_batch_size(&left);
    assert!(
        !without
            .warnings
            .iter()
            .any(|warning| warning.contains("diverged"))
    );
}

/// Rows of earlier versions say under which circumstances a norm was measured, which does not depend on them.
#[test]
fn what_does_not_bear_on_a_measure_makes_no_line_of_its_own() {
    let mut all = runs(32, &[1.0, 1.2]);
    for (run, subset) in all.iter_mut().zip([None, Some(5)]) {
        for name in ["norm.l2", "hessian.trace"] {
            let mut row = Measurement::exact(name, 3.0);
            row.circumstances.subset = subset;
            row.circumstances.norm_mode = Some(NormMode::Eval);
            run.summary.measurements.push(row);
        }
    }
    let comparison = by_batch_size(&all);
    let count = |name: &str| {
        let lines = comparison.lines.iter();
        lines.filter(|line| line.name == name).count()
    };
    assert_eq!((count("norm.l2"), count("hessian.trace")), (1, 2));
    let norm = line(&comparison, "norm.l2").cells[0].as_ref().unwrap();
    assert_eq!(norm.values, [3.0, 3.0]);
}
