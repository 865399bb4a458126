//! A homogeneous network on data that no plane separates: its normalised margin grows, and its direction comes to meet
//! the conditions of least weights with margins of 1.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Width};
use crate::problem::draw;
use crate::problem::separable::{Loss, Norm, angle};
use crate::problem::vector::{add, inner};
use crate::random::{StreamRng, Streams};
use crate::statistics::estimate::median;
use crate::statistics::{Estimate, Rule};
use crate::table::{Column, Table};

/// See [`Experiment::about`].
#[derive(Debug)]
pub struct HomogeneousNetworks;

const SAMPLES: Count = Count::new("samples", "points", 8).allowed(2.0, 100.0);
const DIMENSION: Count = Count::new("dimension", "length of the points", 3).allowed(2.0, 20.0);
const WIDTH: Count = Count::new("width", "hidden units", 20).allowed(2.0, 200.0);
const SCALE: Number =
    Number::new("scale", "standard deviation of the first weights", 0.05).allowed(0.01, 3.0);
const STEPS: Count = Count::new("steps", "steps of descent", 40_000)
    .quick(15_000)
    .allowed(1e3, 1e6);

/// The part of the largest safe step that is taken, so that steps follow gradient flow.
const SHARE: f64 = 0.5;

/// The longest step, relative to the weights.
const TURN: f64 = 0.02;

/// How far points are from the planes between the labels.
const GAP: f64 = 0.5;

/// Points with labels that are the sign of the product of the first two coordinates.
struct Data {
    points: Vec<Vec<f64>>,
    labels: Vec<f64>,
}

fn data(rng: &mut StreamRng, count: usize, dimension: usize) -> Data {
    let mut points: Vec<Vec<f64>> = Vec::with_capacity(count);
    while points.len() < count {
        let x: Vec<f64> = (0..dimension).map(|_| draw::normal(rng)).collect();
        if x[0].abs().min(x[1].abs()) > GAP {
            points.push(x);
        }
    }
    let labels = points.iter().map(|x| (x[0] * x[1]).signum()).collect();
    Data { points, labels }
}

/// f(x) = Σₖ aₖ max(0, bₖ·x)², which is homogeneous of degree 3 in its weights (a₁, b₁, a₂, b₂, …).
struct Network {
    weights: Vec<f64>,
    dimension: usize,
}

impl Network {
    fn value(&self, x: &[f64]) -> f64 {
        let units = self.weights.chunks_exact(self.dimension + 1);
        units
            .map(|unit| unit[0] * inner(&unit[1..], x).max(0.0).powi(2))
            .sum()
    }

    /// Adds `factor` times the slope of f(x) in the weights; gives the square of its length.
    fn add_slope(&self, factor: f64, x: &[f64], sum: &mut [f64]) -> f64 {
        let size = self.dimension + 1;
        let square = inner(x, x);
        let mut length = 0.0;
        for (unit, sum) in self
            .weights
            .chunks_exact(size)
            .zip(sum.chunks_exact_mut(size))
        {
            let active = inner(&unit[1..], x);
            if active > 0.0 {
                sum[0] += factor * active * active;
                let along = 2.0 * unit[0] * active;
                add(&mut sum[1..], factor * along, x);
                length += active.powi(4) + along * along * square;
            }
        }
        length
    }
}

/// What is seen on the way.
#[derive(Clone, Copy, Debug)]
struct Look {
    step: usize,
    /// min y f / ‖θ‖³.
    margin: f64,
    /// −log L / ‖θ‖³.
    smoothed: f64,
    /// Between θ and the sum of the slopes of the margins, weighted by their pull, in degrees.
    angle: f64,
    /// How far the weighted mean of the margins is above the smallest, relative to it.
    slack: f64,
}

fn places(steps: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..)
        .map(|k| 10f64.powf(f64::from(k) / 10.0) as usize)
        .take_while(|k| *k < steps)
        .collect();
    places.push(steps);
    places.dedup();
    places
}

/// Descent on exponential losses; the looks from the first one on at which all points are right.
fn descend(setup: &Setup, data: &Data, mut network: Network) -> Result<Vec<Look>, ExperimentError> {
    let steps = setup.get(STEPS);
    let places = places(steps);
    let mut looks: Vec<Look> = Vec::new();
    for step in 0..=steps {
        let with_labels = || data.points.iter().zip(&data.labels);
        let margins: Vec<f64> = with_labels().map(|(x, y)| y * network.value(x)).collect();
        let pull = Loss::Exponential.pull(&margins);
        let mut slope = vec![0.0; network.weights.len()];
        let mut largest = 0.0f64;
        for ((x, y), weight) in with_labels().zip(&pull.weights) {
            largest = largest.max(network.add_slope(weight * y, x, &mut slope));
        }
        let least = margins.iter().copied().fold(f64::INFINITY, f64::min);
        if least > 0.0 && (looks.is_empty() || places.binary_search(&step).is_ok()) {
            let cube = inner(&network.weights, &network.weights).powf(1.5);
            looks.push(Look {
                step: step.max(1),
                margin: least / cube,
                smoothed: -pull.log_loss / cube,
                angle: angle(&network.weights, &slope),
                slack: inner(&pull.weights, &margins) / least - 1.0,
            });
        }
        if largest == 0.0 {
            break;
        }
        // Far from zero the first bound is the smaller one; near it, the step would leave the flow.
        let norms = [&network.weights, &slope].map(|vector| Norm::Two.of(vector));
        let size = (SHARE / largest).min(TURN * norms[0] / norms[1]);
        add(&mut network.weights, size, &slope);
        if step.is_multiple_of(4_096) {
            setup.go_on()?;
        }
    }
    Ok(looks)
}

fn draw_one(setup: &Setup, streams: Streams) -> Result<Vec<Look>, ExperimentError> {
    let dimension = setup.get(DIMENSION);
    let data = data(
        &mut streams.stream("data", 0),
        setup.get(SAMPLES),
        dimension,
    );
    let mut rng = streams.stream("weights", 0);
    let count = setup.get(WIDTH) * (dimension + 1);
    let weights = (0..count)
        .map(|_| setup.get(SCALE) * draw::normal(&mut rng))
        .collect();
    descend(setup, &data, Network { weights, dimension })
}

impl Experiment for HomogeneousNetworks {
    fn about(&self) -> About {
        About {
            name: "homogeneous-networks",
            subject: Subject::Margins,
            claim: "The normalised margin of a homogeneous network grows, and its direction goes to a first-order point of least \
                    weights with margins of 1.",
            source: "Inductive bias of optimisation (lecture notes); Lyu & Li 2020, \"Gradient descent maximizes the margin of homogeneous \
                     neural networks\"",
            mathematics: "A network of two layers of squared rectified units without biases, f(x) = Σ aₖ max(0, bₖ·x)², has f(cθ) = c³ f(θ), and slopes without jumps. It is trained on \
                Gaussian points, not near the planes between labels, with the sign of x₁x₂ as label, on Σ exp(−y f(x)), by steps in proportion to 1/L that are a \
                half of the largest which change no margin by more than 1, and no longer than a fiftieth of the weights. Once all points are right, Lyu & Li show of gradient flow that −log L/‖θ‖³, \
                which is min y f/‖θ‖³ up to log n/‖θ‖³, never falls, and that θ comes to meet the conditions of min ‖θ‖² such that \
                y f ≥ 1: θ = Σ λ y ∇f with λ ≥ 0, and λ > 0 only where the margin is smallest. With λ in \
                proportion to exp(−y f) the angle between both sides, and how far the mean of the margins with these weights is above the \
                smallest, say how far from that it is. Networks that do not come to be right of all points are left out.",
            refuted_by: "A margin that falls after all points are right, or an angle that does not go to zero.",
            seeds: Extent { full: 20, quick: 8 },
            seconds: Extent {
                full: 0.8,
                quick: 0.2,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            DIMENSION.parameter(),
            WIDTH.parameter(),
            SCALE.parameter(),
            STEPS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let all = setup.over_seeds(|streams| draw_one(setup, streams))?;
        let separated: Vec<&[Look]> = all
            .iter()
            .map(Vec::as_slice)
            .filter(|looks| looks.len() > 1)
            .collect();
        if separated.is_empty() {
            return Err(ExperimentError::because(
                "no network separates its points: `width` or `steps` is too small",
            ));
        }
        let of = |of: &dyn Fn(&Look, &Look) -> f64| -> Vec<f64> {
            separated
                .iter()
                .map(|looks| of(&looks[0], &looks[looks.len() - 1]))
                .collect()
        };
        let falls: Vec<f64> = separated.iter().map(|looks| least_growth(looks)).collect();
        let steps = setup.get(STEPS);
        let id = "inductive-bias N11";
        let claims = [
            Claim::printed(
                id,
                format!(
                    "The normalised margin is larger at step {steps} than where all points are first right (difference)"
                ),
                Rule::Above(0.0),
                Estimate::median(&of(&|first, last| last.margin - first.margin)),
            ),
            Claim::printed(
                id,
                "From where all points are right the smoothed normalised margin never falls from look to look (least growth of all networks, relative to the end)",
                Rule::Above(-1e-3),
                Estimate::exact(falls.iter().copied().fold(f64::INFINITY, f64::min), 1e-9),
            ),
            Claim::printed(
                id,
                format!(
                    "At step {steps} the weights are within 10° of the weighted sum of the slopes of the margins (degrees)"
                ),
                Rule::Below(10.0),
                Estimate::median(&of(&|_, last| last.angle)),
            ),
            Claim::printed(
                id,
                format!(
                    "At step {steps} the weighted mean of the margins is above the smallest by 1 % or less (excess)"
                ),
                Rule::Below(0.01),
                Estimate::median(&of(&|_, last| last.slack)),
            ),
            Claim::must_hold(
                id,
                "Where all points are first right the weights are off that sum by 15° or more (degrees)",
                Rule::Above(15.0),
                Estimate::median(&of(&|first, _| first.angle)),
            ),
        ];
        let columns =
            ["first step", "margin then", "margin", "angle (°)", "excess"].map(Column::number);
        let rows = separated.iter().map(|looks| {
            let (first, last) = (looks[0], looks[looks.len() - 1]);
            vec![
                first.step.into(),
                first.margin.into(),
                last.margin.into(),
                last.angle.into(),
                last.slack.into(),
            ]
        });
        let table = Table::new(columns)
            .captioned("One row for each seed")
            .with_rows(rows);
        Ok(Findings::new()
            .claims(claims)
            .table("ends", table)
            .figure("conditions", figure(&separated, steps)))
    }
}

/// The least growth of the smoothed margin between two looks, relative to its end.
fn least_growth(looks: &[Look]) -> f64 {
    let end = looks.last().map_or(f64::NAN, |look| look.smoothed);
    // Below zero it is no margin yet.
    let sound = looks
        .iter()
        .filter(|look| look.smoothed > 0.0)
        .collect::<Vec<_>>();
    let growths = sound
        .windows(2)
        .map(|pair| (pair[1].smoothed - pair[0].smoothed) / end);
    growths.fold(f64::INFINITY, f64::min)
}

fn figure(separated: &[&[Look]], steps: usize) -> Figure {
    let x = places(steps);
    let places: Vec<f64> = x.iter().map(|place| *place as f64).collect();
    let panel = |title: &str, y: Axis, of: &dyn Fn(&Look) -> f64| {
        let at = |step: usize| -> [f64; 3] {
            let looks = separated
                .iter()
                .filter_map(|looks| looks.iter().find(|look| look.step == step));
            let mut values: Vec<f64> = looks.map(of).collect();
            values.sort_by(f64::total_cmp);
            // Only where more than half of the networks are right of all points.
            if 2 * values.len() <= separated.len() {
                [f64::NAN; 3]
            } else {
                [values[0], median(&values), values[values.len() - 1]]
            }
        };
        let rows: Vec<[f64; 3]> = x.iter().map(|step| at(*step)).collect();
        let column = |which: usize| rows.iter().map(|row| row[which]).collect::<Vec<f64>>();
        let meaning = format!("smallest to largest of up to {} seeds", separated.len());
        let line =
            Line::new("median", places.clone(), column(1)).with_band(column(0), column(2), meaning);
        Panel::new(Axis::counting("steps").log(), y)
            .titled(title)
            .with(line)
    };
    let mut figure = Figure::new("A homogeneous network after all points are right")
        .with(panel(
            "margin",
            Axis::new("smallest margin over ‖θ‖³", "1")
                .including(0.0)
                .linear(),
            &|look| look.margin,
        ))
        .with(panel(
            "direction",
            Axis::new("angle to weighted slopes", "°").log(),
            &|look| look.angle,
        ))
        .with(panel(
            "smallest margins",
            Axis::new("excess of weighted mean", "1").log(),
            &|look| look.slack,
        ));
    figure.columns = 3;
    figure.width = Width::Page;
    figure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_is_that_of_the_value_and_gives_thrice_the_value() {
        let network = Network {
            weights: vec![0.5, 1.0, -1.0, -2.0, 0.3, 0.4],
            dimension: 2,
        };
        let x = [2.0, 0.5];
        let mut slope = vec![0.0; 6];
        let square = network.add_slope(1.0, &x, &mut slope);
        assert!((inner(&slope, &slope) - square).abs() < 1e-12);
        assert!((inner(&slope, &network.weights) - 3.0 * network.value(&x)).abs() < 1e-12);
        for index in 0..6 {
            let mut moved = network.weights.clone();
            moved[index] += 1e-6;
            let moved = Network {
                weights: moved,
                dimension: 2,
            };
            assert!(((moved.value(&x) - network.value(&x)) / 1e-6 - slope[index]).abs() < 1e-4);
        }
    }

    #[test]
    fn a_margin_that_falls_shows() {
        let look = |smoothed: f64| Look {
            step: 1,
            margin: 0.0,
            smoothed,
            angle: 0.0,
            slack: 0.0,
        };
        assert_eq!(
            least_growth(&[look(-1.0), look(1.0), look(0.5), look(2.0)]),
            -0.25
        );
    }
}
