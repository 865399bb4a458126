//! Steepest descent on exponential losses goes to the largest margin in its own norm; and the steps of the proof.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Rule as Level, Width};
use crate::problem::dense;
use crate::problem::separable::{self, Loss, Norm, Points};
use crate::problem::vector::{add, inner};
use crate::random::Streams;
use crate::statistics::estimate::median;
use crate::statistics::{Estimate, Rule};
use crate::table::{Cell, Column, Table};
use faer::Mat;

/// See [`Experiment::about`].
#[derive(Debug)]
pub struct MarginsOfSteepestDescent;

const SAMPLES: Count = Count::new("samples", "points", 30).allowed(2.0, 200.0);
const DIMENSION: Count = Count::new("dimension", "length of the points", 8).allowed(2.0, 30.0);
const GAP: Number = Number::new(
    "gap",
    "least distance of a point from the plane of the labels",
    0.3,
)
.allowed(0.05, 1.0);
const STEPS: Count = Count::new("steps", "steps of descent", 40_000)
    .quick(25_000)
    .allowed(1e3, 1e6);

const NORMS: [(Norm, &str); 3] = [(Norm::One, "ℓ₁"), (Norm::Two, "ℓ₂"), (Norm::Infinity, "ℓ∞")];
/// Looks at descent for each factor of ten in the number of steps.
const LOOKS: f64 = 6.0;

fn places(steps: usize) -> Vec<usize> {
    let all = (0..).map(|k| 10f64.powf(f64::from(k) / LOOKS).round() as usize);
    let mut places: Vec<usize> = all.take_while(|place| *place <= steps).collect();
    places.dedup();
    places
}

/// Shares of the largest margin in each of the norms, at the places, of descent in one of them.
fn descend(
    setup: &Setup,
    points: &Points,
    largest: &[f64; 3],
    norm: Norm,
) -> Result<Vec<[f64; 3]>, ExperimentError> {
    // The bound 1/(B²L) itself.
    let scale = points.radius(norm.dual()).powi(-2);
    let places = places(setup.get(STEPS));
    let mut w = vec![0.0; points.dimension()];
    let mut shares = Vec::with_capacity(places.len());
    for step in 0..setup.get(STEPS) {
        separable::step(points, Loss::Exponential, norm, scale, &mut w);
        if places.binary_search(&(step + 1)).is_ok() {
            shares.push(shares_of(points, largest, &w));
        }
        if step.is_multiple_of(16_384) {
            setup.go_on()?;
        }
    }
    Ok(shares)
}

fn shares_of(points: &Points, largest: &[f64; 3], w: &[f64]) -> [f64; 3] {
    let margin = points.least_margin(w);
    [0, 1, 2].map(|which| margin / NORMS[which].0.of(w) / largest[which])
}

/// Coordinate descent with the step that makes the loss least along the coordinate, as AdaBoost does; the share of the
/// largest ℓ₁ margin at the end.
fn exact_line_search(setup: &Setup, points: &Points, largest: f64) -> Result<f64, ExperimentError> {
    let mut w = vec![0.0; points.dimension()];
    for step in 0..setup.get(STEPS) / 20 {
        let margins = points.margins(&w);
        let gradient = points.mix(&Loss::Exponential.pull(&margins).weights);
        let moved = Norm::One.steepest(&gradient);
        let Some(j) = moved.iter().position(|x| *x != 0.0) else {
            break;
        };
        let column: Vec<f64> = points.rows().map(|row| row[j]).collect();
        if column.iter().all(|x| *x >= 0.0) || column.iter().all(|x| *x <= 0.0) {
            // This coordinate alone separates, and the loss along it has no smallest value.
            return Ok(f64::NAN);
        }
        w[j] += along(&margins, &column);
        if step.is_multiple_of(4_096) {
            setup.go_on()?;
        }
    }
    Ok(points.least_margin(&w) / Norm::One.of(&w) / largest)
}

/// Where Σ exp(−m − s x) has no slope: by bisection, as its slope rises with s.
fn along(margins: &[f64], column: &[f64]) -> f64 {
    let slope = |s: f64| {
        let moved: Vec<f64> = margins.iter().zip(column).map(|(m, x)| m + s * x).collect();
        -inner(&Loss::Exponential.pull(&moved).weights, column)
    };
    let mut reach = 1.0;
    while slope(reach) < 0.0 || slope(-reach) > 0.0 {
        reach *= 2.0;
    }
    let (mut low, mut high) = (-reach, reach);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if slope(middle) < 0.0 {
            low = middle
        } else {
            high = middle
        }
    }
    0.5 * (low + high)
}

/// What the steps of the proof leave over along a descent with a step that keeps its size; all are zero or more if the
/// steps are right, and relative to what they bound.
#[derive(Clone, Copy, Debug)]
struct Slack {
    /// ‖∇L‖₊ over γL, minus 1.
    domination: f64,
    /// How much log L falls in a step, the least.
    fall: f64,
    /// B²L over the largest eigenvalue of the Hessian, minus 1; of Euclid's norm only.
    curvature: f64,
    /// The smallest margin minus its bound (8.31).
    margin: f64,
    /// The bound (8.32) minus the norm of w.
    norm: f64,
    /// 2L(0) minus Σ η‖∇L‖₊², over 2L(0).
    squares: f64,
    /// How much Σ η‖∇L‖₊ grows with each factor of ten in the steps, over the decade before.
    sums: f64,
}

fn slack(
    points: &Points,
    norm: Norm,
    largest: f64,
    steps: usize,
) -> Result<Slack, ExperimentError> {
    let dual = norm.dual();
    let radius = points.radius(dual).powi(2);
    // At zero each loss is 1.
    let eta = 1.0 / (radius * points.count() as f64);
    let mut w = vec![0.0; points.dimension()];
    let mut slack = Slack {
        curvature: f64::INFINITY,
        ..Slack::most()
    };
    let (mut squares, mut sum, mut bound) = (0.0, 0.0, -(points.count() as f64).ln());
    let mut decades = Vec::new();
    let mut last = f64::INFINITY;
    for step in 0..=steps {
        let pull = Loss::Exponential.pull(&points.margins(&w));
        let loss = pull.log_loss.exp();
        let gradient: Vec<f64> = points
            .mix(&pull.weights)
            .iter()
            .map(|x| -x * loss)
            .collect();
        let size = dual.of(&gradient);
        slack.domination = slack.domination.min(size / (largest * loss) - 1.0);
        slack.fall = slack.fall.min(last - pull.log_loss);
        slack.margin = slack.margin.min(points.least_margin(&w) - bound);
        slack.norm = slack.norm.min(sum - norm.of(&w) + 1e-12);
        if norm == Norm::Two && step.is_multiple_of(steps / 50 + 1) {
            let top = top_eigenvalue(points, &pull.weights)?;
            slack.curvature = slack.curvature.min(radius / top - 1.0);
        }
        if step > 0 && 10f64.powi((step as f64).log10().round() as i32) as usize == step {
            decades.push(sum);
        }
        last = pull.log_loss;
        add(&mut w, eta, &norm.steepest(&gradient));
        squares += eta * size * size;
        sum += eta * size;
        bound += eta * size * size / loss - eta * eta * radius * size * size / 2.0;
    }
    slack.squares = 1.0 - squares / (2.0 * points.count() as f64);
    slack.sums = match decades[..] {
        [.., a, b, c] => (c - b) / (b - a),
        _ => f64::NAN,
    };
    Ok(slack)
}

impl Slack {
    fn most() -> Self {
        let most = f64::INFINITY;
        Self {
            domination: most,
            fall: most,
            curvature: most,
            margin: most,
            norm: most,
            squares: most,
            sums: most,
        }
    }
}

/// Of Σ pᵢ xᵢxᵢᵀ, which is the Hessian over the loss.
fn top_eigenvalue(points: &Points, weights: &[f64]) -> Result<f64, ExperimentError> {
    let d = points.dimension();
    let hessian = Mat::from_fn(d, d, |a, b| {
        points
            .rows()
            .zip(weights)
            .map(|(x, p)| p * x[a] * x[b])
            .sum()
    });
    Ok(dense::eigenvalues(hessian.as_ref())?[d - 1])
}

/// What one seed gives.
struct Drawn {
    /// By the norm of descent: shares of the largest margins in all norms at the places.
    shares: Vec<Vec<[f64; 3]>>,
    /// Of AdaBoost at its end; NaN where one coordinate separates.
    adaboost: f64,
    slacks: Vec<Slack>,
}

fn draw_one(setup: &Setup, streams: Streams) -> Result<Drawn, ExperimentError> {
    let mut rng = streams.stream("data", 0);
    let points = separable::with_teacher(
        &mut rng,
        setup.get(SAMPLES),
        setup.get(DIMENSION),
        setup.get(GAP),
    );
    let best = |norm: Norm| -> Result<f64, ExperimentError> {
        Ok(match norm {
            Norm::Two => separable::hard_margin(&points)?.margin,
            _ => 1.0 / norm.of(&separable::least_norm_separator(&points, norm)?),
        })
    };
    let largest = [best(Norm::One)?, best(Norm::Two)?, best(Norm::Infinity)?];
    let mut drawn = Drawn {
        shares: Vec::new(),
        adaboost: exact_line_search(setup, &points, largest[0])?,
        slacks: Vec::new(),
    };
    for (which, (norm, _)) in NORMS.into_iter().enumerate() {
        drawn.shares.push(descend(setup, &points, &largest, norm)?);
        drawn
            .slacks
            .push(slack(&points, norm, largest[which], setup.get(STEPS) / 4)?);
    }
    Ok(drawn)
}

fn end(shares: &[[f64; 3]]) -> [f64; 3] {
    shares.last().copied().unwrap_or([f64::NAN; 3])
}

impl Experiment for MarginsOfSteepestDescent {
    fn about(&self) -> About {
        About {
            name: "margins-of-steepest-descent",
            subject: Subject::Margins,
            claim: "Steepest descent in a norm, on exponential losses of separable data, goes to the largest margin in that norm.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 8.3.2, Theorem 8.3.2 and Propositions 8.3.3 and 8.3.4; Gunasekar \
                     et al. 2018, \"Characterizing implicit bias in terms of optimization geometry\"",
            mathematics: "The margin of w in a norm is min x·w/‖w‖, and its largest value γ comes from a quadratic programme \
                (ℓ₂) or a linear one (ℓ₁, ℓ∞). Descent takes the steps η Δ with Δ = argmin ⟨∇L, v⟩ + ½‖v‖² and η up to 1/(B²L), where B is the \
                largest dual norm of a point: greedy coordinate descent in ℓ₁, gradient descent in ℓ₂, sign descent in ℓ∞. \
                Here η = 1/(B²L), so that no step is larger than the bound. The proof needs ‖∇L‖₊ ≥ γL, a loss that falls, vᵀ∇²L v ≤ B²L‖v‖², Σ η‖∇L‖₊² ≤ 2L(0), an endless sum \
                Σ η‖∇L‖₊, and two bounds: min x·w ≥ Σ η‖∇L‖₊²/L − ½Σ η²B²‖∇L‖₊² − log L(0) and ‖w‖ ≤ Σ η‖∇L‖₊. They are checked with the \
                constant step 1/(B²L(0)). With the step that makes the loss least along a coordinate, descent in ℓ₁ is AdaBoost, whose step \
                sizes have no bound.",
            refuted_by: "A margin that stays below the largest in the norm of descent, or a step of the proof that does not hold.",
            seeds: Extent { full: 20, quick: 8 },
            seconds: Extent {
                full: 1.5,
                quick: 0.5,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            DIMENSION.parameter(),
            GAP.parameter(),
            STEPS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let all = setup.over_seeds(|streams| draw_one(setup, streams))?;
        let steps = setup.get(STEPS);
        let own = NORMS.iter().enumerate().map(|(which, (_, name))| {
            let shares: Vec<f64> = all.iter().map(|drawn| end(&drawn.shares[which])[which]).collect();
            Claim::printed(
                "theory 8-12",
                format!("After {steps} steps in {name} the margin in {name} is 99 % of the largest or more (share)"),
                Rule::Above(0.99),
                Estimate::median(&shares),
            )
        });
        let others = [(0, 2), (2, 0)].map(|(descent, measured)| {
            let shares: Vec<f64> = all.iter().map(|drawn| end(&drawn.shares[descent])[measured]).collect();
            Claim::must_hold(
                "theory 8-12",
                format!("After {steps} steps in {} the margin in {} is below 99 % of the largest (share)", NORMS[descent].1, NORMS[measured].1),
                Rule::Below(0.99),
                Estimate::median(&shares),
            )
        });
        let boosted: Vec<f64> = all
            .iter()
            .map(|drawn| drawn.adaboost)
            .filter(|share| !share.is_nan())
            .collect();
        let boosting = Claim::printed(
            "theory 8-12",
            "With the exact step along each coordinate the ℓ₁ margin can stay below 99 % of the largest: in one data set of twenty or more (share of data sets)",
            Rule::Above(0.05),
            Estimate::proportion(
                boosted.iter().filter(|share| **share < 0.99).count(),
                boosted.len(),
            ),
        );
        let findings = Findings::new().claims(own).claims(others).claim(boosting);
        Ok(findings
            .claims(proof(&all, steps / 4))
            .table("shares", table(&all))
            .figure("margins", figure(&all, steps)))
    }
}

/// The steps of the proof as claims.
fn proof(all: &[Drawn], steps: usize) -> [Claim; 7] {
    let least = |of: fn(&Slack) -> f64| {
        let values = all.iter().flat_map(|drawn| drawn.slacks.iter().map(of));
        values.fold(f64::INFINITY, f64::min)
    };
    let id = "theory 8-13";
    let never = |text: &str, value: f64| {
        let text = format!("In {steps} steps of constant size {text}");
        Claim::printed(id, text, Rule::Above(-1e-9), Estimate::exact(value, 1e-10))
    };
    let sums: Vec<f64> = all.iter().map(|drawn| drawn.slacks[1].sums).collect();
    [
        never(
            "‖∇L‖₊ never is below γL (least of the ratio minus 1)",
            least(|slack| slack.domination),
        ),
        never(
            "the loss never rises (least fall of its logarithm)",
            least(|slack| slack.fall),
        ),
        never(
            "the largest eigenvalue of the Hessian never is above B²L in ℓ₂ (least of the ratio minus 1)",
            least(|slack| slack.curvature),
        ),
        never(
            "the smallest margin never is below its bound (least difference)",
            least(|slack| slack.margin),
        ),
        never(
            "‖w‖ never is above Σ η‖∇L‖₊ (least difference)",
            least(|slack| slack.norm),
        ),
        never(
            "Σ η‖∇L‖₊² never is above 2L(0) (least of what is left)",
            least(|slack| slack.squares),
        ),
        Claim::printed(
            id,
            "Σ η‖∇L‖₊ has no limit: in ℓ₂ it grows as much in a factor of ten in the steps as in the one before, or nearly (ratio)",
            Rule::Above(0.7),
            Estimate::median(&sums),
        ),
    ]
}

fn table(all: &[Drawn]) -> Table {
    let columns = [Column::text("descent in")].into_iter();
    let columns =
        columns.chain(NORMS.map(|(_, name)| Column::number(format!("share of the {name} margin"))));
    let rows = NORMS.iter().enumerate().map(|(descent, (_, name))| {
        let middle = |which: usize| -> Cell {
            median(
                &all.iter()
                    .map(|drawn| end(&drawn.shares[descent])[which])
                    .collect::<Vec<_>>(),
            )
            .into()
        };
        [Cell::from(*name)]
            .into_iter()
            .chain([0, 1, 2].map(middle))
            .collect()
    });
    Table::new(columns)
        .captioned("Medians over seeds at the end")
        .with_rows(rows)
}

fn figure(all: &[Drawn], steps: usize) -> Figure {
    let mut figure = Figure::new("Margins of steepest descent in three norms");
    let x: Vec<f64> = places(steps)
        .into_iter()
        .map(|place| place as f64)
        .collect();
    for (measured, (_, name)) in NORMS.iter().enumerate() {
        let y = Axis::new("share of the largest", "1").over([0.0, 1.05]);
        let mut panel =
            Panel::new(Axis::counting("steps").log(), y).titled(format!("{name} margin"));
        for (descent, (_, name)) in NORMS.iter().enumerate() {
            let rows = (0..x.len()).map(|place| {
                let values = all
                    .iter()
                    .map(|drawn| drawn.shares[descent][place][measured]);
                let mut values: Vec<f64> = values.collect();
                values.sort_by(f64::total_cmp);
                [values[0], median(&values), values[values.len() - 1]]
            });
            let rows: Vec<[f64; 3]> = rows.collect();
            let column = |which: usize| rows.iter().map(|row| row[which]).collect::<Vec<f64>>();
            let meaning = format!("smallest to largest of {} seeds", all.len());
            let line = Line::new(format!("descent in {name}"), x.clone(), column(1));
            panel = panel.with(line.with_band(column(0), column(2), meaning));
        }
        figure = figure.with(panel.with(Level::level("largest", 1.0)));
    }
    figure.columns = 3;
    figure.width = Width::Page;
    figure
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn descent_on_two_points_reaches_the_margins_of_paper_and_pencil() {
        // (1, 0) and (0, 2): the largest margins are 2/3, 2/√5 and 1.
        let points = Points::new(&[vec![1.0, 0.0], vec![0.0, 2.0]]);
        let largest = [2.0 / 3.0, 2.0 / 5f64.sqrt(), 1.0];
        let stop = AtomicBool::new(false);
        let setup = Setup::new(BTreeMap::new(), Vec::new(), true, &stop);
        for (which, (norm, name)) in NORMS.into_iter().enumerate() {
            let shares = descend(&setup, &points, &largest, norm).unwrap();
            // What is missing falls with every factor of ten in the steps.
            let decades =
                [2, 3, 4].map(|power| shares[places(10usize.pow(power)).len() - 1][which]);
            assert!(
                decades.windows(2).all(|pair| pair[0] <= pair[1] + 1e-12),
                "{name} {decades:?}"
            );
            let share = end(&shares)[which];
            assert!(share > 0.98 && share < 1.0 + 1e-9, "{name} {share}");
        }
    }

    #[test]
    fn a_line_search_ends_where_the_slope_is_zero() {
        // exp(−s) + exp(2s) has its smallest value at s = −log(2)/3.
        assert!((along(&[0.0, 0.0], &[1.0, -2.0]) + 2f64.ln() / 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_wrong_margin_shows_in_the_slack() {
        let points = Points::new(&[vec![1.0, 0.0], vec![0.0, 2.0]]);
        let right = slack(&points, Norm::Two, 2.0 / 5f64.sqrt(), 2_000).unwrap();
        assert!(
            right.domination > -1e-12 && right.domination < 0.1,
            "{right:?}"
        );
        assert!(slack(&points, Norm::Two, 1.0, 2_000).unwrap().domination < -0.01);
    }
}
