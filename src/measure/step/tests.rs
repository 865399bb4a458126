//! Steps on a quadratic, whose numbers are written out, and on a network against dense eigenvectors.

use crate::curvature::Matrix;
use crate::linear::{LinearOperator, dot, norm};
use crate::measure::invariance::Verdict;
use crate::measure::testing::fixture::{Fixture, assert_close, subject, uniform};
use crate::measure::{FailureKind, LastStep, Measurement, Session, Subject, catalogue};
use crate::model::Activation;
use crate::objective::Loss;
use crate::params::Parameters;
use crate::random::Streams;
use crate::reparam::{MapKind, applicable, build};
use nalgebra::{DMatrix, DVector, SymmetricEigen};

const RATE: f64 = 0.1;

/// Names of the family.
fn names() -> Vec<&'static str> {
    super::FAMILY.iter().map(|measure| measure.name).collect()
}

/// A step of gradient descent on a fixture.
struct Step {
    fixture: Fixture,
    before: Vec<f64>,
    gradient: Vec<f64>,
    /// The Hessian before, times the gradient.
    product: Vec<f64>,
}

impl Step {
    /// Down the gradient of the loss.
    fn of(mut fixture: Fixture) -> Self {
        let before = fixture.values.clone();
        let (gradient, product) = {
            let (parameters, train) = (fixture.parameters(), fixture.chunks(3));
            let subject = subject(&fixture.objective, &parameters, &train);
            let gradient = subject.gradient().unwrap();
            let product = subject.operator(Matrix::Hessian).apply(&gradient).unwrap();
            (gradient, product)
        };
        let pairs = before.iter().zip(&gradient);
        fixture.values = pairs.map(|(x, g)| x - RATE * g).collect();
        Self {
            fixture,
            before,
            gradient,
            product,
        }
    }

    fn with<T>(&self, work: impl FnOnce(Subject<'_>) -> T) -> T {
        let fixture = &self.fixture;
        let (layout, compute) = (
            fixture.objective.network().layout(),
            fixture.objective.compute(),
        );
        let [before, gradient] = [&self.before, &self.gradient]
            .map(|values| Parameters::from_host(layout, values, compute));
        let (parameters, train) = (fixture.parameters(), fixture.chunks(3));
        work(Subject {
            last_step: Some(LastStep {
                before: &before,
                gradient: Some(&gradient),
            }),
            ..subject(&fixture.objective, &parameters, &train)
        })
    }

    fn value(&self, name: &str) -> f64 {
        let row = self.row(name);
        row.value
            .unwrap_or_else(|| panic!("{name}: {:?}", row.reason()))
    }

    fn row(&self, name: &str) -> Measurement {
        self.with(|subject| Session::new(subject).measure(&[name]).unwrap().remove(0))
    }
}

fn quadratic() -> Step {
    Step::of(Fixture::with_loss(
        &[],
        3,
        Activation::Relu,
        true,
        Loss::Square,
    ))
}

fn network() -> Step {
    Step::of(Fixture::new(&[6], 3, Activation::Tanh, true))
}

#[test]
fn a_step_down_a_quadratic_is_what_its_curvature_says() {
    let step = quadratic();
    let (g, hg) = (&step.gradient, &step.product);
    let (length, curvature) = (norm(g), dot(g, hg) / dot(g, g));
    assert_close(step.value("step.length"), RATE * length, 1e-12);
    let ratio = 1.0 - 0.5 * RATE * curvature;
    assert_close(step.value("step.descent_ratio"), ratio, 1e-10);
    assert!(step.value("step.quadratic_error").abs() < 1e-12);
    let moved = norm(hg);
    let predictiveness = step.value("step.gradient_predictiveness");
    assert_close(predictiveness, RATE * moved, 1e-10);
    assert_close(step.value("step.smoothness"), moved / length, 1e-10);
    let after: Vec<f64> = g.iter().zip(hg).map(|(g, hg)| g - RATE * hg).collect();
    let cosine = dot(g, &after) / length / norm(&after);
    assert_close(step.value("step.gradient_cosine"), cosine, 1e-12);
    assert_close(step.value("step.batch_cosine"), 1.0, 1e-12);
    assert_close(step.value("step.update_cosine"), 1.0, 1e-12);
}

/// `L(θ + δ)` differs from its quadratic model by a term of third order in `δ`, which relative to the linear one
/// is of second order.
#[test]
fn the_error_of_the_quadratic_model_is_of_third_order() {
    let mut step = network();
    let whole = step.value("step.quadratic_error");
    let pairs = step.before.iter().zip(&step.gradient);
    step.fixture.values = pairs.map(|(x, g)| x - 0.01 * RATE * g).collect();
    let small = step.value("step.quadratic_error");
    assert!(whole.abs() > 1e-6, "{whole}");
    assert!((whole / small / 1e4 - 1.0).abs() < 0.1, "{whole} {small}");
}

#[test]
fn what_lies_along_the_leading_eigenvectors_is_what_dense_ones_say() {
    let step = network();
    let length = step.before.len();
    let dense = step.with(|subject| {
        let mut operator = subject.operator(Matrix::Hessian);
        let mut column = |place| {
            let mut axis = vec![0.0; length];
            axis[place] = 1.0;
            DVector::from_vec(operator.apply(&axis).unwrap())
        };
        let columns: Vec<_> = (0..length).map(&mut column).collect();
        DMatrix::from_columns(&columns)
    });
    let eigen = SymmetricEigen::new(0.5 * (&dense + dense.transpose()));
    let mut order: Vec<usize> = (0..length).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    let share = |vector: &[f64], count: usize| {
        let vector = DVector::from_column_slice(vector);
        let squares = order[..count]
            .iter()
            .map(|&place| eigen.eigenvectors.column(place).dot(&vector).powi(2));
        squares.sum::<f64>() / vector.norm_squared()
    };
    let gradient = step.with(|subject| subject.gradient().unwrap());
    for (name, vector, count) in [
        ("step.gradient_alignment", &gradient, 1),
        ("step.gradient_energy", &gradient, 5),
        ("step.update_alignment", &step.gradient, 1),
        ("step.update_energy", &step.gradient, 5),
    ] {
        let row = step.row(name);
        let (found, expected) = (row.value.unwrap(), share(vector, count));
        let error = row.absolute_residual().unwrap();
        assert!(error < 0.5, "{row:?}");
        assert!(
            (found - expected).abs() <= error + 1e-12,
            "{name}: {found} is not {expected} ± {error}"
        );
    }
}

#[test]
fn without_a_last_step_measures_of_it_say_so_and_others_are_taken() {
    let fixture = network().fixture;
    let (parameters, train) = (fixture.parameters(), fixture.chunks(3));
    let subject = subject(&fixture.objective, &parameters, &train);
    let rows = Session::new(subject).measure(&names()).unwrap();
    for (row, measure) in rows.iter().zip(super::FAMILY) {
        assert_eq!(row.value.is_none(), measure.is_of_last_step, "{row:?}");
        if let Some(failure) = &row.failure {
            assert_eq!(failure.kind, FailureKind::NotKnown);
            assert!(failure.reason.contains("by a hook"), "{row:?}");
        }
    }
}

#[test]
fn a_step_that_went_nowhere_has_a_length_and_no_direction() {
    let mut step = network();
    step.fixture.values = step.before.clone();
    assert_eq!(step.value("step.length"), 0.0);
    for name in [
        "step.descent_ratio",
        "step.smoothness",
        "step.update_energy",
    ] {
        let failure = step.row(name).failure.unwrap();
        assert_eq!(failure.kind, FailureKind::NotDefined, "{name}");
    }
}

#[test]
fn a_block_has_a_step_of_its_own() {
    let step = quadratic();
    let rows = step.with(|subject| {
        let subject = Subject {
            block: Some("layers.0.bias"),
            ..subject
        };
        Session::new(subject)
            .measure(&["step.length", "step.batch_cosine", "step.descent_ratio"])
            .unwrap()
    });
    let range = step
        .fixture
        .objective
        .network()
        .layout()
        .range("layers.0.bias");
    let of_block = norm(&step.gradient[range.unwrap()]);
    assert_close(rows[0].value.unwrap(), RATE * of_block, 1e-12);
    assert_close(rows[1].value.unwrap(), 1.0, 1e-12);
    // What is about the loss is of the whole step.
    assert_eq!(rows[2].circumstances.block, None);
    assert_eq!(rows[2].value, step.row("step.descent_ratio").value);
}

/// Both ends of the step, the gradient and the step itself are mapped.
#[test]
fn measures_of_the_last_step_survive_what_they_claim() {
    for activation in [Activation::Relu, Activation::Linear] {
        let step = Step::of(Fixture::new(&[6, 5], 3, activation, true));
        let measures: Vec<_> = catalogue()
            .filter(|measure| names().contains(&measure.name))
            .collect();
        let network = step.fixture.objective.network();
        let mut kept = 0;
        for kind in applicable(network) {
            let map = build(network, kind, &mut Streams::new(2).stream("map", 0)).unwrap();
            let report = step.with(|subject| Session::new(subject).under(&map, &measures).unwrap());
            assert!(report.passed(), "{kind}: {report:?}");
            for line in &report.lines {
                if line.claimed {
                    assert_eq!(line.verdict, Verdict::Kept, "{kind}: {line:?}");
                    kept += 1;
                }
            }
            let moves = |name: &str| {
                let line = report.lines.iter().find(|line| line.measure == name);
                line.unwrap().verdict == Verdict::Moved
            };
            if kind == MapKind::LayerRescaling {
                assert!(moves("step.length") && moves("step.gradient_predictiveness"));
            }
        }
        assert!(kept > 12, "{kept}");
    }
}

/// What the step was given need not be the gradient of the loss.
#[test]
fn the_cosine_of_a_batch_is_that_of_what_the_step_was_given() {
    let mut step = network();
    let exact = step.gradient.clone();
    step.gradient = uniform(&mut Streams::new(5).stream("test", 0), exact.len());
    let cosine = dot(&exact, &step.gradient) / norm(&exact) / norm(&step.gradient);
    assert_close(step.value("step.batch_cosine"), cosine, 1e-12);
}
