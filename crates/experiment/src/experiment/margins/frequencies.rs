//! Linear networks of circular convolutions: the deeper, the fewer frequencies.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Width};
use crate::problem::convolution::{
    Convolutions, Fourier, LeastSizes, distance_from_critical, effective_frequencies, least_sizes,
    margin,
};
use crate::problem::dense;
use crate::problem::draw;
use crate::problem::separable::{self, Loss, Points, angle};
use crate::random::Streams;
use crate::statistics::estimate::median;
use crate::statistics::{Estimate, Rule};
use crate::table::{Cell, Column, Table};

/// See [`Experiment::about`].
#[derive(Debug)]
pub struct FrequenciesOfLinearConvolutions;

const SAMPLES: Count =
    Count::new("samples", "points, no more than their length", 6).allowed(1.0, 64.0);
const SIZE: Count = Count::new(
    "size",
    "length of the points and of the weights of a layer",
    12,
)
.allowed(4.0, 64.0);
const SCALE: Number =
    Number::new("scale", "standard deviation of the first weights", 0.05).allowed(1e-3, 1.0);
const STEPS: Count = Count::new("steps", "steps of descent", 40_000)
    .quick(15_000)
    .allowed(1e3, 1e6);

/// Layers of the networks.
const DEPTHS: [usize; 3] = [1, 2, 5];

/// The p of Σ|β̂|^p that is said to be least for a depth.
fn power(depth: usize) -> f64 {
    2.0 / depth as f64
}

/// Where a network ends: its predictor and how the points pull at it.
#[derive(Clone, Debug)]
struct End {
    w: Vec<f64>,
    pull: Vec<f64>,
}

fn descend(
    setup: &Setup,
    points: &Points,
    mut network: Convolutions,
) -> Result<End, ExperimentError> {
    let powers = network.powers(points);
    let mut step = 0;
    loop {
        let w = network.predictor();
        let weights = Loss::Exponential.pull(&points.margins(&w)).weights;
        let pull = points.mix(&weights);
        if step == setup.get(STEPS) {
            return Ok(End { w, pull });
        }
        network.descend(&pull, &powers);
        step += 1;
        if step.is_multiple_of(4_096) {
            setup.go_on()?;
        }
    }
}

/// What one seed gives.
struct Drawn {
    /// By depth.
    ends: [End; 3],
    /// Of the deepest network, from other first weights.
    other: End,
    points: Points,
    /// The predictor of least Σ|β̂|.
    best: LeastSizes,
}

fn draw_one(setup: &Setup, streams: Streams) -> Result<Drawn, ExperimentError> {
    let (size, scale) = (setup.get(SIZE), setup.get(SCALE));
    let mut rng = streams.stream("data", 0);
    let rows: Vec<Vec<f64>> = (0..setup.get(SAMPLES))
        .map(|_| dense::numbers(draw::normals(&mut rng, size).as_ref()))
        .collect();
    let points = Points::new(&rows);
    let end = |name: &str, depth: usize| {
        let network =
            Convolutions::new(&mut streams.stream(name, depth as u64), depth, size, scale);
        descend(setup, &points, network)
    };
    let ends = [
        end("weights", DEPTHS[0])?,
        end("weights", DEPTHS[1])?,
        end("weights", DEPTHS[2])?,
    ];
    let other = end("others", DEPTHS[2])?;
    Ok(Drawn {
        best: least_sizes(&Fourier::new(size), &points)?,
        ends,
        other,
        points,
    })
}

impl Drawn {
    /// The margin in Σ|β̂| over what is proved to be the largest.
    fn share(&self, fourier: &Fourier, which: usize) -> f64 {
        margin(fourier, &self.points, &self.ends[which].w) / self.best.bound
    }

    fn distance(&self, fourier: &Fourier, which: usize, depth: usize) -> f64 {
        distance_from_critical(
            fourier,
            &self.ends[which].w,
            &self.ends[which].pull,
            power(depth),
        )
    }
}

impl Experiment for FrequenciesOfLinearConvolutions {
    fn about(&self) -> About {
        About {
            name: "frequencies-of-linear-convolutions",
            subject: Subject::Margins,
            claim: "A linear network of L circular convolutions goes to a critical point of Σ|β̂|^(2/L) over the frequencies: the \
                    deeper, the fewer of them.",
            source: "Inductive bias of optimisation (lecture notes); Gunasekar, Lee, Soudry & Srebro 2018, \"Implicit bias of gradient \
                     descent on linear convolutional networks\"",
            mathematics: "Convolutions as wide as the input multiply in the Fourier domain: β̂ = Π ŵₗ. The least Σ‖wₗ‖² with one β has \
                all |ŵₗ| = |β̂|^(1/L), and is in proportion to Σ|β̂|^(2/L). Gradient descent on Σ exp(−y β·x), with small steps in proportion to 1/L, \
                goes to first-order points of least weights with margins of 1. For L = 2 that is the least Σ|β̂|, a convex \
                problem. It is solved by hard margins in reweighted norms, down to a gap below the bound max|r̂|/D on all margins, r = Xᵀp, that \
                weights p of the points prove. For L = 5 there are many critical points; one has |β̂|^(p−2) β̂ in proportion to r̂ at \
                the frequencies it uses, p = 2/L, and the angle between β̂ and r̂|β̂|^(2−p) says how far from that it is. The \
                number of frequencies is the participation ratio of their power. Points are Gaussian with random labels.",
            refuted_by: "A margin below the largest for L = 2, an angle that does not vanish for p = 2/L, or as many \
                         frequencies in deeper networks.",
            seeds: Extent { full: 20, quick: 8 },
            seconds: Extent {
                full: 6.0,
                quick: 0.9,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            SIZE.parameter(),
            SCALE.parameter(),
            STEPS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        if setup.get(SAMPLES) > setup.get(SIZE) {
            return Err(ExperimentError::because(
                "`samples` needs to be no more than `size`, or nothing separates the points",
            ));
        }
        let all = setup.over_seeds(|streams| draw_one(setup, streams))?;
        let fourier = Fourier::new(setup.get(SIZE));
        let claims = claims(&all, &fourier, setup.get(STEPS));
        Ok(Findings::new()
            .claims(claims)
            .table("ends", table(&all, &fourier))
            .figure("spectra", figure(&all, &fourier)))
    }
}

fn claims(all: &[Drawn], fourier: &Fourier, steps: usize) -> [Claim; 8] {
    let id = "inductive-bias N4";
    let middle =
        |of: &dyn Fn(&Drawn) -> f64| Estimate::median(&all.iter().map(of).collect::<Vec<_>>());
    let after = format!("After {steps} steps");
    let counts = |which: usize| -> Vec<f64> {
        all.iter()
            .map(|drawn| -effective_frequencies(fourier, &drawn.ends[which].w))
            .collect()
    };
    [
        Claim::printed(
            id,
            format!("{after} two layers have 97 % of the largest margin in Σ|β̂| or more (share)"),
            Rule::Above(0.97),
            middle(&|drawn| drawn.share(fourier, 1)),
        ),
        Claim::must_hold(
            id,
            format!("{after} one layer has less than 95 % of that margin (share)"),
            Rule::Below(0.95),
            middle(&|drawn| drawn.share(fourier, 0)),
        ),
        Claim::printed(
            id,
            format!(
                "{after} five layers are within 5° of a critical point of Σ|β̂|^(2/5) (degrees)"
            ),
            Rule::Below(5.0),
            middle(&|drawn| drawn.distance(fourier, 2, 5)),
        ),
        Claim::must_hold(
            id,
            format!(
                "{after} five layers are off the critical points of Σ|β̂|², to which one layer goes, by 15° or more (degrees)"
            ),
            Rule::Above(15.0),
            middle(&|drawn| drawn.distance(fourier, 2, 1)),
        ),
        Claim::printed(
            id,
            "Each time from one layer to two, and to five, the predictor has fewer frequencies (least fall of their number)",
            Rule::Above(0.0),
            Estimate::smallest_step(&[counts(0), counts(1), counts(2)]),
        ),
        Claim::printed(
            id,
            format!("{after} two layers are within 5° of a critical point of Σ|β̂| (degrees)"),
            Rule::Below(5.0),
            middle(&|drawn| drawn.distance(fourier, 1, 2)),
        ),
        Claim::must_hold(
            id,
            format!(
                "{after} from other first weights five layers are off the same predictor by 5° or more (degrees)"
            ),
            Rule::Above(5.0),
            middle(&|drawn| angle(&drawn.ends[2].w, &drawn.other.w)),
        ),
        Claim::must_hold(
            id,
            format!("{after} two layers are off the Euclidean hard margin by 5° or more (degrees)"),
            Rule::Above(5.0),
            middle(&|drawn| {
                separable::hard_margin(&drawn.points)
                    .map_or(f64::NAN, |best| angle(&best.w, &drawn.ends[1].w))
            }),
        ),
    ]
}

fn table(all: &[Drawn], fourier: &Fourier) -> Table {
    let columns = [Column::number("layers"), Column::number("frequencies")].into_iter();
    let columns = columns.chain(
        DEPTHS.map(|depth| Column::number(format!("angle to critical, p = {} (°)", power(depth)))),
    );
    let rows = DEPTHS.iter().enumerate().map(|(which, layers)| {
        let middle = |of: &dyn Fn(&Drawn) -> f64| -> Cell {
            median(&all.iter().map(of).collect::<Vec<_>>()).into()
        };
        let frequencies = middle(&|drawn| effective_frequencies(fourier, &drawn.ends[which].w));
        let angles = DEPTHS.map(|depth| middle(&|drawn| drawn.distance(fourier, which, depth)));
        [Cell::from(*layers), frequencies]
            .into_iter()
            .chain(angles)
            .collect()
    });
    Table::new(columns)
        .captioned("Medians over seeds at the end")
        .with_rows(rows)
}

fn figure(all: &[Drawn], fourier: &Fourier) -> Figure {
    let mut figure = Figure::new("Frequencies of the predictors of convolutions");
    for (which, depth) in DEPTHS.iter().enumerate() {
        let x = Axis::new("frequency", "1/length").linear();
        let y = Axis::new("size, of the largest", "1").over([0.0, 1.05]);
        let mut panel = Panel::new(x, y).titled(if *depth == 1 {
            "1 layer".to_owned()
        } else {
            format!("{depth} layers")
        });
        for (seed, drawn) in all.iter().enumerate().take(3) {
            let sizes = fourier.of(&drawn.ends[which].w).sizes();
            let largest = sizes.iter().copied().fold(0.0, f64::max);
            let half = sizes.len() / 2 + 1;
            let values = sizes.iter().take(half).map(|size| size / largest).collect();
            let places = (0..half).map(|k| k as f64).collect();
            panel = panel
                .with(Line::new(format!("data set {}", seed + 1), places, values).with_markers());
        }
        figure = figure.with(panel);
    }
    figure.columns = 3;
    figure.width = Width::Page;
    figure.shares_y = true;
    figure
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Value;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn of_one_point_the_largest_margin_is_that_of_its_largest_frequency() {
        let stop = AtomicBool::new(false);
        let values = [
            (SAMPLES.parameter().name, Value::Count(1)),
            (STEPS.parameter().name, Value::Count(2_000)),
        ];
        let setup = Setup::new(values.into(), vec![0], true, &stop);
        let found = draw_one(&setup, Streams::new(0)).unwrap();
        let size = setup.get(SIZE);
        let fourier = Fourier::new(size);
        let point = found.points.rows().next().unwrap().to_vec();
        // ⟨β, x⟩ = Σ β̂ x̂*/D is at most Σ|β̂| max|x̂|/D.
        let largest = fourier.of(&point).sizes().into_iter().fold(0.0, f64::max);
        let ratio = found.best.bound / (largest / size as f64);
        assert!((ratio - 1.0).abs() < 1e-3, "{ratio}");
        // One layer ends along the point, whose margin per norm is the largest.
        assert!(angle(&found.ends[0].w, &point) < 2.0);
        assert_eq!(DEPTHS.map(power), [2.0, 1.0, 0.4]);
    }
}
