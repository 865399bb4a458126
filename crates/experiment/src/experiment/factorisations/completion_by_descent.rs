//! Matrix completion by gradient descent: on the matrix, and on two factors of full width.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Bars, Figure, Panel, Width};
use crate::problem::factorisation::{
    Completion, Factors, Step, effective_rank, least_nuclear_norm, nuclear_norm,
};
use crate::problem::{dense, draw};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule, mean};
use crate::table::{Column, Table};
use faer::{Mat, Scale};

const SIZE: Count = Count::new("size", "rows and columns of the matrix", 20)
    .quick(14)
    .allowed(4.0, 60.0);
const RANK: Count = Count::new("rank", "rank of the matrix", 2).allowed(1.0, 20.0);
const SHARE: Number =
    Number::new("share", "share of entries that are known", 0.6).allowed(0.2, 0.95);
const STEP: Number = Number::new("step", "step size of gradient descent", 0.01).allowed(1e-4, 0.02);
const STEPS: Count = Count::new("steps", "the most steps of gradient descent", 10_000)
    .quick(4_000)
    .allowed(100.0, 1e6);
const SMALL: Number = Number::new(
    "small",
    "standard deviation of the factors' entries at a small start",
    1e-3,
)
.allowed(1e-8, 0.1);
const LARGE: Number = Number::new(
    "large",
    "standard deviation of the factors' entries at a large start",
    0.6,
)
.allowed(0.1, 1.0);

/// See the file.
#[derive(Debug)]
pub struct CompletionByDescent;

const NAMES: [&str; 5] = [
    "matrix itself",
    "factors, small start",
    "factors, line search",
    "factors, large start",
    "least nuclear norm",
];

impl Experiment for CompletionByDescent {
    fn about(&self) -> About {
        About {
            name: "completion-by-descent",
            subject: Subject::Factorisations,
            claim: "Gradient descent on two full factors of a matrix, from a small start with a small step, completes it \
                    with nearly the least nuclear norm, and so finds a matrix of low rank.",
            source: "Inductive bias of optimisation (lecture notes), on matrix completion; after Gunasekar, Woodworth, \
                     Bhojanapalli, Neyshabur & Srebro, Implicit regularization in matrix factorization (2017)",
            mathematics: "Known entries of X leave the others free, and gradient descent on X never moves them. On X = UVᵀ \
                          with square factors, which restrict nothing, it moves X by −(UUᵀG + GVVᵀ), G being the gradient \
                          on the known entries, so that what is large grows fastest. The least nuclear norm is found by \
                          the alternating direction method, and is certified by a point of the dual problem. Descent from \
                          nearly zero is compared with it in its nuclear norm, in its error on the unknown entries, and \
                          in its effective rank, the exponential of the entropy of the singular values; with an exact \
                          line search instead of a constant step; and from a large start. That it is not always the least \
                          nuclear norm shows in (?, 1; 1, 0), where a start with a positive determinant keeps its sign, \
                          which the completion ? = 0 of least norm 2 does not have: the unknown entry grows for ever.",
            refuted_by: "A nuclear norm from a small start that is more than 2 % above the least.",
            seeds: Extent {
                full: 10,
                quick: 10,
            },
            seconds: Extent {
                full: 3.0,
                quick: 0.8,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SIZE.parameter(),
            RANK.parameter(),
            SHARE.parameter(),
            STEP.parameter(),
            STEPS.parameter(),
            SMALL.parameter(),
            LARGE.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        if setup.get(RANK) > setup.get(SIZE) {
            return Err(ExperimentError::because(
                "rank must not be larger than size",
            ));
        }
        let runs = setup.over_seeds(|streams| run(setup, streams))?;
        let corner = corner()?;
        Ok(Findings::new()
            .claims(claims(setup, &runs))
            .claims(claims_of_corner(&corner))
            .table("ends", table(&runs))
            .figure("ends", figure(&runs)))
    }
}

/// Where one method ends.
#[derive(Clone, Copy)]
struct End {
    misfit: f64,
    error: f64,
    /// The nuclear norm over the least.
    nuclear: f64,
    rank: f64,
}

/// What one seed gives: the ends, in the order of the names, and the gap of the least nuclear norm as a share of it.
struct Run {
    ends: Vec<End>,
    gap: f64,
}

fn run(setup: &Setup, streams: Streams) -> Result<Run, ExperimentError> {
    let size = setup.get(SIZE);
    let mut rng = streams.stream("matrix", 0);
    let problem = Completion::low_rank(&mut rng, size, setup.get(RANK), setup.get(SHARE));
    let known = problem.mask.norm_l1();
    if known == 0.0 || known == (size * size) as f64 {
        return Err(ExperimentError::because(
            "share leaves no entry known, or none unknown: take a larger matrix",
        ));
    }
    let least = least_nuclear_norm(&problem, (2000, 1e-5))?;
    let limits = (setup.get(STEPS), 1e-6);
    let mut start = streams.stream("start", 0);
    let direct = on_the_matrix(
        &problem,
        draw::gaussian(&mut start, size, size) * Scale(setup.get(SMALL)),
    );
    let mut matrices = vec![direct];
    let constant = Step::Constant(setup.get(STEP));
    for (scale, step) in [
        (setup.get(SMALL), constant),
        (setup.get(SMALL), Step::ExactLineSearch),
        (setup.get(LARGE), constant),
    ] {
        setup.go_on()?;
        // The same directions each time.
        let mut factors = Factors::gaussian(&mut streams.stream("factors", 0), size, size, scale);
        factors.descend(&problem, step, limits);
        matrices.push(factors.product());
    }
    matrices.push(least.matrix);
    let end = |matrix: &Mat<f64>| -> Result<End, ExperimentError> {
        Ok(End {
            misfit: problem.misfit(matrix.as_ref()),
            error: problem.error(matrix.as_ref()),
            nuclear: nuclear_norm(matrix.as_ref())? / least.norm,
            rank: effective_rank(matrix.as_ref())?,
        })
    };
    Ok(Run {
        ends: matrices.iter().map(end).collect::<Result<_, _>>()?,
        gap: least.gap / least.norm,
    })
}

/// Gradient descent on the matrix, with the step 1/2.
fn on_the_matrix(problem: &Completion, mut matrix: Mat<f64>) -> Mat<f64> {
    for _ in 0..60 {
        matrix -= problem.residual(matrix.as_ref()) * Scale(0.5);
    }
    matrix
}

/// Descent on the factors of (?, 1; 1, 0) from a multiple of the identity: its misfit, and the nuclear norm over the
/// least, which is 2; after one and after a hundred times as many steps.
fn corner() -> Result<[[f64; 2]; 2], ExperimentError> {
    let truth = Mat::from_fn(2, 2, |i, j| f64::from(u8::from(i + j == 1)));
    let mask = Mat::from_fn(2, 2, |i, j| f64::from(u8::from(i + j > 0)));
    let problem = Completion { truth, mask };
    let identity = dense::scaled_identity(2, 1e-3);
    let mut factors = Factors {
        u: identity.clone(),
        v: identity,
    };
    let mut found = [[0.0; 2]; 2];
    for (steps, found) in [2_000, 198_000].into_iter().zip(&mut found) {
        factors.descend(&problem, Step::Constant(0.05), (steps, 0.0));
        let product = factors.product();
        *found = [
            problem.misfit(product.as_ref()),
            nuclear_norm(product.as_ref())? / 2.0,
        ];
    }
    Ok(found)
}

fn claims(setup: &Setup, runs: &[Run]) -> Vec<Claim> {
    let values = |which: usize, get: fn(&End) -> f64| {
        runs.iter()
            .map(|run| get(&run.ends[which]))
            .collect::<Vec<_>>()
    };
    let of = |which: usize, get: fn(&End) -> f64| Estimate::mean(&values(which, get));
    let (small, large, step) = (setup.get(SMALL), setup.get(LARGE), setup.get(STEP));
    let id = "inductive-bias N1";
    vec![
        Claim::printed(
            id,
            "Gradient descent on the matrix itself fits the known entries and learns nothing of the others: its error \
             there is at least 99 % of that of zero.",
            Rule::Above(0.99),
            of(0, |end| end.error),
        ),
        Claim::printed(
            id,
            format!(
                "On full factors from {small:e} with step {step} the nuclear norm ends within 2 % of the least."
            ),
            Rule::Below(1.02),
            of(1, |end| end.nuclear),
        ),
        Claim::printed(
            id,
            "So it predicts the unknown entries of a matrix of low rank: its error there is below 10 % of them.",
            Rule::Below(0.1),
            Estimate::median(&values(1, |end| end.error)),
        ),
        Claim::printed(
            id,
            "An exact line search, whose steps are large, ends at a larger nuclear norm than the small constant step.",
            Rule::Above(0.0),
            Estimate::difference(&values(1, |end| end.nuclear), &values(2, |end| end.nuclear)),
        ),
        Claim::must_hold(
            id,
            format!(
                "From a large start of {large} the nuclear norm ends more than 10 % above the least."
            ),
            Rule::Above(1.1),
            of(3, |end| end.nuclear),
        ),
        Claim::must_hold(
            id,
            format!(
                "From a large start of {large} the error on the unknown entries is above 20 %."
            ),
            Rule::Above(0.2),
            of(3, |end| end.error),
        ),
        Claim::must_hold(
            id,
            "The least nuclear norm is known to 0.1 %, by the dual problem.",
            Rule::Below(1e-3),
            Estimate::mean(&runs.iter().map(|run| run.gap).collect::<Vec<_>>()),
        ),
        Claim::must_hold(
            id,
            "All of the descents fit: the largest misfit is below 1 %.",
            Rule::Below(0.01),
            Estimate::mean(
                &runs
                    .iter()
                    .map(|run| {
                        run.ends[..4]
                            .iter()
                            .map(|end| end.misfit)
                            .fold(0.0, f64::max)
                    })
                    .collect::<Vec<_>>(),
            ),
        ),
    ]
}

fn claims_of_corner(found: &[[f64; 2]; 2]) -> Vec<Claim> {
    let [[_, first], [misfit, last]] = found;
    vec![
        Claim::printed(
            "inductive-bias N1",
            "It is not always the least nuclear norm: on (?, 1; 1, 0) from a thousandth of the identity, descent ends \
             at more than twice the least, with a misfit that goes to zero.",
            Rule::Above(2.0),
            Estimate::exact(*last, 1e-9),
        ),
        Claim::must_hold(
            "inductive-bias N1",
            "There the norm grows without end: after a hundred times as many steps it is at least one and a half times \
             what it was.",
            Rule::Above(1.5),
            Estimate::exact(last / first, 1e-9),
        ),
        Claim::must_hold(
            "inductive-bias N1",
            "There the misfit is then below 5 %.",
            Rule::Below(0.05),
            Estimate::exact(*misfit, 1e-9),
        ),
    ]
}

fn table(runs: &[Run]) -> Table {
    let rows = NAMES.iter().enumerate().map(|(which, name)| {
        let of = |get: fn(&End) -> f64| {
            mean(
                &runs
                    .iter()
                    .map(|run| get(&run.ends[which]))
                    .collect::<Vec<_>>(),
            )
        };
        vec![
            (*name).into(),
            of(|end| end.misfit).into(),
            of(|end| end.error).into(),
            of(|end| end.nuclear).into(),
            of(|end| end.rank).into(),
        ]
    });
    Table::new([
        Column::text("method"),
        Column::number("misfit, known entries"),
        Column::number("error, unknown entries"),
        Column::number("nuclear norm over least"),
        Column::number("effective rank"),
    ])
    .with_rows(rows)
}

fn figure(runs: &[Run]) -> Figure {
    let panel = |name: &str, unit: &str, get: fn(&End) -> f64| {
        let (means, errors): (Vec<f64>, Vec<f64>) = (0..NAMES.len())
            .map(|which| {
                let estimate = Estimate::mean(
                    &runs
                        .iter()
                        .map(|run| get(&run.ends[which]))
                        .collect::<Vec<_>>(),
                );
                (
                    estimate.value,
                    if estimate.error().is_finite() {
                        estimate.error()
                    } else {
                        f64::NAN
                    },
                )
            })
            .unzip();
        Panel::new(
            Axis::of_categories("method", NAMES),
            Axis::new(name, unit).linear(),
        )
        .with(Bars::new("", means).with_errors(errors, "95 % interval of the mean"))
    };
    Figure {
        columns: 3,
        width: Width::Page,
        ..Figure::new("Completions of a matrix of low rank")
    }
    .with(panel("error, unknown entries", "1", |end| end.error))
    .with(panel("nuclear norm", "the least", |end| end.nuclear))
    .with(panel("effective rank", "1", |end| end.rank))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descent_on_the_matrix_leaves_what_is_unknown() {
        let problem = Completion::low_rank(&mut Streams::new(1).stream("test", 0), 5, 1, 0.5);
        let found = on_the_matrix(&problem, Mat::from_fn(5, 5, |_, _| 3.0));
        for i in 0..5 {
            for j in 0..5 {
                let expected = if problem.mask[(i, j)] > 0.0 {
                    problem.truth[(i, j)]
                } else {
                    3.0
                };
                assert!((found[(i, j)] - expected).abs() < 1e-12);
            }
        }
    }
}
