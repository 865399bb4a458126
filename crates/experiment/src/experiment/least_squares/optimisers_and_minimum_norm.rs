//! Which optimisers keep to the shortest solution, and which lose it.

use super::each;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Bars, Figure, Panel, Width};
use crate::problem::draw;
use crate::problem::least_squares::{LeastSquares, Rule as Walk, relative_distance, sparse_truth};
use crate::random::Streams;
use crate::statistics::estimate::median;
use crate::statistics::{Estimate, Rule};
use crate::table::{Cell, Column, Table};
use faer::{Col, Scale};

const SAMPLES: Count = Count::new("samples", "rows of the data matrix", 20).allowed(2.0, 100.0);
const FEATURES: Count =
    Count::new("features", "columns of the data matrix", 60).allowed(4.0, 300.0);
const STEPS: Count = Count::new("steps", "steps of each optimiser", 4_000).allowed(500.0, 1e6);
const EPOCHS: Count = Count::new(
    "epochs",
    "passes through the data in the exercise on batches",
    100,
)
.allowed(1.0, 1e4);
const ADAM: Number = Number::new("adam", "first step of Adam", 0.01).allowed(1e-5, 1.0);

/// The optimisers in the order in which they are shown.
const NAMES: [&str; 8] = [
    "descent",
    "heavy ball",
    "Nesterov",
    "single rows",
    "conjugate gradients",
    "Adagrad",
    "Adam",
    "diagonal preconditioner",
];

/// Those whose steps are combinations of gradients.
const KEEPING: std::ops::Range<usize> = 0..5;
const ROWS: usize = 3;
const CONJUGATE: usize = 4;
const ADAGRAD: usize = 5;
const ADAM_AT: usize = 6;
const PRECONDITIONED: usize = 7;

/// The batches of the exercise, of 50 rows.
const BATCHES: [usize; 3] = [4, 16, 50];

/// Shares below this count as none.
const NONE: f64 = 1e-6;

/// Optimisers and the solution of smallest norm.
#[derive(Debug)]
pub struct OptimisersAndMinimumNorm;

#[derive(Debug, Default)]
struct Measured {
    residual: [f64; 8],
    outside: [f64; 8],
    distance: [f64; 8],
    norm: [f64; 8],
    preconditioned: f64,
    batch_norm: [f64; 3],
    batch_test: [f64; 3],
    batch_null: f64,
    batch_apart: f64,
    batch_sharpness: [f64; 3],
}

impl Experiment for OptimisersAndMinimumNorm {
    fn about(&self) -> About {
        About {
            name: "optimisers-and-minimum-norm",
            subject: Subject::LeastSquares,
            claim: "The optimiser decides which solution is found: smaller batches and adaptive \
                steps find others.",
            source: "Implicit Bias, Flat vs Sharp Minima, and Generalization (course text), Examples \
                1 and 2, and C.2; Arora et al., Theory of Deep Learning (draft), sec. 8.1; The \
                Mathematical Structure of Machine Learning (course text), B.1.",
            mathematics: "An optimiser whose every step is a combination of gradients (descent, momentum \
                of any kind, batches, conjugate gradients) stays in w₀ + span(rows); if it \
                converges to a solution, that is the nearest to w₀, so that neither the batch \
                nor the momentum matters. One that scales each coordinate by itself leaves the \
                span. A fixed diagonal P gives the solution of smallest Σ wᵢ²/pᵢ; Adam and \
                Adagrad change their scale on the way and end at a longer solution. The Hessian \
                XᵀX/m is the same everywhere, so that no batch can find a flatter place.",
            refuted_by: "A batch size that changes the limit, or a limit of Adam within the span of the \
                rows.",
            seeds: Extent { full: 20, quick: 8 },
            seconds: Extent {
                full: 1.7,
                quick: 0.9,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            FEATURES.parameter(),
            STEPS.parameter(),
            EPOCHS.parameter(),
            ADAM.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        if setup.get(FEATURES) < 2 * setup.get(SAMPLES) {
            return Err(ExperimentError::because(
                "`features` must be at least twice `samples`",
            ));
        }
        let all = setup.over_seeds(|streams| measure(setup, streams))?;
        Ok(Findings::new()
            .claims(of_those_that_keep(&all))
            .claims(of_those_that_lose(&all))
            .claims(of_the_batches(setup, &all))
            .claims(of_their_errors(&all))
            .table("optimisers", table(&all))
            .figure("optimisers", figure(&all)))
    }
}

fn measure(setup: &Setup, streams: Streams) -> Result<Measured, ExperimentError> {
    let mut rng = streams.stream("data", 0);
    let truth = draw::on_sphere(&mut rng, setup.get(FEATURES));
    let problem = LeastSquares::gaussian(&mut rng, setup.get(SAMPLES), &truth, 0.1);
    let shortest = problem.shortest()?;
    let scales = |index: usize| 1.0 / (1.0 + (index % 10) as f64);
    let p = Col::from_fn(setup.get(FEATURES), scales);
    let mut found = Measured::default();
    for (at, rule) in rules(setup, &problem, &p)?.iter().enumerate() {
        setup.go_on()?;
        let mut order = streams.stream("order", at as u64);
        let w = problem.walk(rule, &problem.origin(), setup.get(STEPS), &mut order);
        found.residual[at] = problem.residual(&w).norm_l2() / problem.y.norm_l2();
        found.outside[at] = problem.outside(&w)?.norm_l2() / shortest.norm_l2();
        found.distance[at] = relative_distance(&w, &shortest);
        found.norm[at] = w.norm_l2() / shortest.norm_l2();
        if at == PRECONDITIONED {
            found.preconditioned = relative_distance(&w, &problem.shortest_in(&p)?);
        }
    }
    batches(setup, streams, &mut found)?;
    Ok(found)
}

/// The optimisers, in their order, with steps that the problem bears.
fn rules(
    setup: &Setup,
    problem: &LeastSquares,
    p: &Col<f64>,
) -> Result<[Walk; 8], ExperimentError> {
    let step = 0.9 / problem.sharpness()?;
    let squares = (0..problem.x.nrows()).map(|row| problem.x.row(row).squared_norm_l2());
    let longest = squares.fold(0.0, f64::max);
    let momentum = |momentum, looks_ahead| Walk::Momentum {
        step,
        momentum,
        looks_ahead,
    };
    Ok([
        momentum(0.0, false),
        momentum(0.9, false),
        momentum(0.9, true),
        Walk::Batches {
            step: 1.0 / longest,
            size: 1,
        },
        Walk::Conjugate,
        Walk::Adagrad { step: 0.1 },
        Walk::Adam {
            step: setup.get(ADAM),
            fade: 1e-6,
        },
        Walk::Preconditioned { step, p: p.clone() },
    ])
}

/// The exercise: 50 rows, 200 columns, ten parameters that are not zero, step 0.01, a number of passes.
fn batches(setup: &Setup, streams: Streams, found: &mut Measured) -> Result<(), ExperimentError> {
    const ROWS_HERE: usize = 50;
    let mut rng = streams.stream("exercise", 0);
    let truth = sparse_truth(&mut rng, 200, 10);
    let problem = LeastSquares::gaussian(&mut rng, ROWS_HERE, &truth, 0.01);
    let test = LeastSquares::gaussian(&mut rng, 500, &truth, 0.01);
    let error = |w: &Col<f64>| test.residual(w).squared_norm_l2() / 500.0;
    let origin = problem.origin();
    let mut limits = Vec::new();
    for (at, size) in BATCHES.into_iter().enumerate() {
        setup.go_on()?;
        let mut order = streams.stream("batches", at as u64);
        let passes = |count: usize| count * ROWS_HERE.div_ceil(size);
        let rule = Walk::Batches { step: 0.01, size };
        let w = problem.walk(&rule, &origin, passes(setup.get(EPOCHS)), &mut order);
        found.batch_norm[at] = w.norm_l2();
        found.batch_test[at] = error(&w);
        found.batch_sharpness[at] = curvature_at(&problem, &w, streams);
        // As many steps for all, with the longest step that single batches bear.
        let rule = Walk::Batches { step: 0.012, size };
        limits.push(problem.walk(&rule, &w, 1_500, &mut order));
    }
    let shortest = problem.shortest()?;
    found.batch_apart = limits
        .iter()
        .map(|w| relative_distance(w, &shortest))
        .fold(0.0, f64::max);
    found.batch_null = error(&origin);
    Ok(())
}

/// The largest eigenvalue of the Hessian of the loss over `2m` at a point: 50 steps of the power method on differences
/// of gradients, as the exercise has it.
fn curvature_at(problem: &LeastSquares, w: &Col<f64>, streams: Streams) -> f64 {
    let here = problem.gradient(w);
    let mut direction = draw::on_sphere(&mut streams.stream("power", 0), w.nrows());
    let mut value = 0.0;
    for _ in 0..50 {
        let image = problem.gradient(&(w + &direction)) - &here;
        value = image.norm_l2();
        direction = Scale(1.0 / value) * image;
    }
    value / problem.x.nrows() as f64
}

fn of_those_that_keep(all: &[Measured]) -> Vec<Claim> {
    let worst = |which: std::ops::Range<usize>| {
        Estimate::mean(&each(all, |one| {
            one.distance[which.clone()]
                .iter()
                .copied()
                .fold(0.0, f64::max)
        }))
    };
    vec![
        Claim::printed(
            "theory 8-1",
            format!("Steps on single rows end at X⁺y from zero, to a share of {NONE:e}."),
            Rule::Below(NONE),
            worst(ROWS..ROWS + 1),
        ),
        Claim::printed(
            "flat-vs-sharp E1",
            "Conjugate gradients have another bias than descent: from zero they end elsewhere \
            than at X⁺y, by more than 1e-6 of it.",
            Rule::Above(NONE),
            worst(CONJUGATE..CONJUGATE + 1),
        ),
        Claim::corrected(
            "flat-vs-sharp E1",
            format!(
                "Conjugate gradients from zero end at X⁺y as descent does, to a share of {NONE:e}."
            ),
            Rule::Below(NONE),
            worst(CONJUGATE..CONJUGATE + 1),
        ),
        Claim::corrected(
            "flat-vs-sharp E2",
            format!(
                "Descent, heavy ball, Nesterov's momentum, single rows and conjugate gradients \
                all end at X⁺y; the worst is within a share of {NONE:e}."
            ),
            Rule::Below(NONE),
            worst(KEEPING),
        ),
    ]
}

fn of_those_that_lose(all: &[Measured]) -> Vec<Claim> {
    let mean = |of: &dyn Fn(&Measured) -> f64| Estimate::mean(&each(all, of));
    vec![
        Claim::printed(
            "flat-vs-sharp E2",
            "Adam keeps the bias to the smallest norm: from zero its part outside the rows stays \
            below 1e-3 of ‖X⁺y‖.",
            Rule::Below(1e-3),
            mean(&|one| one.outside[ADAM_AT]),
        ),
        Claim::corrected(
            "flat-vs-sharp E2",
            "Adam and Adagrad interpolate: the larger residual is below 1e-3 of the labels.",
            Rule::Below(1e-3),
            mean(&|one| one.residual[ADAM_AT].max(one.residual[ADAGRAD])),
        ),
        Claim::corrected(
            "flat-vs-sharp E2",
            "Their solutions are longer than X⁺y by more than 1 %, the shorter of the two.",
            Rule::Above(1.01),
            mean(&|one| one.norm[ADAM_AT].min(one.norm[ADAGRAD])),
        ),
        Claim::printed(
            "structure B.1",
            format!(
                "A preconditioner P = diag(p) changes the implicit norm: the limit is the \
                solution of least Σ wᵢ²/pᵢ, to a share of {NONE:e}."
            ),
            Rule::Below(NONE),
            mean(&|one| one.preconditioned),
        ),
        Claim::must_fail(
            "structure B.1",
            format!("With that preconditioner the limit is X⁺y, to a share of {NONE:e}."),
            Rule::Below(NONE),
            mean(&|one| one.distance[PRECONDITIONED]),
        ),
    ]
}

fn of_the_batches(setup: &Setup, all: &[Measured]) -> Vec<Claim> {
    let epochs = setup.get(EPOCHS);
    let arms = |of: fn(&Measured) -> &[f64; 3]| -> Vec<Vec<f64>> {
        (0..3).map(|at| each(all, |one| of(one)[at])).collect()
    };
    let sharper = each(all, |one| one.batch_sharpness[2] - one.batch_sharpness[0]);
    vec![
        Claim::printed(
            "flat-vs-sharp C.2",
            format!(
                "After {epochs} passes with step 0.01 smaller batches have smaller norms: it \
                rises from 4 to 16 to 50 (least rise)."
            ),
            Rule::Above(0.0),
            Estimate::smallest_step(&arms(|one| &one.batch_norm)),
        ),
        Claim::printed(
            "flat-vs-sharp C.2",
            "The norm with batches of 4 is 0.40, within 0.1.",
            Rule::Equals {
                value: 0.4,
                tolerance: 0.1,
            },
            Estimate::mean(&each(all, |one| one.batch_norm[0])),
        ),
        Claim::printed(
            "flat-vs-sharp C.2",
            "The curvature at the solution rises with the batch, from 8 to 12: with 50 it is \
            larger by more than 1 than with 4.",
            Rule::Above(1.0),
            Estimate::mean(&sharper),
        ),
    ]
}

fn of_their_errors(all: &[Measured]) -> Vec<Claim> {
    let arms = |of: fn(&Measured) -> &[f64; 3]| -> Vec<Vec<f64>> {
        (0..3).map(|at| each(all, |one| of(one)[at])).collect()
    };
    let share = each(all, |one| one.batch_test[0] / one.batch_null);
    vec![
        Claim::printed(
            "flat-vs-sharp C.2",
            "Smaller batches have the smaller test error: it rises from 4 to 16 to 50 (least \
            rise).",
            Rule::Above(0.0),
            Estimate::smallest_step(&arms(|one| &one.batch_test)),
        ),
        Claim::printed(
            "flat-vs-sharp C.2",
            "With batches of 4 the test error is small: below a tenth of that of predicting zero.",
            Rule::Below(0.1),
            Estimate::mean(&share),
        ),
        Claim::corrected(
            "flat-vs-sharp C.2",
            "It is that of the shortest solution, 1 − m/n = 0.75 of that of predicting zero, \
            within 0.1.",
            Rule::Equals {
                value: 0.75,
                tolerance: 0.1,
            },
            Estimate::mean(&share),
        ),
        Claim::must_fail(
            "flat-vs-sharp C.2",
            "After 1500 steps more the batch size matters: the farthest of the three solutions \
            from X⁺y is away by more than 1e-4 of it.",
            Rule::Above(1e-4),
            Estimate::mean(&each(all, |one| one.batch_apart)),
        ),
    ]
}

fn table(all: &[Measured]) -> Table {
    let columns = [
        "residual / labels",
        "outside the rows / ‖X⁺y‖",
        "distance to X⁺y",
        "norm / ‖X⁺y‖",
    ];
    let columns = [Column::text("optimiser")]
        .into_iter()
        .chain(columns.map(Column::number));
    let rows = NAMES.iter().enumerate().map(|(at, name)| {
        let number =
            |of: fn(&Measured) -> &[f64; 8]| Cell::number(median(&each(all, |one| of(one)[at])));
        vec![
            (*name).into(),
            number(|one| &one.residual),
            number(|one| &one.outside),
            number(|one| &one.distance),
            number(|one| &one.norm),
        ]
    });
    Table::new(columns)
        .captioned("Medians over draws, from zero.")
        .with_rows(rows)
}

fn figure(all: &[Measured]) -> Figure {
    let bars = |label: &str, of: fn(&Measured) -> &[f64; 8]| {
        Bars::new(
            label,
            (0..NAMES.len())
                .map(|at| median(&each(all, |one| of(one)[at])))
                .collect(),
        )
    };
    let panel = Panel::new(
        Axis::of_categories("optimiser", NAMES),
        Axis::new("share of ‖X⁺y‖", "1").linear(),
    )
    .with(bars("outside the rows", |one| &one.outside))
    .with(bars("distance to X⁺y", |one| &one.distance));
    let figure = Figure::new("What optimisers leave outside the span of the rows")
        .described(
            "The part of each optimiser's solution outside the rows, and its distance to the \
            shortest solution.",
        )
        .noted("Medians over draws.")
        .with(panel);
    Figure {
        width: Width::Page,
        ..figure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adam_leaves_the_rows_and_heavy_ball_does_not() {
        let mut rng = Streams::new(3).stream("test", 0);
        let truth = draw::on_sphere(&mut rng, 12);
        let problem = LeastSquares::gaussian(&mut rng, 4, &truth, 0.0);
        let outside = |rule: Walk, rng: &mut _| {
            let w = problem.walk(&rule, &problem.origin(), 500, rng);
            problem.outside(&w).unwrap().norm_l2() / w.norm_l2()
        };
        assert!(
            outside(
                Walk::Adam {
                    step: 0.01,
                    fade: 1e-3
                },
                &mut rng
            ) > 0.01
        );
        let step = 0.5 / problem.sharpness().unwrap();
        assert!(
            outside(
                Walk::Momentum {
                    step,
                    momentum: 0.9,
                    looks_ahead: false
                },
                &mut rng
            ) < 1e-12
        );
    }
}
