//! Matrix completion with factors that are narrower or wider than the rank of the matrix.

use super::line_of_means;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Panel, Rule as Level, Width};
use crate::problem::dense;
use crate::problem::factorisation::{Completion, Factors, Step, least_nuclear_norm, nuclear_norm};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};

const SIZE: Count = Count::new("size", "rows and columns of the matrix", 20)
    .quick(15)
    .allowed(6.0, 60.0);
const RANK: Count = Count::new("rank", "rank of the matrix", 3).allowed(2.0, 20.0);
const SHARE: Number = Number::new("share", "share of entries that are known", 0.6)
    .quick(0.75)
    .allowed(0.3, 0.95);
const WIDTHS: Numbers = Numbers::new(
    "widths",
    "columns of the factors, ascending",
    &[1.0, 2.0, 3.0, 4.0, 6.0, 10.0, 20.0],
)
.quick(&[1.0, 2.0, 3.0, 5.0, 15.0])
.allowed(1.0, 60.0);
const STEPS: Count = Count::new("steps", "the most steps of gradient descent", 6_000)
    .quick(4_000)
    .allowed(100.0, 1e6);

/// The standard deviation of the factors' entries at the start, and the step.
const START: f64 = 1e-3;
const STEP: f64 = 0.01;

/// See the file.
#[derive(Debug)]
pub struct FactorisationWidth;

impl Experiment for FactorisationWidth {
    fn about(&self) -> About {
        About {
            name: "factorisation-width",
            subject: Subject::Factorisations,
            claim: "Factors narrower than the rank of a matrix restrict the rank and cannot fit; wider ones fit, and what \
                    they find is of nearly the least nuclear norm, however wide they are.",
            source: "Inductive bias of optimisation (lecture notes), on matrix completion with a factorisation of rank d",
            mathematics: "X = UVᵀ with factors of d columns has rank d at most. Below the true rank k the least loss is \
                          that of the best matrix of rank d on the known entries, which is not zero. From k on many \
                          matrices fit, of which all those of rank d would do; gradient descent from a small start adds \
                          one direction after the other and is led to a small nuclear norm. So the error on the unknown \
                          entries should fall until d = k, and stay small beyond, though the number of parameters \
                          grows. The least nuclear norm is certified by its dual problem.",
            refuted_by: "An error on the unknown entries that is as large with the widest factors as with those that are \
                         too narrow.",
            seeds: Extent { full: 10, quick: 6 },
            seconds: Extent {
                full: 2.0,
                quick: 0.5,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SIZE.parameter(),
            RANK.parameter(),
            SHARE.parameter(),
            WIDTHS.parameter(),
            STEPS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let (rank, widths) = (setup.get(RANK), setup.get(WIDTHS));
        let narrow = widths.iter().rposition(|width| (*width as usize) < rank);
        let exact = widths.iter().position(|width| *width as usize == rank);
        let (Some(narrow), Some(exact), true) = (narrow, exact, widths.is_sorted()) else {
            return Err(ExperimentError::because(format!(
                "widths must ascend, begin below rank = {rank} and have it among them"
            )));
        };
        if exact + 1 == widths.len() {
            return Err(ExperimentError::because("widths must go beyond the rank"));
        }
        let runs = setup.over_seeds(|streams| run(setup, streams))?;
        Ok(Findings::new()
            .claims(claims(rank, &widths, [narrow, exact], &runs))
            .figure("widths", figure(rank, &widths, &runs)))
    }
}

/// What one seed gives for each width.
#[derive(Default)]
struct Run {
    misfits: Vec<f64>,
    errors: Vec<f64>,
    /// The nuclear norm over the least.
    nuclear: Vec<f64>,
    /// The first singular value beyond the width, as a share of the largest.
    beyond: Vec<f64>,
}

fn run(setup: &Setup, streams: Streams) -> Result<Run, ExperimentError> {
    let (size, rank) = (setup.get(SIZE), setup.get(RANK));
    if rank >= size {
        return Err(ExperimentError::because("rank must be less than size"));
    }
    let problem = Completion::low_rank(
        &mut streams.stream("matrix", 0),
        size,
        rank,
        setup.get(SHARE),
    );
    let least = least_nuclear_norm(&problem, (2000, 1e-5))?.norm;
    let mut run = Run::default();
    for width in setup.get(WIDTHS) {
        setup.go_on()?;
        let width = width as usize;
        let mut factors = Factors::gaussian(
            &mut streams.stream("factors", width as u64),
            size,
            width,
            START,
        );
        factors.descend(&problem, Step::Constant(STEP), (setup.get(STEPS), 1e-5));
        let product = factors.product();
        let values = dense::singular_values(product.as_ref())?;
        run.misfits.push(problem.misfit(product.as_ref()));
        run.errors.push(problem.error(product.as_ref()));
        run.nuclear.push(nuclear_norm(product.as_ref())? / least);
        run.beyond
            .push(values.get(width).map_or(0.0, |value| value / values[0]));
    }
    Ok(run)
}

fn claims(rank: usize, widths: &[f64], [narrow, exact]: [usize; 2], runs: &[Run]) -> Vec<Claim> {
    let values = |get: &dyn Fn(&Run) -> f64| runs.iter().map(get).collect::<Vec<_>>();
    let last = widths.len() - 1;
    let id = "inductive-bias N6";
    vec![
        Claim::printed(
            id,
            format!(
                "d < k: factors of {} columns find no matrix of rank {rank}: the misfit stays above 5 %.",
                widths[narrow]
            ),
            Rule::Above(0.05),
            Estimate::mean(&values(&|run| run.misfits[narrow])),
        ),
        Claim::printed(
            id,
            "Whatever the width, the rank of the product is no larger: the next singular value is below 1e-12 of the \
             largest.",
            Rule::Below(1e-12),
            Estimate::mean(&values(&|run| {
                run.beyond.iter().copied().fold(0.0, f64::max)
            })),
        ),
        Claim::printed(
            id,
            format!(
                "d > k: with {} columns, the nuclear norm ends within 2 % of the least.",
                widths[last]
            ),
            Rule::Below(1.02),
            Estimate::mean(&values(&|run| run.nuclear[last])),
        ),
        Claim::printed(
            id,
            format!(
                "d > k: with {} columns they fit: the misfit is below 1 %.",
                widths[last]
            ),
            Rule::Below(0.01),
            Estimate::mean(&values(&|run| run.misfits[last])),
        ),
        Claim::printed(
            id,
            format!(
                "The error on the unknown entries with {} columns is more than 0.1 below that with {}.",
                widths[last], widths[narrow]
            ),
            Rule::Above(0.1),
            Estimate::median(&values(&|run| run.errors[narrow] - run.errors[last])),
        ),
        Claim::must_hold(
            id,
            format!(
                "Width does little harm: the error on the unknown entries with {} columns is no more than 0.05 above that \
                 with {rank}, the rank.",
                widths[last]
            ),
            Rule::Below(0.05),
            Estimate::difference(
                &values(&|run| run.errors[exact]),
                &values(&|run| run.errors[last]),
            ),
        ),
    ]
}

fn figure(rank: usize, widths: &[f64], runs: &[Run]) -> Figure {
    let panel = |y: Axis| Panel::new(Axis::counting("columns of the factors").log(), y);
    let line = |label: &str, get: fn(&Run) -> &Vec<f64>| {
        line_of_means(label, widths, |place| {
            runs.iter().map(|run| get(run)[place]).collect()
        })
    };
    let errors = panel(Axis::new("error", "norm of the entries").log())
        .with(line("known entries", |run| &run.misfits))
        .with(line("unknown entries", |run| &run.errors))
        .with(Level::upright("rank", rank as f64));
    let norms = panel(
        Axis::new("nuclear norm", "the least")
            .linear()
            .including(0.0),
    )
    .with(line("nuclear norm", |run| &run.nuclear))
    .with(Level::upright("rank", rank as f64));
    Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("Completion by factors of several widths")
    }
    .with(errors)
    .with(norms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::Mat;

    #[test]
    fn narrow_factors_find_the_best_matrix_of_their_rank() {
        // All entries known, diag(3, 1) by one column: what is left is the second singular value.
        let truth = Mat::from_fn(2, 2, |i, j| if i == j { 3.0 - 2.0 * i as f64 } else { 0.0 });
        let problem = Completion {
            truth,
            mask: Mat::from_fn(2, 2, |_, _| 1.0),
        };
        let mut factors = Factors::gaussian(&mut Streams::new(0).stream("test", 0), 2, 1, 0.1);
        factors.descend(&problem, Step::Constant(0.1), (2000, 0.0));
        assert!((problem.misfit(factors.product().as_ref()) - 0.1f64.sqrt()).abs() < 1e-9);
    }
}
