//! Gradient descent from zero ends at the solution of smallest norm; from elsewhere it keeps what it started with
//! outside the rows.

use super::{beside, curve, each, largest, style};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel};
use crate::problem::least_squares::{LeastSquares, pseudo_inverse, relative_distance};
use crate::problem::{dense, draw};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};
use faer::{Col, Scale};

const SAMPLES: Count = Count::new("samples", "rows of the data matrix", 50)
    .quick(20)
    .allowed(2.0, 200.0);
const FEATURES: Count = Count::new("features", "columns of the data matrix", 200)
    .quick(80)
    .allowed(3.0, 500.0);
const NOISE: Number =
    Number::new("noise", "standard deviation of the label noise", 0.1).allowed(0.0, 1e3);
const STEPS: Count = Count::new("steps", "steps of gradient descent", 2_000)
    .quick(1_000)
    .allowed(10.0, 1e5);
const DECAY: Number = Number::new(
    "decay",
    "weight decay λ that is added to the loss as ½λ‖w‖²",
    1.0,
)
.allowed(1e-2, 1e6);

/// The steps that are tried, times the largest curvature.
const RELATIVE_STEPS: [f64; 4] = [0.5, 1.0, 1.5, 1.9];

/// The step of the text, which asks for less than 1.
const TEXT_STEP: f64 = 0.9;

/// Distances below this share count as none.
const NONE: f64 = 1e-8;

/// Gradient descent and the solution of smallest norm.
#[derive(Debug)]
pub struct MinimumNorm;

#[derive(Debug)]
struct Measured {
    text_step: f64,
    sum_of_powers: f64,
    series_of_matrices: f64,
    series_on_the_rows: f64,
    all_steps: f64,
    outside: f64,
    formula: f64,
    kept_outside: f64,
    from_elsewhere: f64,
    within_the_rows: f64,
    error_from_zero: f64,
    error_from_elsewhere: f64,
    decayed_norm: f64,
    path: [Vec<f64>; 6],
}

impl Experiment for MinimumNorm {
    fn about(&self) -> About {
        About {
            name: "minimum-norm",
            subject: Subject::LeastSquares,
            claim: "Gradient descent from zero on least squares ends at the solution of smallest \
                norm.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 3.1; Implicit Bias, Flat vs \
                Sharp Minima, and Generalization (course text), Theorem 1 and B.1; The \
                Mathematical Structure of Machine Learning (course text), Example 2.",
            mathematics: "With fewer equations than unknowns, Xw = y has many solutions. The gradient \
                Xᵀ(Xw − y) of ½‖Xw − y‖² is a combination of the rows of X, so descent never \
                changes the part of w that X maps to zero: that part stays as it started. Within \
                the rows each eigen-direction of XᵀX with eigenvalue λ shrinks its error by the \
                factor 1 − αλ per step, so every step α below 2/λ_max converges, and from w = 0 \
                the limit is X⁺y = Xᵀ(XXᵀ)⁻¹y, which has the smallest norm of all solutions. \
                After t steps the iterate is Σ_j (I − αXᵀX)^j αXᵀy; as matrices the sums grow \
                without end on the null space, but Xᵀy has no part there.",
            refuted_by: "A draw in which descent from zero ends elsewhere than X⁺y, or leaves the span of \
                the rows.",
            seeds: Extent { full: 20, quick: 8 },
            seconds: Extent {
                full: 3.0,
                quick: 0.2,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            FEATURES.parameter(),
            NOISE.parameter(),
            STEPS.parameter(),
            DECAY.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        if setup.get(FEATURES) <= setup.get(SAMPLES) {
            return Err(ExperimentError::because(
                "`features` must be above `samples`, or there is one solution only",
            ));
        }
        let all = setup.over_seeds(|streams| measure(setup, streams))?;
        Ok(Findings::new()
            .claims(of_the_sums(setup, &all))
            .claims(of_the_limit(setup, &all))
            .claims(of_other_starts(setup, &all))
            .claims(of_the_controls(&all))
            .figure("descent", figure(setup, &all)))
    }
}

fn measure(setup: &Setup, streams: Streams) -> Result<Measured, ExperimentError> {
    let mut rng = streams.stream("data", 0);
    let steps = setup.get(STEPS);
    let truth = draw::on_sphere(&mut rng, setup.get(FEATURES));
    let problem = LeastSquares::gaussian(&mut rng, setup.get(SAMPLES), &truth, setup.get(NOISE));
    let (origin, shortest, sharpness) =
        (problem.origin(), problem.shortest()?, problem.sharpness()?);
    let step = TEXT_STEP / sharpness;
    let mut start = streams.stream("start", 0);
    let start = draw::on_sphere(&mut start, setup.get(FEATURES));
    let outside = problem.outside(&start)?;
    let reached =
        |start: &Col<f64>, relative: f64| problem.descend(start, relative / sharpness, steps);
    let (from_zero, from_elsewhere) = (reached(&origin, 1.5), reached(&start, 1.5));
    let [matrices, on_the_rows] = series(&problem, step)?;
    let error = |w: &Col<f64>| (w - &truth).squared_norm_l2();
    let back = &problem.x * &from_zero;
    let row_part = dense::least_norm(problem.x.as_ref(), back.as_ref())?;
    Ok(Measured {
        text_step: relative_distance(&reached(&origin, TEXT_STEP), &shortest),
        sum_of_powers: sum_of_powers(&problem, step)?,
        series_of_matrices: matrices,
        series_on_the_rows: on_the_rows,
        all_steps: largest(
            RELATIVE_STEPS
                .map(|relative| relative_distance(&reached(&origin, relative), &shortest)),
        ),
        outside: largest(path(&problem, &origin, 1.5 / sharpness, setup)?[2].clone()),
        formula: relative_distance(&from_zero, &row_part),
        kept_outside: (&from_elsewhere - &shortest - &outside).norm_l2() / shortest.norm_l2(),
        from_elsewhere: relative_distance(&from_elsewhere, &shortest),
        within_the_rows: relative_distance(&reached(&(&start - &outside), 1.5), &shortest),
        error_from_zero: error(&from_zero),
        error_from_elsewhere: error(&from_elsewhere),
        decayed_norm: decayed(&problem, &start, setup, sharpness).norm_l2() / shortest.norm_l2(),
        path: paths(&problem, &start, step, setup)?,
    })
}

/// The iterate after 40 steps against `Σ (1 − (1 − ασ²)⁴⁰)/σ · ⟨u, y⟩ v` over the singular triples of `X`.
fn sum_of_powers(problem: &LeastSquares, step: f64) -> Result<f64, ExperimentError> {
    const STEPS: i32 = 40;
    let svd = problem
        .x
        .thin_svd()
        .map_err(|_| ExperimentError::because("the data have no singular values"))?;
    let along = svd.U().transpose() * &problem.y;
    let singular = svd.S().column_vector();
    let filtered = Col::from_fn(along.nrows(), |index| {
        let sigma = singular[index];
        (1.0 - (1.0 - step * sigma * sigma).powi(STEPS)) / sigma * along[index]
    });
    let closed = svd.V() * filtered;
    Ok(relative_distance(
        &problem.descend(&problem.origin(), step, STEPS as usize),
        &closed,
    ))
}

/// How far `Σ_{i<1024} A^i`, `A = I − αXᵀX`, is from `(I − A)⁺`: as matrices (Frobenius norm), and applied to `αXᵀy`
/// (relative).
fn series(problem: &LeastSquares, step: f64) -> Result<[f64; 2], ExperimentError> {
    const DOUBLINGS: usize = 10;
    let size = problem.unknowns();
    let curvature = problem.x.transpose() * &problem.x;
    let mut power = dense::scaled_identity(size, 1.0) - Scale(step) * &curvature;
    let mut sum = dense::scaled_identity(size, 1.0);
    for _ in 0..DOUBLINGS {
        sum = &sum + &power * &sum;
        power = &power * &power;
    }
    let limit = pseudo_inverse(&(Scale(step) * &curvature))?;
    let right = Scale(step) * problem.x.transpose() * &problem.y;
    Ok([
        (&sum - &limit).norm_l2(),
        relative_distance(&(&sum * &right), &(&limit * &right)),
    ])
}

/// Descent on `½‖Xw − y‖² + ½λ‖w‖²`.
fn decayed(problem: &LeastSquares, start: &Col<f64>, setup: &Setup, sharpness: f64) -> Col<f64> {
    let decay = setup.get(DECAY);
    let step = 1.0 / (sharpness + decay);
    let mut w = start.clone();
    // Ten times as long as the slowest direction, outside the rows, takes to shrink by a factor e.
    let steps = (10.0 / (step * decay)).ceil().min(1e6) as usize;
    for _ in 0..steps {
        w = &w - Scale(step) * (problem.gradient(&w) + Scale(decay) * &w);
    }
    w
}

/// Every so often, as shares of the norm of the shortest solution: the distance to it, that to the solution which is
/// nearest to the start, and the part outside the rows.
fn path(
    problem: &LeastSquares,
    start: &Col<f64>,
    step: f64,
    setup: &Setup,
) -> Result<[Vec<f64>; 3], ExperimentError> {
    let (shortest, nearest) = (problem.shortest()?, problem.nearest(start)?);
    let norm = shortest.norm_l2();
    let mut w = start.clone();
    let mut found = [Vec::new(), Vec::new(), Vec::new()];
    for at in 0..=LAST_SHOWN {
        if at % SHOWN_EVERY == 0 {
            found[0].push((&w - &shortest).norm_l2() / norm);
            found[1].push((&w - &nearest).norm_l2() / norm);
            found[2].push(problem.outside(&w)?.norm_l2() / norm);
        }
        w = &w - Scale(step) * problem.gradient(&w);
        if at % 100 == 0 {
            setup.go_on()?;
        }
    }
    Ok(found)
}

const LAST_SHOWN: usize = 240;
const SHOWN_EVERY: usize = 8;

fn paths(
    problem: &LeastSquares,
    start: &Col<f64>,
    step: f64,
    setup: &Setup,
) -> Result<[Vec<f64>; 6], ExperimentError> {
    let [a, b, c] = path(problem, &problem.origin(), step, setup)?;
    let [d, e, f] = path(problem, start, step, setup)?;
    Ok([a, b, c, d, e, f])
}

fn of_the_sums(setup: &Setup, all: &[Measured]) -> Vec<Claim> {
    let (m, n, steps) = (setup.get(SAMPLES), setup.get(FEATURES), setup.get(STEPS));
    let mean = |of: fn(&Measured) -> f64| Estimate::mean(&each(all, of));
    let size = format!("{m} equations in {n} unknowns");
    vec![
        Claim::printed(
            "theory 3-1",
            format!(
                "{size}: {steps} steps of {TEXT_STEP}/λ_max from zero end at X⁺y, to a share of \
                {NONE:e}."
            ),
            Rule::Below(NONE),
            mean(|one| one.text_step),
        ),
        Claim::printed(
            "theory 3-1",
            "The iterate is the sum of the powers (I − αXᵀX)^j applied to αXᵀy, to a share of \
            1e-10 after 40 steps.",
            Rule::Below(1e-10),
            mean(|one| one.sum_of_powers),
        ),
        Claim::printed(
            "theory 3-1",
            "The sum of 1024 powers of A = I − αXᵀX is near its limit (I − A)⁺, to 1 in Frobenius \
            norm.",
            Rule::Below(1.0),
            mean(|one| one.series_of_matrices),
        ),
        Claim::corrected(
            "theory 3-1",
            format!(
                "Applied to αXᵀy, which has no part outside the rows, the sums are near that \
                limit to a share of {NONE:e}."
            ),
            Rule::Below(NONE),
            mean(|one| one.series_on_the_rows),
        ),
    ]
}

fn of_the_limit(setup: &Setup, all: &[Measured]) -> Vec<Claim> {
    let steps = setup.get(STEPS);
    let mean = |of: fn(&Measured) -> f64| Estimate::mean(&each(all, of));
    vec![
        Claim::printed(
            "flat-vs-sharp T1.1",
            format!(
                "Steps of 0.5, 1, 1.5 and 1.9/λ_max all end at X⁺y: the worst is within a share \
                of {NONE:e} after {steps} steps."
            ),
            Rule::Below(NONE),
            mean(|one| one.all_steps),
        ),
        Claim::printed(
            "flat-vs-sharp T1.1",
            "From zero the part outside the rows stays below 1e-10 of ‖X⁺y‖.",
            Rule::Below(1e-10),
            mean(|one| one.outside),
        ),
        Claim::printed(
            "flat-vs-sharp B.1",
            format!(
                "With 1.5/λ_max from zero, the limit equals its own projection Xᵀ(XXᵀ)⁻¹Xw on the \
                rows, to a share of {NONE:e}."
            ),
            Rule::Below(NONE),
            mean(|one| one.formula),
        ),
    ]
}

fn of_other_starts(setup: &Setup, all: &[Measured]) -> Vec<Claim> {
    let mean = |of: fn(&Measured) -> f64| Estimate::mean(&each(all, of));
    vec![
        Claim::printed(
            "structure Ex.2",
            format!(
                "From a start whose part outside the rows is v, descent ends at X⁺y + v, to \
                {NONE:e} of ‖X⁺y‖."
            ),
            Rule::Below(NONE),
            mean(|one| one.kept_outside),
        ),
        Claim::printed(
            "structure Ex.2",
            "A random start of norm 1 makes the squared error of the parameters larger than the \
            start at zero does.",
            Rule::Above(0.0),
            Estimate::difference(
                &each(all, |one| one.error_from_zero),
                &each(all, |one| one.error_from_elsewhere),
            ),
        ),
        Claim::printed(
            "structure Ex.2",
            format!(
                "With weight decay {} a random start ends at a smaller norm than X⁺y has (as a \
                share of it).",
                setup.get(DECAY)
            ),
            Rule::Below(1.0),
            mean(|one| one.decayed_norm),
        ),
    ]
}

fn of_the_controls(all: &[Measured]) -> Vec<Claim> {
    let mean = |of: fn(&Measured) -> f64| Estimate::mean(&each(all, of));
    vec![
        Claim::must_fail(
            "flat-vs-sharp T1.1",
            format!(
                "From a random start, descent ends at X⁺y all the same, to a share of {NONE:e}."
            ),
            Rule::Below(NONE),
            mean(|one| one.from_elsewhere),
        ),
        Claim::must_fail(
            "structure Ex.2",
            format!(
                "A start within the rows leaves a trace in the limit of more than {NONE:e} of \
                ‖X⁺y‖."
            ),
            Rule::Above(NONE),
            mean(|one| one.within_the_rows),
        ),
    ]
}

fn shown(all: &[Measured], label: &str, which: usize, dash: usize) -> Line {
    let x = (0..=LAST_SHOWN / SHOWN_EVERY).map(|at| (at * SHOWN_EVERY) as f64);
    // Nothing at all has no logarithm.
    let seen = |share: &f64| if *share > 0.0 { *share } else { f64::NAN };
    let draws: Vec<Vec<f64>> = all
        .iter()
        .map(|one| one.path[which].iter().map(seen).collect())
        .collect();
    curve(label, &x.collect::<Vec<f64>>(), &draws).styled(style(which % 3, dash))
}

fn figure(setup: &Setup, all: &[Measured]) -> Figure {
    let panel = |title: &str| {
        let share = Axis::new("share of ‖X⁺y‖", "1").log().over([1e-17, 20.0]);
        Panel::new(Axis::counting("steps"), share).titled(title)
    };
    let (m, n) = (setup.get(SAMPLES), setup.get(FEATURES));
    let title = "Descent towards the shortest solution, and what stays outside the rows";
    let figure = Figure::new(title)
        .described(
            "Distance to the solution of smallest norm, and the part of the iterate that the data \
            map to zero.",
        )
        .noted(format!(
            "{m} equations, {n} unknowns, step {TEXT_STEP}/λ_max."
        ))
        .with(
            panel("from zero")
                .with(shown(all, "to X⁺y", 0, 0))
                .with(shown(all, "outside the rows", 2, 1)),
        )
        .with(
            panel("from a random start")
                .with(shown(all, "to X⁺y", 3, 0))
                .with(shown(all, "outside the rows", 5, 1))
                .with(shown(all, "to the solution nearest to the start", 4, 2)),
        );
    beside(figure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_powers_meet_the_pseudo_inverse_only_on_the_rows() {
        let mut rng = Streams::new(0).stream("test", 0);
        let truth = draw::normals(&mut rng, 9);
        let problem = LeastSquares::gaussian(&mut rng, 4, &truth, 0.0);
        let step = 0.9 / problem.sharpness().unwrap();
        let [matrices, on_the_rows] = series(&problem, step).unwrap();
        // Five directions outside the rows, along each of which 1024 identities are summed.
        assert!((matrices - 1024.0 * 5f64.sqrt()).abs() < 1e-6, "{matrices}");
        assert!(on_the_rows < 1e-6);
        assert!(sum_of_powers(&problem, step).unwrap() < 1e-12);
    }
}
