//! Claims tested on small networks.

mod networks;

use super::*;
use crate::backend::{Compute, Precision};
use crate::linear::norm;
use crate::measure::testing::fixture::measures;
use crate::measure::{Bound, Named, find};
use crate::model::Activation;
use crate::objective::tests::Case;
use crate::objective::{Chunks, Loss};
use crate::random::Streams;

const MEASURES: [&str; 8] = [
    "loss.train",
    "accuracy.train",
    "margin.min",
    "norm.l2",
    "gradient.norm",
    "hessian.lambda_max",
    "hessian.lambda_max.adaptive",
    "hessian.trace",
];

struct Setting {
    case: Case,
    parameters: Parameters,
    data: Chunks,
}

impl Setting {
    fn new(activation: Activation, precision: Precision) -> Self {
        let case = Case::new(activation, Loss::CrossEntropy, Compute::cpu(precision));
        Self {
            parameters: case.parameters(),
            data: case.chunks(3),
            case,
        }
    }

    fn session(&self) -> Session<'_> {
        Session::new(Subject {
            trained_elsewhere: false,
            training_samples: None,
            ..Subject::new(&self.case.objective, &self.parameters, &self.data)
        })
    }

    fn map(&self, kind: MapKind) -> ParameterMap {
        let mut rng = Streams::new(0).stream("test", 0);
        build(self.case.objective.network(), kind, &mut rng).unwrap()
    }

    fn report(&self, kind: MapKind) -> MapReport {
        let session = &mut self.session();
        session
            .under(&self.map(kind), &measures(&MEASURES))
            .unwrap()
    }
}

fn line<'a>(report: &'a MapReport, measure: &str) -> &'a Line {
    let mut lines = report.lines.iter();
    lines.find(|line| line.measure == measure).unwrap()
}

fn verdict(report: &MapReport, measure: &str) -> Verdict {
    line(report, measure).verdict
}

#[test]
fn claims_are_kept_in_either_precision_and_sharpness_moves() {
    for precision in [Precision::F32, Precision::F64] {
        let setting = Setting::new(Activation::Relu, precision);
        for kind in [MapKind::LayerRescaling, MapKind::UnitRescaling] {
            let report = setting.report(kind);
            assert!(report.passed(), "{precision} {report:?}");
            for moving in ["norm.l2", "gradient.norm", "hessian.lambda_max"] {
                assert_eq!(verdict(&report, moving), Verdict::Moved, "{moving}");
            }
            for kept in ["loss.train", "margin.min", "hessian.lambda_max.adaptive"] {
                assert_eq!(verdict(&report, kept), Verdict::Kept, "{kept}");
            }
        }
        let report = setting.report(MapKind::Permutation);
        assert!(report.passed(), "{precision} {report:?}");
        assert!(
            report
                .lines
                .iter()
                .all(|line| line.verdict == Verdict::Kept)
        );
    }
}

#[test]
fn ratios_are_those_of_the_mapped_parameters() {
    let setting = Setting::new(Activation::Relu, Precision::F64);
    let map = setting.map(MapKind::UnitRescaling);
    let report = setting
        .session()
        .under(&map, &measures(&["norm.l2"]))
        .unwrap();
    let values = &setting.case.values;
    let expected = norm(&map.apply(values)) / norm(values);
    assert!((report.lines[0].ratio.unwrap() / expected - 1.0).abs() < 1e-14);
}

#[test]
fn a_wrong_claim_is_caught() {
    let setting = Setting::new(Activation::Relu, Precision::F64);
    let report = setting.report(MapKind::LayerRescaling);
    for name in ["norm.l2", "hessian.lambda_max", "hessian.trace"] {
        let boastful = Measure {
            invariant_under: MapKind::ALL,
            ..*find(name).unwrap()
        };
        let line = line(&report, name);
        let rows = (line.before.clone(), line.after.clone());
        let line = judge(&boastful, report.map, rows.0, rows.1, slack(0.0));
        assert_eq!(line.verdict, Verdict::Broken, "{name}");
        let report = MapReport {
            lines: vec![line],
            ..report.clone()
        };
        assert!(!report.passed());
    }
}

#[test]
fn a_map_that_changes_the_function_is_caught() {
    let relu = Setting::new(Activation::Relu, Precision::F64);
    let tanh = Setting::new(Activation::Tanh, Precision::F64);
    for kind in [MapKind::LayerRescaling, MapKind::UnitRescaling] {
        let report = tanh
            .session()
            .under(&relu.map(kind), &measures(&MEASURES))
            .unwrap();
        assert!(!report.preserves_function() && !report.passed());
        assert!(report.lines.is_empty());
    }
    // What one part in a million does to one weight is no round-off in f64.
    let permutation = tanh.map(MapKind::Permutation);
    let mut values = tanh.case.values.clone();
    values[0] *= 1.0 + 1e-6;
    let mut session = tanh.session();
    let sensitivity = session.rounded().unwrap().sensitivity;
    let moved = session.moved_to(&permutation.apply(&values));
    let check = FunctionCheck::compare(
        &Behaviour::of(&session.train().unwrap()),
        &moved.visit(&session, |at| Behaviour::of(&at.train().unwrap())),
        Tolerance {
            sensitivity,
            precision: Precision::F64,
            is_exact: true,
        },
    );
    assert!(!check.is_same(), "{check:?}");
}

#[test]
fn a_map_that_does_not_apply_is_a_failed_row() {
    let tanh = Setting::new(Activation::Tanh, Precision::F64);
    let names = [
        "reparam.rescale.outputs",
        "reparam.rescale.lambda_max",
        "reparam.unit-rescaling.norm.l2",
    ];
    for row in tanh.session().measure(&names).unwrap() {
        assert!(row.reason().unwrap().contains("positively homogeneous"));
    }
}

#[test]
fn rows_of_a_session_are_the_ratios_of_the_report() {
    let setting = Setting::new(Activation::Relu, Precision::F64);
    let names = [
        "reparam.layer-rescaling.hessian.lambda_max",
        "reparam.rescale.lambda_max",
        "reparam.layer-rescaling.hessian.lambda_3",
        "reparam.rescale.outputs",
    ];
    let rows = setting.session().measure(&names).unwrap();
    let report = setting.report(MapKind::LayerRescaling);
    let expected = line(&report, "hessian.lambda_max").ratio.unwrap();
    for row in &rows[..2] {
        assert!(
            (row.value.unwrap() / expected - 1.0).abs() < 2e-3,
            "{row:?}"
        );
        assert!(row.residual().unwrap() < 2e-3 && row.converged == Some(true));
    }
    assert!(rows[2].value.unwrap() > 1.0);
    assert!(rows[3].value.unwrap() < 1e-13 && rows[3].converged == Some(true));
}

#[test]
fn row_names_are_read_back() {
    let name = row_name(MapKind::Permutation, "hessian.trace");
    assert_eq!(name, "reparam.permutation.hessian.trace");
    let named = Named::parse(&name).unwrap();
    assert!(matches!(named, Named::UnderMap(MapKind::Permutation, _)));
    assert_eq!(named.measure().name, "hessian.trace");
    for name in [
        "reparam.permutation.hessian.tracee",
        "reparam.permutation.reparam.rescale.outputs",
        "reparam.mirror.hessian.trace",
    ] {
        assert!(Named::parse(name).is_none(), "{name}");
    }
}

fn slack(rounding: f64) -> Slack {
    Slack {
        rounding: Some(rounding),
        relative: 0.0,
        precision: Precision::F64,
    }
}

/// The verdict on a claim, from two rows.
fn judged(name: &str, before: Measurement, after: Measurement) -> Verdict {
    let claiming = Measure {
        invariant_under: MapKind::ALL,
        ..*find(name).unwrap()
    };
    let map = MapKind::Permutation;
    judge(&claiming, map, before, after, slack(1e-9)).verdict
}

#[test]
fn an_estimate_may_move_by_its_standard_errors_and_an_eigenvalue_by_its_residuals() {
    let trace = |value: f64| Measurement::new("hessian.trace", value).with_stderr(0.1);
    // Six times √2 · 0.1 is 0.849.
    assert_eq!(
        judged("hessian.trace", trace(5.0), trace(5.84)),
        Verdict::Kept
    );
    assert_eq!(
        judged("hessian.trace", trace(5.0), trace(5.86)),
        Verdict::Broken
    );
    let eigenvalue = |value: f64, converged| {
        Measurement::new("hessian.lambda_max", value).with_residual(0.01, converged, 9)
    };
    let judged = |now, converged| {
        judged(
            "hessian.lambda_max",
            eigenvalue(-5.0, true),
            eigenvalue(now, converged),
        )
    };
    assert_eq!(judged(-5.19, true), Verdict::Kept);
    assert_eq!(judged(-5.25, true), Verdict::Broken);
    assert_eq!(judged(-5.25, false), Verdict::NotConverged);
}

#[test]
fn a_worst_case_may_move_by_the_disagreement_of_its_ascents_and_no_further() {
    let worst = |value: f64, disagreement| {
        Measurement::new("sharpness.sam.multi", value)
            .with_residual(disagreement, true, 90)
            .bounding(Bound::Lower)
    };
    let judged = |then, now| judged("sharpness.sam.multi", then, now);
    // Another search may come to the height that some ascents of this one came to.
    assert_eq!(judged(worst(1.0, 0.1), worst(0.85, 0.0)), Verdict::Kept);
    assert_eq!(judged(worst(1.0, 0.1), worst(0.7, 0.0)), Verdict::Broken);
    // What a search takes for the same height is 1 %.
    assert_eq!(judged(worst(1.0, 0.0), worst(0.97, 0.0)), Verdict::Kept);
    assert_eq!(judged(worst(1.0, 0.0), worst(0.95, 0.0)), Verdict::Broken);
}

#[test]
fn what_claims_nothing_and_changes_within_large_errors_is_undecided() {
    let trace = |value: f64, error| Measurement::new("hessian.trace", value).with_stderr(error);
    let measure = Measure {
        invariant_under: &[],
        ..*find("hessian.trace").unwrap()
    };
    let judged = |then: Measurement, now: Measurement| {
        judge(&measure, MapKind::Permutation, then, now, slack(1e-9)).verdict
    };
    assert_eq!(judged(trace(1.0, 0.5), trace(3.0, 0.5)), Verdict::Undecided);
    assert_eq!(
        judged(trace(1.0, 0.5), trace(1.0, 0.5)),
        Verdict::DidNotMove
    );
    assert_eq!(
        judged(trace(1.0, 1e-3), trace(1.001, 1e-3)),
        Verdict::DidNotMove
    );
    assert_eq!(judged(trace(1.0, 1e-3), trace(3.0, 1e-3)), Verdict::Moved);
}

const WORST_CASES: [&str; 6] = [
    "sharpness.sam.multi",
    "sharpness.sam.linf.multi",
    "sharpness.asam.multi",
    "sharpness.asam.linf.multi",
    "sharpness.keskar.full",
    "sharpness.keskar.full.5e-4",
];

#[test]
fn worst_cases_are_the_same_after_a_permutation_and_those_that_depend_on_scale_move() {
    for precision in [Precision::F32, Precision::F64] {
        let setting = Setting::new(Activation::Relu, precision);
        for seed in 0..2 {
            let map = |kind| {
                let mut rng = Streams::new(seed).stream("test", 0);
                build(setting.case.objective.network(), kind, &mut rng).unwrap()
            };
            let map_of = map(MapKind::Permutation);
            let report = setting
                .session()
                .under(&map_of, &measures(&WORST_CASES))
                .unwrap();
            for line in &report.lines {
                assert_eq!(line.verdict, Verdict::Kept, "{line:?}");
                // The starts move with the parameters, so both searches take the same way.
                assert!((line.ratio.unwrap() - 1.0).abs() < 2e-3, "{line:?}");
            }
            let rescaling = map(MapKind::LayerRescaling);
            let report = setting
                .session()
                .under(&rescaling, &measures(&WORST_CASES))
                .unwrap();
            for line in &report.lines {
                let expected = match line.claimed {
                    true => Verdict::Kept,
                    false => Verdict::Moved,
                };
                assert_eq!(line.verdict, expected, "{line:?}");
            }
        }
    }
}

#[test]
fn what_only_evaluates_may_move_by_rounding_whatever_its_standard_error() {
    let loss = |value: f64| Measurement::new("loss.train", value).with_stderr(0.1);
    assert_eq!(
        judged("loss.train", loss(1.0), loss(1.0 + 9e-8)),
        Verdict::Kept
    );
    assert_eq!(
        judged("loss.train", loss(1.0), loss(1.0 + 2e-7)),
        Verdict::Broken
    );
    // A tie may fall to the other side.
    let accuracy = |value: f64| Measurement::exact("accuracy.train", value).over(10);
    assert_eq!(
        judged("accuracy.train", accuracy(0.8), accuracy(0.9)),
        Verdict::Kept
    );
    assert_eq!(
        judged("accuracy.train", accuracy(0.8), accuracy(0.6)),
        Verdict::Broken
    );
}

#[test]
fn a_value_that_a_map_takes_away_did_not_survive() {
    let row = || Measurement::exact("norm.l2", 1.0);
    let none = || Measurement::failed("norm.l2", Failure::not_defined("outside its range"));
    assert_eq!(judged("norm.l2", row(), none()), Verdict::Broken);
    assert_eq!(judged("norm.l2", none(), none()), Verdict::NotMeasured);
    let zero = || Measurement::exact("norm.l2", 0.0);
    assert_eq!(judged("norm.l2", zero(), zero()), Verdict::Kept);
    assert_eq!(judged("norm.l2", zero(), row()), Verdict::Broken);
}
