//! Gradient descent on separable data goes to the hard margin, from wherever it starts, and only as 1/log t.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Width};
use crate::problem::separable::{self, HardMargin, Loss, Norm, Points, angle};
use crate::problem::vector::add;
use crate::problem::{dense, draw};
use crate::random::Streams;
use crate::statistics::estimate::median;
use crate::statistics::{Estimate, Rule};
use crate::table::{Cell, Column, Table};
use faer::{Col, Mat};

/// See [`Experiment::about`].
#[derive(Debug)]
pub struct DescentToTheHardMargin;

const SAMPLES: Count = Count::new("samples", "points", 20).allowed(2.0, 1e3);
const DIMENSION: Count = Count::new("dimension", "length of the points", 4).allowed(2.0, 50.0);
const GAP: Number = Number::new(
    "gap",
    "least distance of a point from the plane of the labels",
    0.3,
)
.allowed(0.05, 1.0);
const LOG_TIME: Number = Number::new(
    "log-time",
    "logarithm of the time at which descent ends",
    600.0,
)
.quick(300.0)
.allowed(50.0, 5e3);
const CONSTANT: Count = Count::new(
    "constant-steps",
    "steps of descent with a constant step",
    100_000,
)
.quick(20_000)
.allowed(1e3, 1e7);
const FAR: Number =
    Number::new("far", "length of the start that is far from zero", 30.0).allowed(0.1, 1e3);

/// How descent goes: its name, the length of its start, and the share of the largest allowed step.
const ARMS: [(&str, bool, f64); 3] = [
    ("from zero", false, 1.0),
    ("from zero, quarter steps", false, 0.25),
    ("from far", true, 1.0),
];
/// Where along log t it is looked at, for each factor of e.
const LOOKS: f64 = 6.0;

/// Angles in degrees and shares of the largest margin, at the places where log t is looked at.
#[derive(Clone, Debug, Default)]
struct Trace {
    angles: Vec<f64>,
    shares: Vec<f64>,
    /// The end of descent, a place with half of the log t, and log t at both.
    w: [Vec<f64>; 2],
    log_times: [f64; 2],
}

impl Trace {
    fn look(&mut self, points: &Points, best: &HardMargin, w: &[f64]) {
        self.angles.push(angle(w, &best.w));
        self.shares
            .push(points.least_margin(w) / Norm::Two.of(w) / best.margin);
    }
}

/// log t where descent is looked at.
fn places(end: f64) -> Vec<f64> {
    let count = (LOOKS * end.ln()).floor() as usize;
    (0..=count)
        .map(|index| (index as f64 / LOOKS).exp())
        .collect()
}

/// Descent with steps in proportion to 1/L: gradient flow, whose time grows by the step size.
fn normalised(
    setup: &Setup,
    (points, best): (&Points, &HardMargin),
    mut w: Vec<f64>,
    share: f64,
) -> Result<Trace, ExperimentError> {
    let end = setup.get(LOG_TIME);
    let size = share / points.radius(Norm::Two).powi(2);
    let mut trace = Trace::default();
    let mut log_time = f64::NEG_INFINITY;
    let places = places(end);
    let mut steps = 0usize;
    while log_time < end {
        let pull = separable::step(points, Loss::Exponential, Norm::Two, size, &mut w);
        let grown = size.ln() - pull.log_loss;
        log_time = log_time.max(grown) + (-(log_time - grown).abs()).exp().ln_1p();
        while trace.angles.len() < places.len() && log_time >= places[trace.angles.len()] {
            trace.look(points, best, &w);
        }
        if trace.w[0].is_empty() && log_time >= end / 2.0 {
            (trace.w[0], trace.log_times[0]) = (w.clone(), log_time);
        }
        steps += 1;
        if steps.is_multiple_of(65_536) {
            setup.go_on()?;
        }
    }
    (trace.w[1], trace.log_times[1]) = (w, log_time);
    Ok(trace)
}

/// Descent with the step that is allowed at the start, which it keeps.
fn constant(setup: &Setup, points: &Points, best: &HardMargin) -> Result<Trace, ExperimentError> {
    let mut w = vec![0.0; points.dimension()];
    let step = 1.0 / points.radius(Norm::Two).powi(2) / points.count() as f64;
    let steps = setup.get(CONSTANT);
    let places = places((steps as f64 * step).ln());
    let mut trace = Trace::default();
    for count in 1..=steps {
        let pull = Loss::Exponential.pull(&points.margins(&w));
        add(
            &mut w,
            step * pull.log_loss.exp(),
            &points.mix(&pull.weights),
        );
        let log_time = (count as f64 * step).ln();
        while trace.angles.len() < places.len() && log_time >= places[trace.angles.len()] {
            trace.look(points, best, &w);
        }
        if count.is_multiple_of(65_536) {
            setup.go_on()?;
        }
    }
    trace.look(points, best, &w);
    Ok(trace)
}

/// What one seed gives.
struct Drawn {
    /// One for each of the arms, and of descent with a constant step.
    traces: Vec<Trace>,
    /// The largest angle of an arm.
    angle: f64,
    /// Between the ends from zero and from far.
    apart: f64,
    /// The slope of log angle by log log t.
    slope: f64,
    /// ‖Δw/Δlog t − ŵ‖ / ‖ŵ‖.
    growth: f64,
    /// The share of the support vectors in the last pull.
    support: f64,
    /// Between the hard margin and the least squares of Xw = 1.
    squares: f64,
}

fn draw_one(setup: &Setup, streams: Streams) -> Result<Drawn, ExperimentError> {
    let mut rng = streams.stream("data", 0);
    let dimension = setup.get(DIMENSION);
    let points = separable::with_teacher(&mut rng, setup.get(SAMPLES), dimension, setup.get(GAP));
    let best = separable::hard_margin(&points)?;
    let start =
        dense::numbers(draw::on_sphere(&mut streams.stream("start", 0), dimension).as_ref());
    let start: Vec<f64> = start.iter().map(|x| x * setup.get(FAR)).collect();
    let mut traces = Vec::new();
    for (_, is_far, share) in ARMS {
        let start = if is_far {
            start.clone()
        } else {
            vec![0.0; dimension]
        };
        traces.push(normalised(setup, (&points, &best), start, share)?);
    }
    let ends = [&traces[0], &traces[2]].map(|trace| &trace.w[1]);
    let first = &traces[0];
    let apart = angle(ends[0], ends[1]);
    let mut growth: Vec<f64> = first.w[1]
        .iter()
        .zip(&first.w[0])
        .map(|(b, a)| b - a)
        .collect();
    let unit = first.log_times[1] - first.log_times[0];
    growth.iter_mut().for_each(|x| *x /= unit);
    add(&mut growth, -1.0, &best.w);
    let weights = Loss::Exponential.pull(&points.margins(ends[0])).weights;
    let on = weights
        .iter()
        .zip(&best.multipliers)
        .filter(|(_, multiplier)| **multiplier > 0.0);
    let x = Mat::from_fn(points.count(), dimension, |row, column| {
        points.row(row)[column]
    });
    let squares = dense::least_norm(x.as_ref(), Col::ones(points.count()).as_ref())?;
    let drawn = Drawn {
        angle: traces
            .iter()
            .map(|trace| angle(&trace.w[1], &best.w))
            .fold(0.0, f64::max),
        apart,
        slope: slope(&first.angles, setup.get(LOG_TIME)),
        growth: Norm::Two.of(&growth) / Norm::Two.of(&best.w),
        support: on.map(|(weight, _)| weight).sum(),
        squares: angle(&dense::numbers(squares.as_ref()), &best.w),
        traces: traces
            .into_iter()
            .chain([constant(setup, &points, &best)?])
            .collect(),
    };
    Ok(drawn)
}

/// Of log angle by log log t over the last factor of ten in log t.
fn slope(angles: &[f64], end: f64) -> f64 {
    let late = places(end)
        .into_iter()
        .zip(angles)
        .filter(|(place, _)| *place >= end / 10.0);
    let (x, y): (Vec<f64>, Vec<f64>) = late.map(|(place, angle)| (place.ln(), angle.ln())).unzip();
    Estimate::slope(&x, &y).value
}

impl Experiment for DescentToTheHardMargin {
    fn about(&self) -> About {
        About {
            name: "descent-to-the-hard-margin",
            subject: Subject::Margins,
            claim: "On separable data gradient descent goes to the direction of the hard margin from every start and with every \
                    step, as 1/log t.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 8.3.1, Theorem 8.3.1; Inductive bias of optimisation \
                     (lecture notes); Implicit Bias, Flat vs Sharp Minima, and Generalization (course text), statement A.6; Soudry et al. \
                     2018, \"The implicit bias of gradient descent on separable data\"",
            mathematics: "The loss Σ exp(−w·x) (labels taken into the points) has no smallest value where a plane separates the points: \
                w grows without end, and its direction is what counts. The hard margin is ŵ = argmin ‖w‖² such that Xw ≥ 1; it is \
                computed exactly, with multipliers that prove it. Soudry et al. show w(t) = ŵ log t + ρ(t) with bounded ρ, so that \
                the angle falls as 1/log t. Steps in proportion to 1/L let time grow exponentially: w moves along the same path of \
                gradient flow, and t is the sum of the step sizes, of which only the logarithm is kept. The largest step is \
                1/(B²L), where B is the largest length of a point.",
            refuted_by: "An angle that does not go to zero, a limit that depends on the start, or another power of log t.",
            seeds: Extent {
                full: 20,
                quick: 12,
            },
            seconds: Extent {
                full: 1.7,
                quick: 0.4,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            DIMENSION.parameter(),
            GAP.parameter(),
            LOG_TIME.parameter(),
            CONSTANT.parameter(),
            FAR.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let all = setup.over_seeds(|streams| draw_one(setup, streams))?;
        Ok(Findings::new()
            .claims(claims_of_convergence(setup, &all))
            .claims(claims_of_bias(setup, &all))
            .table("ends", table(&all))
            .figure("direction", figure(&all, setup.get(LOG_TIME))))
    }
}

fn each(all: &[Drawn], of: impl Fn(&Drawn) -> f64) -> Vec<f64> {
    all.iter().map(of).collect()
}

/// Where descent goes, and how fast.
fn claims_of_convergence(setup: &Setup, all: &[Drawn]) -> Vec<Claim> {
    let (end, steps) = (setup.get(LOG_TIME), setup.get(CONSTANT));
    let kept = each(all, |drawn| last(&drawn.traces[3].angles));
    vec![
        Claim::printed(
            "theory 8-11",
            format!(
                "At log t = {end} descent is within 1° of the hard margin from each start with each step (largest angle in degrees)"
            ),
            Rule::Below(1.0),
            Estimate::median(&each(all, |drawn| drawn.angle)),
        ),
        Claim::printed(
            "theory 8-11",
            format!(
                "At log t = {end} the points of smallest margin have 99 % of the weight in the gradient or more (share)"
            ),
            Rule::Above(0.99),
            Estimate::median(&each(all, |drawn| drawn.support)),
        ),
        Claim::printed(
            "inductive-bias N2",
            format!(
                "The angle to the hard margin falls as (log t)⁻¹ from log t = {} to {end} (power)",
                end / 10.0
            ),
            Rule::Equals {
                value: -1.0,
                tolerance: 0.1,
            },
            Estimate::median(&each(all, |drawn| drawn.slope)),
        ),
        Claim::printed(
            "inductive-bias N2",
            "With each unit of log t the weights grow by the vector of the hard margin (difference, relative to its length)",
            Rule::Below(0.02),
            Estimate::median(&each(all, |drawn| drawn.growth)),
        ),
        Claim::must_hold(
            "inductive-bias N2",
            format!(
                "Without steps that grow, {steps} steps of constant size leave an angle above 1° (degrees)"
            ),
            Rule::Above(1.0),
            Estimate::median(&kept),
        ),
    ]
}

/// What descent does without being told: the margin, whatever the start, and what another loss does.
fn claims_of_bias(setup: &Setup, all: &[Drawn]) -> Vec<Claim> {
    let (end, far) = (setup.get(LOG_TIME), setup.get(FAR));
    let shares = each(all, |drawn| last(&drawn.traces[0].shares));
    vec![
        Claim::printed(
            "flat-vs-sharp A.6",
            format!(
                "At log t = {end} descent without a constraint has 99 % of the largest margin or more (share)"
            ),
            Rule::Above(0.99),
            Estimate::median(&shares),
        ),
        Claim::printed(
            "flat-vs-sharp A.6",
            format!(
                "From a start at a distance of {far} descent goes to another direction than from zero (angle between them at the end, in degrees)"
            ),
            Rule::Above(1.0),
            Estimate::median(&each(all, |drawn| drawn.apart)),
        ),
        Claim::corrected(
            "flat-vs-sharp A.6",
            format!(
                "From a start at a distance of {far} descent goes to the same direction as from zero (angle between them at the end, in degrees)"
            ),
            Rule::Below(1.0),
            Estimate::median(&each(all, |drawn| drawn.apart)),
        ),
        Claim::must_hold(
            "flat-vs-sharp A.6",
            "The least squares of Xw = 1, where another loss leads, are off the hard margin by 5° or more (degrees)",
            Rule::Above(5.0),
            Estimate::median(&each(all, |drawn| drawn.squares)),
        ),
    ]
}

fn last(values: &[f64]) -> f64 {
    values.last().copied().unwrap_or(f64::NAN)
}

fn names() -> impl Iterator<Item = &'static str> {
    ARMS.iter().map(|arm| arm.0).chain(["constant step"])
}

fn table(all: &[Drawn]) -> Table {
    let columns = [Column::text("descent")];
    let columns = columns
        .into_iter()
        .chain(["angle at the end (°)", "share of the largest margin"].map(Column::number));
    let rows = names().enumerate().map(|(arm, name)| {
        let middle = |of: fn(&Trace) -> &Vec<f64>| -> Cell {
            let ends = all
                .iter()
                .filter_map(|drawn| of(&drawn.traces[arm]).last().copied());
            median(&ends.collect::<Vec<_>>()).into()
        };
        vec![
            name.into(),
            middle(|trace| &trace.angles),
            middle(|trace| &trace.shares),
        ]
    });
    Table::new(columns)
        .captioned("Medians over seeds")
        .with_rows(rows)
}

fn figure(all: &[Drawn], end: f64) -> Figure {
    let places = places(end);
    let panel = |title: &str, y: &str, unit: &str, of: &dyn Fn(&Trace, usize) -> Option<f64>| {
        let mut panel =
            Panel::new(Axis::new("log t", "1").log(), Axis::new(y, unit).log()).titled(title);
        for (arm, name) in names().enumerate() {
            let at = |index: usize| -> [f64; 3] {
                let values = all.iter().filter_map(|drawn| of(&drawn.traces[arm], index));
                let mut values: Vec<f64> = values.collect();
                values.sort_by(f64::total_cmp);
                match (values.first(), values.last(), values.len() == all.len()) {
                    (Some(low), Some(high), true) => [*low, median(&values), *high],
                    _ => [f64::NAN; 3],
                }
            };
            let rows: Vec<[f64; 3]> = (0..places.len()).map(at).collect();
            let column = |which: usize| rows.iter().map(|row| row[which]).collect::<Vec<f64>>();
            let mut line = Line::new(name, places.clone(), column(1));
            if arm == 0 {
                line = line.with_band(
                    column(0),
                    column(2),
                    format!("smallest to largest of {} seeds, from zero", all.len()),
                );
            }
            panel = panel.with(line);
        }
        panel
    };
    let missing = |share: f64| (share < 1.0 && share > 0.0).then_some(1.0 - share);
    let mut figure = Figure::new("The way to the hard margin")
        .with(panel("direction", "angle", "°", &|trace, index| {
            trace.angles.get(index).copied()
        }))
        .with(panel(
            "margin",
            "share that is missing",
            "1",
            &|trace, index| trace.shares.get(index).and_then(|share| missing(*share)),
        ));
    figure.columns = 2;
    figure.width = Width::Page;
    figure
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn flow_on_one_point_has_its_closed_form() {
        // w' = exp(−w) from 0: w = log(1 + t).
        let points = Points::new(&[vec![1.0]]);
        let best = separable::hard_margin(&points).unwrap();
        let stop = AtomicBool::new(false);
        let setup = Setup::new(BTreeMap::new(), Vec::new(), true, &stop);
        let trace = normalised(&setup, (&points, &best), vec![0.0], 1e-3).unwrap();
        assert!((trace.w[1][0] / trace.log_times[1] - 1.0).abs() < 1e-3);
    }

    #[test]
    fn the_slope_of_a_power_is_its_exponent() {
        let angles: Vec<f64> = places(300.0).iter().map(|place| 7.0 / place).collect();
        assert!((slope(&angles, 300.0) + 1.0).abs() < 1e-12);
    }
}
