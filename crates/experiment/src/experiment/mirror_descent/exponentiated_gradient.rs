//! Exponentiated gradient prefers sparse weights where there is a choice, and where its start is small.

use crate::experiment::lines::tested;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Rule as Level};
use crate::problem::mirror::{self, Regression, exponentiated_gradient, projected_gradient};
use crate::problem::{dense, draw};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule, mean};
use faer::{Col, Scale};

const ROWS: Count =
    Count::new("rows", "rows of the problem as it is printed", 50).allowed(21.0, 500.0);
const FEATURES: Count =
    Count::new("features", "weights of the problem as it is printed", 20).allowed(2.0, 20.0);
const NOISE: Number =
    Number::new("noise", "standard deviation of its targets' noise", 0.1).allowed(0.0, 10.0);
const SAMPLES: Count =
    Count::new("samples", "rows of the problem with a choice", 20).allowed(5.0, 25.0);
const WIDE: Count =
    Count::new("wide", "weights of the problem with a choice", 60).allowed(55.0, 200.0);
const SUPPORT: Count =
    Count::new("support", "weights of its truth that are not zero", 4).allowed(1.0, 20.0);
const STARTS: Numbers = Numbers::new(
    "starts",
    "weights at the start, descending",
    &[1.0, 0.1, 1e-2, 1e-4, 1e-8],
)
.quick(&[1.0, 1e-2, 1e-8])
.allowed(1e-12, 10.0);
const STEPS: Count = Count::new("steps", "the most steps", 10_000)
    .quick(4_000)
    .allowed(100.0, 1e6);

/// Weights that count as zero, as the source has it.
const ZERO: f64 = 0.01;

/// See the file.
#[derive(Debug)]
pub struct ExponentiatedGradient;

impl Experiment for ExponentiatedGradient {
    fn about(&self) -> About {
        About {
            name: "exponentiated-gradient",
            subject: Subject::MirrorDescent,
            claim: "Mirror descent with the entropy (exponentiated gradient) ends at sparser weights than projected \
                    gradient descent.",
            source: "Implicit Bias, Flat vs Sharp Minima, and Generalization (course text), exercise C.15; after Kivinen \
                     & Warmuth, Exponentiated gradient versus gradient descent for linear predictors (1997)",
            mathematics: "Exponentiated gradient, w ← w exp(−η∇L), is mirror descent with Σ w log w − w, so that log w − \
                          log w₀ stays in the row space of X and the end is the interpolant nearest to the start in \
                          relative entropy; from a small start w₀ = ε that is nearly the one of least Σw, the vertex of \
                          a linear program. All this needs several interpolants. With more rows than weights, as in the \
                          printed exercise, the least squares over w ≥ 0 are unique, and both methods end there; and \
                          where each step is normalised to Σw = 1, the sum says nothing and the fit is lost.",
            refuted_by: "A sum of weights that does not approach the one of the linear program as the start goes to zero.",
            seeds: Extent { full: 15, quick: 8 },
            seconds: Extent {
                full: 1.2,
                quick: 0.2,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            ROWS.parameter(),
            FEATURES.parameter(),
            NOISE.parameter(),
            SAMPLES.parameter(),
            WIDE.parameter(),
            SUPPORT.parameter(),
            STARTS.parameter(),
            STEPS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let printed = setup.over_seeds(|streams| Ok(as_printed(setup, streams)))?;
        let wide = setup.over_seeds(|streams| with_a_choice(setup, streams))?;
        Ok(Findings::new()
            .claims(claims_as_printed(setup, &printed))
            .claims(claims_with_a_choice(setup, &wide))
            .figure("sums", figure(&setup.get(STARTS), &wide)))
    }
}

/// What one seed gives for the problem as it is printed.
struct AsPrinted {
    /// The loss of normalised exponentiated gradient over that of projected gradient descent.
    losses: f64,
    /// By how many weights that are not zero exponentiated gradient has fewer.
    fewer: f64,
    /// Its Σw over that of projected gradient descent.
    sums: f64,
    /// The distance between both ends, as a share.
    apart: f64,
}

fn as_printed(setup: &Setup, streams: Streams) -> AsPrinted {
    let mut rng = streams.stream("printed", 0);
    let truth = mirror::map(
        draw::normals(&mut rng, setup.get(FEATURES)).as_ref(),
        f64::abs,
    );
    let mut problem = Regression::gaussian(&mut rng, setup.get(ROWS), &truth);
    problem.y += draw::normals(&mut rng, setup.get(ROWS)) * Scale(setup.get(NOISE));
    let limits = (setup.get(STEPS).min(3000), 0.0);
    let projected = projected_gradient(&problem, limits);
    let free = exponentiated_gradient(&problem, 1.0, limits);
    let normalised = normalised(&problem, limits.0);
    let loss = |w: &Col<f64>| problem.residual(w.as_ref()).squared_norm_l2();
    let count = |w: &Col<f64>| {
        dense::numbers(w.as_ref())
            .iter()
            .filter(|w| **w > ZERO)
            .count() as f64
    };
    AsPrinted {
        losses: loss(&normalised) / loss(&projected),
        fewer: count(&projected) - count(&free),
        sums: free.norm_l1() / projected.norm_l1(),
        apart: (&free - &projected).norm_l2() / projected.norm_l2(),
    }
}

/// Exponentiated gradient on the simplex, from its middle.
fn normalised(problem: &Regression, steps: usize) -> Col<f64> {
    let features = problem.x.ncols();
    // The smoothness of the loss in ‖·‖₁, for which this step descends (Beck & Teboulle 2003).
    let step = 1.0 / (problem.x.transpose() * &problem.x).norm_max();
    let mut w = Col::from_fn(features, |_| 1.0 / features as f64);
    for _ in 0..steps {
        let gradient = problem.gradient(w.as_ref());
        let least = dense::numbers(gradient.as_ref())
            .into_iter()
            .fold(f64::INFINITY, f64::min);
        let moved = Col::from_fn(features, |i| w[i] * (-step * (gradient[i] - least)).exp());
        let sum = moved.norm_l1();
        w = moved * Scale(1.0 / sum);
    }
    w
}

/// What one seed gives for the problem with a choice.
struct Wide {
    /// Σw over the least one, for each start.
    sums: Vec<f64>,
    /// The same of projected gradient descent.
    projected: f64,
    /// How much of log w − log w₀ is outside the row space, the largest share of the starts.
    outside: f64,
    /// The largest misfit at the ends.
    misfit: f64,
}

fn with_a_choice(setup: &Setup, streams: Streams) -> Result<Wide, ExperimentError> {
    let mut rng = streams.stream("wide", 0);
    let truth = mirror::sparse(&mut rng, setup.get(WIDE), setup.get(SUPPORT), false);
    let problem = Regression::gaussian(&mut rng, setup.get(SAMPLES), &truth);
    let least = mirror::least_absolute(&problem, true)?.norm_l1();
    let limits = (setup.get(STEPS), 1e-7);
    let projected = projected_gradient(&problem, limits);
    let mut wide = Wide {
        sums: Vec::new(),
        projected: projected.norm_l1() / least,
        outside: 0.0,
        misfit: problem.misfit(projected.as_ref()),
    };
    for start in setup.get(STARTS) {
        setup.go_on()?;
        let end = exponentiated_gradient(&problem, start, limits);
        let moved = mirror::map(end.as_ref(), |w| w.ln() - start.ln());
        let outside = dense::outside_the_row_space(problem.x.as_ref(), moved.as_ref())?;
        wide.outside = wide.outside.max(outside.norm_l2() / moved.norm_l2());
        wide.misfit = wide.misfit.max(problem.misfit(end.as_ref()));
        wide.sums.push(end.norm_l1() / least);
    }
    Ok(wide)
}

fn claims_as_printed(setup: &Setup, runs: &[AsPrinted]) -> Vec<Claim> {
    let of = |get: fn(&AsPrinted) -> f64| runs.iter().map(get).collect::<Vec<_>>();
    let size = format!(
        "{} rows and {} weights",
        setup.get(ROWS),
        setup.get(FEATURES)
    );
    vec![
        Claim::printed(
            "flat-vs-sharp C.15",
            format!(
                "On {size}, normalised exponentiated gradient fits about as well as projected gradient descent: its \
                     loss is at most twice as large."
            ),
            Rule::Below(2.0),
            Estimate::median(&of(|run| run.losses)),
        ),
        Claim::printed(
            "flat-vs-sharp C.15",
            format!(
                "On {size}, exponentiated gradient without normalisation has at least one weight above {ZERO} less \
                     than projected gradient descent."
            ),
            Rule::Above(0.5),
            Estimate::mean(&of(|run| run.fewer)),
        ),
        Claim::printed(
            "flat-vs-sharp C.15",
            format!(
                "On {size}, its Σw is at most three quarters of that of projected gradient descent."
            ),
            Rule::Below(0.75),
            Estimate::mean(&of(|run| run.sums)),
        ),
        Claim::corrected(
            "flat-vs-sharp C.15",
            format!(
                "On {size} there is one solution, and both end there: within 1e-3 of its norm."
            ),
            Rule::Below(1e-3),
            Estimate::mean(&of(|run| run.apart)),
        ),
    ]
}

fn claims_with_a_choice(setup: &Setup, runs: &[Wide]) -> Vec<Claim> {
    let of = |get: &dyn Fn(&Wide) -> f64| Estimate::mean(&runs.iter().map(get).collect::<Vec<_>>());
    let size = format!(
        "{} rows and {} weights",
        setup.get(SAMPLES),
        setup.get(WIDE)
    );
    let starts = setup.get(STARTS);
    let (Some(first), Some(last)) = (starts.first(), starts.last()) else {
        return Vec::new();
    };
    let arms: Vec<Vec<f64>> = (0..starts.len())
        .rev()
        .map(|place| runs.iter().map(|run| run.sums[place]).collect())
        .collect();
    vec![
        Claim::corrected(
            "flat-vs-sharp C.15",
            format!(
                "On {size}, exponentiated gradient from {last:e} ends within 1 % of the least Σw of all interpolants."
            ),
            Rule::Below(1.01),
            of(&|run| run.sums[starts.len() - 1]),
        ),
        Claim::corrected(
            "flat-vs-sharp C.15",
            format!(
                "On {size}, the Σw of the end falls with the start, from each to the next of {}.",
                tested(&starts)
            ),
            Rule::Above(0.0),
            Estimate::smallest_step(&arms),
        ),
        Claim::corrected(
            "flat-vs-sharp C.15",
            "log w − log w₀ stays in the row space: the part outside is below 1e-9 of it.",
            Rule::Below(1e-9),
            of(&|run| run.outside),
        ),
        Claim::must_hold(
            "flat-vs-sharp C.15",
            format!(
                "The geometry alone is not enough: from {first} it ends more than twice above the least Σw."
            ),
            Rule::Above(2.0),
            of(&|run| run.sums[0]),
        ),
        Claim::must_hold(
            "flat-vs-sharp C.15",
            format!(
                "On {size}, projected gradient descent ends more than 10 % above the least Σw."
            ),
            Rule::Above(1.1),
            of(&|run| run.projected),
        ),
        Claim::must_hold(
            "flat-vs-sharp C.15",
            "All of these fit: the largest misfit is below 1 % of the targets.",
            Rule::Below(0.01),
            of(&|run| run.misfit),
        ),
    ]
}

fn figure(starts: &[f64], runs: &[Wide]) -> Figure {
    let at = |place: usize| runs.iter().map(|run| run.sums[place]).collect::<Vec<_>>();
    let of = |get: &dyn Fn(&[f64]) -> f64| {
        (0..starts.len())
            .map(|place| get(&at(place)))
            .collect::<Vec<f64>>()
    };
    let projected = mean(&runs.iter().map(|run| run.projected).collect::<Vec<_>>());
    let panel = Panel::new(
        Axis::new("weights at the start", "1").log(),
        Axis::new("Σw at the end over the least", "1").log(),
    )
    .with(
        Line::new("exponentiated gradient", starts.to_vec(), of(&mean))
            .with_markers()
            .with_band(
                of(&|values| values.iter().copied().fold(f64::INFINITY, f64::min)),
                of(&|values| values.iter().copied().fold(0.0, f64::max)),
                format!("smallest to largest of {} seeds", runs.len()),
            ),
    )
    .with(Level::level("projected gradient, mean", projected));
    Figure::new("Sum of the weights, with fewer rows than weights").with(panel)
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::Mat;

    #[test]
    fn one_row_is_solved_by_one_exponential() {
        // x = (1, 2), y = 3 from 1: w = (s, s²) with s + 2s² = 3, so s = 1; from ε: ε·(s, s²).
        let problem = Regression {
            x: Mat::from_fn(1, 2, |_, j| 1.0 + j as f64),
            y: dense::column(&[3.0]),
        };
        let found = exponentiated_gradient(&problem, 0.1, (100_000, 1e-13));
        // s + 2s² = 30
        let s = (-1.0 + 241f64.sqrt()) / 4.0;
        assert!((found[0] - 0.1 * s).abs() < 1e-11 && (found[1] - 0.1 * s * s).abs() < 1e-11);
    }

    #[test]
    fn normalised_weights_sum_to_one_and_fit_what_the_simplex_can() {
        let problem = Regression {
            x: dense::scaled_identity(2, 1.0),
            y: dense::column(&[0.3, 0.7]),
        };
        let found = normalised(&problem, 5000);
        assert!((found[0] - 0.3).abs() < 1e-9 && (found.norm_l1() - 1.0).abs() < 1e-14);
    }
}
