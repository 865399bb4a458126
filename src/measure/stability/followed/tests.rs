//! Against dense eigenvectors, from round to round.

use crate::curvature::Matrix;
use crate::linear::LinearOperator;
use crate::measure::invariance::Verdict;
use crate::measure::testing::fixture::{Fixture, assert_close, subject, uniform};
use crate::measure::{
    Algorithm, FailureKind, Measurement, Reach, Search, Session, StepRule, Subject, WarmStarts,
    find,
};
use crate::model::Activation;
use crate::random::Streams;
use crate::reparam::{MapKind, build};
use nalgebra::{DMatrix, DVector, SymmetricEigen};

const PENALTY: f64 = 0.25;

fn fixture() -> Fixture {
    Fixture::new(&[6], 3, Activation::Tanh, true)
}

/// Eigenpairs, largest first.
struct Dense {
    values: Vec<f64>,
    vectors: Vec<DVector<f64>>,
}

impl Dense {
    /// Of `S (H + cI) S` at a fixture's parameters.
    fn of(fixture: &Fixture, penalty: f64, scaling: &[f64]) -> Self {
        Self::of_penalties(fixture, &vec![penalty; scaling.len()], scaling)
    }

    /// Of `S (H + D) S` at a fixture's parameters.
    fn of_penalties(fixture: &Fixture, penalties: &[f64], scaling: &[f64]) -> Self {
        let (parameters, train) = (fixture.parameters(), fixture.chunks(3));
        let subject = subject(&fixture.objective, &parameters, &train);
        let mut operator = subject.operator(Matrix::Hessian);
        let length = scaling.len();
        let columns: Vec<_> = (0..length)
            .map(|place| {
                let mut axis = vec![0.0; length];
                axis[place] = 1.0;
                DVector::from_vec(operator.apply(&axis).unwrap())
            })
            .collect();
        let hessian = DMatrix::from_columns(&columns);
        let diagonal =
            |entries: &[f64]| DMatrix::from_diagonal(&DVector::from_column_slice(entries));
        let scaling = diagonal(scaling);
        let penalised = 0.5 * (&hessian + hessian.transpose()) + diagonal(penalties);
        let matrix = &scaling * penalised * &scaling;
        let eigen = SymmetricEigen::new(matrix);
        let mut order: Vec<usize> = (0..length).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        let vector = |&place: &usize| eigen.eigenvectors.column(place).into_owned();
        Self {
            values: order
                .iter()
                .map(|&place| eigen.eigenvalues[place])
                .collect(),
            vectors: order.iter().map(vector).collect(),
        }
    }

    fn plain(fixture: &Fixture) -> Self {
        Self::of(fixture, 0.0, &vec![1.0; fixture.values.len()])
    }
}

fn descent(penalty: f64) -> StepRule<'static> {
    StepRule::Descent {
        momentum: 0.9,
        is_nesterov: false,
        penalty,
    }
}

/// Rows of names, and what the round has left.
fn round(
    fixture: &Fixture,
    names: &[&str],
    change: impl FnOnce(Subject<'_>) -> Subject<'_>,
) -> (Vec<Measurement>, WarmStarts) {
    let (parameters, train) = (fixture.parameters(), fixture.chunks(3));
    let subject = change(subject(&fixture.objective, &parameters, &train));
    let mut session = Session::new(subject);
    let rows = session.measure(names).unwrap();
    (rows, session.into_warm_starts())
}

const FIVE: [&str; 5] = [
    "stability.eigenvalue_1",
    "stability.eigenvalue_2",
    "stability.eigenvalue_3",
    "stability.eigenvalue_4",
    "stability.eigenvalue_5",
];

fn assert_are(rows: &[Measurement], expected: &[f64]) {
    for (row, expected) in rows.iter().zip(expected) {
        let error = row.absolute_residual().unwrap();
        assert!(row.converged == Some(true), "{row:?}");
        assert!(
            (row.value.unwrap() - expected).abs() <= error + 1e-9,
            "{row:?} is not {expected}"
        );
    }
}

#[test]
fn five_eigenvalues_are_followed_of_the_matrix_that_decides() {
    let fixture = fixture();
    let length = fixture.values.len();
    let ones = vec![1.0; length];
    let (rows, _) = round(&fixture, &FIVE, |subject| Subject {
        step_rule: Some(descent(PENALTY)),
        ..subject
    });
    assert_are(&rows, &Dense::of(&fixture, PENALTY, &ones).values);

    let diagonal: Vec<f64> = uniform(&mut Streams::new(1).stream("test", 0), length)
        .iter()
        .map(|x| 1.5 + x)
        .collect();
    let scaling: Vec<f64> = diagonal.iter().map(|p| p.sqrt().recip()).collect();
    let (parameters, train) = (fixture.parameters(), fixture.chunks(3));
    let subject = Subject {
        step_rule: Some(StepRule::Adaptive {
            momentum: 0.9,
            penalty: PENALTY,
            decay: 0.0,
            preconditioner: Some(&diagonal),
        }),
        ..subject(&fixture.objective, &parameters, &train)
    };
    let mut session = Session::new(subject);
    let rows = session.measure(&FIVE).unwrap();
    let expected = Dense::of(&fixture, PENALTY, &scaling).values;
    assert_are(&rows, &expected);
    let rows = session.measure(&["stability.line", "stability.adam"]);
    let rows = rows.unwrap();
    let (line, adam) = (rows[0].value.unwrap(), rows[1].value.unwrap());
    assert_close(line, 2.0 * 1.9 / (0.1 * 0.1), 1e-12);
    assert_close(adam, expected[0] / line, 1e-3);
}

/// Every third parameter is frozen, and every second does not decay.
#[test]
fn steps_that_reach_a_part_of_the_parameters_see_the_curvature_of_that_part() {
    let fixture = fixture();
    let length = fixture.values.len();
    let moves: Vec<bool> = (0..length).map(|place| place % 3 > 0).collect();
    let decays: Vec<bool> = (0..length).map(|place| place % 2 > 0).collect();
    let number = |is: &bool| f64::from(u8::from(*is));
    let penalties: Vec<f64> = decays.iter().map(|is| PENALTY * number(is)).collect();
    let scaling: Vec<f64> = moves.iter().map(number).collect();
    let reach = Reach {
        moves: Some(&moves),
        decays: Some(&decays),
    };
    let (parameters, train) = (fixture.parameters(), fixture.chunks(3));
    let plain = subject(&fixture.objective, &parameters, &train);
    let expected = Dense::of_penalties(&fixture, &penalties, &scaling).values;
    let rate = rate_with(&expected, 2);
    let descending = Subject {
        reach,
        learning_rate: Some(rate),
        step_rule: Some(StepRule::Descent {
            momentum: 0.0,
            is_nesterov: false,
            penalty: PENALTY,
        }),
        ..plain
    };
    let mut session = Session::new(descending);
    assert_are(&session.measure(&FIVE).unwrap(), &expected);
    let names = ["stability.gd", "stability.momentum", "stability.tracked"];
    let rows = session.measure(&names).unwrap();
    for row in &rows[..2] {
        assert_close(row.value.unwrap(), 0.5 * rate * expected[0], 1e-3);
    }
    assert_eq!(rows[2].value, Some(2.0));

    let diagonal: Vec<f64> = (0..length)
        .map(|place| {
            if moves[place] {
                1.5 + place as f64 / 50.0
            } else {
                0.0
            }
        })
        .collect();
    let roots = diagonal.iter().zip(&moves);
    let roots: Vec<f64> = roots
        .map(|(entry, moves)| if *moves { entry.sqrt().recip() } else { 0.0 })
        .collect();
    let expected = Dense::of_penalties(&fixture, &penalties, &roots).values;
    let adaptive = Subject {
        reach,
        step_rule: Some(StepRule::Adaptive {
            momentum: 0.9,
            penalty: PENALTY,
            decay: 0.0,
            preconditioner: Some(&diagonal),
        }),
        ..plain
    };
    let rows = Session::new(adaptive).measure(&["stability.adam", "stability.line"]);
    let rows = rows.unwrap();
    let [adam, line] = [0, 1].map(|place| rows[place].value.unwrap());
    assert_close(adam, expected[0] / line, 1e-3);
}

#[test]
fn there_is_no_condition_on_what_is_frozen_and_none_on_batches_where_something_is() {
    let fixture = fixture();
    let nothing = vec![false; fixture.values.len()];
    let (parameters, train) = (fixture.parameters(), fixture.chunks(3));
    let subject = Subject {
        reach: Reach {
            moves: Some(&nothing),
            decays: None,
        },
        ..subject(&fixture.objective, &parameters, &train)
    };
    let names = ["stability.gd", "stability.eigenvalue_1", "stability.batch"];
    for row in Session::new(subject).measure(&names).unwrap() {
        let failure = row.failure.as_ref().unwrap();
        assert_eq!(failure.kind, FailureKind::NotDefined);
        assert!(failure.reason.contains("frozen"), "{row:?}");
    }
}

#[test]
fn the_line_is_that_of_the_run_s_own_steps() {
    let fixture = fixture();
    for (rule, expected) in [
        (descent(0.0), 2.0 * 1.9 / 0.1),
        (
            StepRule::Descent {
                momentum: 0.9,
                is_nesterov: true,
                penalty: 0.0,
            },
            2.0 * 1.9 / 2.8 / 0.1,
        ),
        (
            StepRule::Descent {
                momentum: 0.0,
                is_nesterov: false,
                penalty: PENALTY,
            },
            20.0,
        ),
    ] {
        let (rows, _) = round(&fixture, &["stability.line"], |subject| Subject {
            step_rule: Some(rule),
            ..subject
        });
        assert_close(rows[0].value.unwrap(), expected, 1e-12);
    }
    let (rows, _) = round(&fixture, &["stability.line"], |subject| Subject {
        learning_rate: Some(0.0),
        ..subject
    });
    assert_eq!(
        rows[0].failure.as_ref().unwrap().kind,
        FailureKind::NotDefined
    );
}

#[test]
fn those_above_the_line_are_counted() {
    let fixture = fixture();
    let values = Dense::plain(&fixture).values;
    for count in [0, 1, 3] {
        // Between two eigenvalues.
        let line = match count {
            0 => 1.1 * values[0],
            _ => 0.5 * (values[count - 1] + values[count]),
        };
        let (rows, _) = round(&fixture, &["stability.above_line"], |subject| Subject {
            learning_rate: Some(2.0 / line),
            ..subject
        });
        assert_eq!(rows[0].value, Some(count as f64), "{rows:?}");
    }
}

#[test]
fn a_search_that_remembers_finds_the_same_with_fewer_products() {
    let mut fixture = fixture();
    let (first, left) = round(&fixture, &FIVE, |subject| Subject {
        search: Search::Remembering(None),
        ..subject
    });
    assert_are(&first, &Dense::plain(&fixture).values);
    fixture.values.iter_mut().for_each(|x| *x *= 1.001);
    let (parameters, train) = (fixture.parameters(), fixture.chunks(3));
    let subject = Subject {
        search: Search::Remembering(Some(&left)),
        ..subject(&fixture.objective, &parameters, &train)
    };
    let second = Session::new(subject).measure(&FIVE).unwrap();
    assert_are(&second, &Dense::plain(&fixture).values);
    let algorithms = [&first, &second].map(|rows| rows[0].circumstances.algorithm);
    assert_eq!(
        algorithms,
        [Some(Algorithm::Davidson), Some(Algorithm::WarmDavidson)]
    );
    assert!(second[0].matvecs < first[0].matvecs, "{second:?}");
}

/// A learning rate at which so many eigenvalues lie above three quarters of the line `2/η`.
fn rate_with(values: &[f64], count: usize) -> f64 {
    1.5 / (0.5 * (values[count - 1] + values[count]))
}

#[test]
fn those_above_three_quarters_of_the_line_are_followed_up_to_twenty() {
    let fixture = fixture();
    let values = Dense::plain(&fixture).values;
    let positive = values.iter().filter(|value| **value > 1e-3).count();
    assert!(positive > 12, "{values:?}");
    let names: Vec<String> = (1..=20)
        .map(|place| format!("stability.eigenvalue_{place}"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for count in [3, 7, 12] {
        let rate = rate_with(&values, count);
        let (rows, _) = round(&fixture, &names, |subject| Subject {
            learning_rate: Some(rate),
            ..subject
        });
        let followed = count.max(5);
        assert_are(&rows[..followed], &values);
        assert!(
            rows[followed..].iter().all(|row| row.value.is_none()),
            "{count}: {rows:?}"
        );
    }
}

#[test]
fn eigenvectors_beyond_the_fifth_are_compared_where_they_are_followed() {
    let fixture = fixture();
    let rate = rate_with(&Dense::plain(&fixture).values, 7);
    let names = [
        "stability.overlap_6",
        "stability.overlap_7",
        "stability.overlap_8",
    ];
    let (rows, left) = round(&fixture, &names, |subject| Subject {
        learning_rate: Some(rate),
        ..subject
    });
    assert!(rows.iter().all(|row| row.value.is_none()));
    let (parameters, train) = (fixture.parameters(), fixture.chunks(3));
    let subject = Subject {
        learning_rate: Some(rate),
        past: Some(&left),
        ..subject(&fixture.objective, &parameters, &train)
    };
    let rows = Session::new(subject).measure(&names).unwrap();
    for row in &rows[..2] {
        assert_close(row.value.unwrap(), 1.0, 1e-9);
    }
    assert_eq!(
        rows[2].failure.as_ref().unwrap().kind,
        FailureKind::NotFound
    );
}

const OVERLAPS: [&str; 6] = [
    "stability.overlap",
    "stability.overlap_1",
    "stability.overlap_2",
    "stability.overlap_3",
    "stability.overlap_4",
    "stability.overlap_5",
];

#[test]
fn eigenvectors_are_compared_with_those_of_the_round_before() {
    let mut fixture = fixture();
    let (rows, left) = round(&fixture, &OVERLAPS, |subject| subject);
    for row in &rows {
        assert_eq!(row.failure.as_ref().unwrap().kind, FailureKind::NotKnown);
    }
    let again = |fixture: &Fixture| {
        let (parameters, train) = (fixture.parameters(), fixture.chunks(3));
        let subject = Subject {
            past: Some(&left),
            ..subject(&fixture.objective, &parameters, &train)
        };
        Session::new(subject).measure(&OVERLAPS).unwrap()
    };
    for row in again(&fixture) {
        assert_close(row.value.unwrap(), 1.0, 1e-9);
    }
    let before = Dense::plain(&fixture).vectors;
    let moved = uniform(&mut Streams::new(4).stream("test", 0), before[0].len());
    for (value, step) in fixture.values.iter_mut().zip(moved) {
        *value += 0.2 * step;
    }
    let now = Dense::plain(&fixture).vectors;
    let square = |i: usize, j: usize| now[i].dot(&before[j]).powi(2);
    let rows = again(&fixture);
    let pairs = (0..5).flat_map(|i| (0..5).map(move |j| (i, j)));
    let of_spaces = pairs.map(|(i, j)| square(i, j)).sum::<f64>() / 5.0;
    let expected = [
        of_spaces,
        square(0, 0),
        square(1, 1),
        square(2, 2),
        square(3, 3),
        square(4, 4),
    ];
    assert!(expected[1] < 0.999, "{expected:?}");
    for (row, expected) in rows.iter().zip(expected) {
        let found = row.value.unwrap();
        assert!((found - expected).abs() < 0.02, "{row:?}: {expected}");
    }
}

/// Eigenvectors of the round before move with the parameters.
#[test]
fn overlaps_survive_an_exchange_of_units() {
    let mut fixture = fixture();
    let (_, left) = round(&fixture, &OVERLAPS, |subject| subject);
    for value in &mut fixture.values {
        *value *= 1.05;
    }
    let (parameters, train) = (fixture.parameters(), fixture.chunks(3));
    let subject = Subject {
        past: Some(&left),
        ..subject(&fixture.objective, &parameters, &train)
    };
    let network = fixture.objective.network();
    let mut rng = Streams::new(2).stream("map", 0);
    let map = build(network, MapKind::Permutation, &mut rng).unwrap();
    let measures = OVERLAPS.map(|name| find(name).unwrap());
    let report = Session::new(subject).under(&map, &measures).unwrap();
    assert_eq!(report.lines.len(), OVERLAPS.len());
    for line in &report.lines {
        assert_eq!(line.verdict, Verdict::Kept, "{line:?}");
    }
}
