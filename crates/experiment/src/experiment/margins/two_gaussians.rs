//! Logistic regression on two Gaussians in the plane, with the step and for as long as the exercise says.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Points as Dots, Width};
use crate::problem::draw;
use crate::problem::separable::{self, HardMargin, Loss, Norm, Points, angle};
use crate::problem::vector::add;
use crate::random::{StreamRng, Streams};
use crate::statistics::estimate::median;
use crate::statistics::{Estimate, Rule};
use crate::table::{Cell, Column, Table};

/// See [`Experiment::about`].
#[derive(Debug)]
pub struct LogisticRegressionOnTwoGaussians;

const PER_CLASS: Count = Count::new("per-class", "points of each class", 100).allowed(2.0, 2e3);
const CENTRE: Number = Number::new(
    "centre",
    "both coordinates of the centre of the positive class",
    2.0,
)
.allowed(1.5, 20.0);
const STEPS: Count = Count::new("steps", "steps of descent", 50_000)
    .quick(20_000)
    .allowed(1e3, 1e6);
const STEP: Number = Number::new("step", "constant step size", 0.01).allowed(1e-4, 0.2);
const NORMALISED: Number =
    Number::new("normalised-step", "step size in proportion to 1/loss", 0.05).allowed(1e-3, 0.1);
/// The centre of classes that overlap, for control.
const OVERLAP: f64 = 0.5;
/// Points of the test set.
const TEST: usize = 200;
/// Draws until one can be separated.
const ATTEMPTS: u64 = 200;

/// Points of both classes around ±(c, c), with a third coordinate of 1 for the bias, and labels taken in.
fn two_gaussians(rng: &mut StreamRng, per_class: usize, centre: f64) -> Points {
    let mut rows = Vec::with_capacity(2 * per_class);
    for label in [-1.0, 1.0] {
        for _ in 0..per_class {
            let x = [0, 1].map(|_| label * centre + draw::normal(rng));
            rows.push(vec![label * x[0], label * x[1], label]);
        }
    }
    Points::new(&rows)
}

fn separated(
    streams: &Streams,
    per_class: usize,
    centre: f64,
) -> Result<(Points, HardMargin), ExperimentError> {
    for attempt in 0..ATTEMPTS {
        let points = two_gaussians(&mut streams.stream("data", attempt), per_class, centre);
        if let Ok(best) = separable::hard_margin(&points) {
            return Ok((points, best));
        }
    }
    Err(ExperimentError::because(
        "the classes overlap in every draw: `centre` is too small for so many points (`per-class`)",
    ))
}

/// The start of the exercise.
fn start() -> Vec<f64> {
    vec![0.01, 0.01, 0.0]
}

/// What is seen on the way: the step, log t, the log of the mean loss, and w.
type Look = (usize, f64, f64, Vec<f64>);

/// Descent on the mean logistic loss; with steps in proportion to 1/loss or constant ones.
fn descend(
    setup: &Setup,
    points: &Points,
    is_normalised: bool,
    steps: usize,
) -> Result<Vec<Look>, ExperimentError> {
    let count = points.count() as f64;
    let size = setup.get(if is_normalised { NORMALISED } else { STEP });
    let places: Vec<usize> = (0..)
        .map(|k| 10f64.powf(f64::from(k) / 8.0) as usize)
        .take_while(|k| *k < steps)
        .collect();
    let seen = [steps / 4, steps / 2, steps];
    let (mut w, mut log_time, mut looks) = (start(), f64::NEG_INFINITY, Vec::new());
    for step in 1..=steps {
        let pull = Loss::Logistic.pull(&points.margins(&w));
        let log_mean = pull.log_loss - count.ln();
        let size = if is_normalised {
            size
        } else {
            size * log_mean.exp()
        };
        add(&mut w, size, &points.mix(&pull.weights));
        let grown = size.ln() - log_mean;
        log_time = log_time.max(grown) + (-(log_time - grown).abs()).exp().ln_1p();
        if places.binary_search(&step).is_ok() || seen.contains(&step) {
            looks.push((step, log_time, log_mean, w.clone()));
        }
        if step.is_multiple_of(16_384) {
            setup.go_on()?;
        }
    }
    Ok(looks)
}

/// What one seed gives.
struct Drawn {
    points: Points,
    best: HardMargin,
    /// With constant steps, and with steps in proportion to 1/loss.
    looks: [Vec<Look>; 2],
    /// The share of new points that the last w of each is right of.
    right: [f64; 2],
    /// How much the norm grows in the second quarter of the steps where the classes overlap, relative to it.
    overlap: f64,
}

fn draw_one(setup: &Setup, streams: Streams) -> Result<Drawn, ExperimentError> {
    let (per_class, centre) = (setup.get(PER_CLASS), setup.get(CENTRE));
    let (points, best) = separated(&streams, per_class, centre)?;
    let steps = setup.get(STEPS);
    let looks = [
        descend(setup, &points, false, steps)?,
        descend(setup, &points, true, steps)?,
    ];
    let test = two_gaussians(&mut streams.stream("test", 0), TEST / 2, centre);
    let right = [&looks[0], &looks[1]].map(|looks| {
        let margins = test.margins(&end(looks).3);
        margins.iter().filter(|margin| **margin > 0.0).count() as f64 / TEST as f64
    });
    let mixed = two_gaussians(&mut streams.stream("overlap", 0), per_class, OVERLAP);
    let mixed = descend(setup, &mixed, false, steps / 2)?;
    let norms = [half(&mixed), end(&mixed)].map(|look| Norm::Two.of(&look.3));
    Ok(Drawn {
        points,
        best,
        looks,
        right,
        overlap: (norms[1] - norms[0]) / norms[1],
    })
}

fn end(looks: &[Look]) -> &Look {
    looks.last().expect("the last step is seen")
}

/// At half of the steps.
fn half(looks: &[Look]) -> &Look {
    let steps = end(looks).0;
    looks
        .iter()
        .find(|look| look.0 == steps / 2)
        .expect("half of the steps is seen")
}

impl Drawn {
    fn angle(&self, arm: usize) -> f64 {
        angle(&end(&self.looks[arm]).3, &self.best.w)
    }

    fn share(&self, arm: usize) -> f64 {
        let w = &end(&self.looks[arm]).3;
        self.points.least_margin(w) / Norm::Two.of(w) / self.best.margin
    }

    /// The speed of log loss in the last half of the steps over that in the quarter before; 1 for exponential decay.
    fn slowing(&self) -> f64 {
        let looks = &self.looks[0];
        let quarter = looks
            .iter()
            .find(|look| look.0 == end(looks).0 / 4)
            .expect("a quarter is seen");
        let [first, second, third] = [quarter, half(looks), end(looks)].map(|look| look.2);
        (third - second) / (second - first) / 2.0
    }

    /// The growth of log loss, and of the norm times the largest margin, with log t in the last half of the normalised
    /// steps.
    fn laws(&self) -> [f64; 2] {
        let (a, b) = (half(&self.looks[1]), end(&self.looks[1]));
        let norms = [a, b].map(|look| Norm::Two.of(&look.3));
        [
            (b.2 - a.2) / (b.1 - a.1),
            (norms[1] - norms[0]) * self.best.margin / (b.1 - a.1),
        ]
    }
}

impl Experiment for LogisticRegressionOnTwoGaussians {
    fn about(&self) -> About {
        About {
            name: "logistic-regression-on-two-gaussians",
            subject: Subject::Margins,
            claim: "Logistic regression by gradient descent with a small constant step comes within 1° of the hard margin, with \
                    exponential laws for loss and norm.",
            source: "Implicit Bias, Flat vs Sharp Minima, and Generalization (course text), exercise C.3; Soudry et al. 2018, \"The implicit \
                     bias of gradient descent on separable data\"",
            mathematics: "Two Gaussians with unit covariance around ±(c, c), drawn until a line separates them; the bias is \
                the weight of a third coordinate that is 1, and counts in all norms. Gradient descent on the mean of log(1 + exp(−m)) runs with \
                a constant step η, so that t = η·steps. By Soudry et al. w(t) = ŵ log t + ρ(t) with ŵ of length 1/γ, γ the \
                largest margin: the norm grows as log t/γ, the loss falls as 1/t, and the angle as 1/log t. At t = 500 none \
                of this has got far. Steps in proportion to 1/loss follow the same path and reach log t of hundreds in as many steps.",
            refuted_by: "An angle below 1° after the constant steps of the exercise, or a loss whose logarithm falls evenly with t.",
            seeds: Extent { full: 20, quick: 6 },
            seconds: Extent {
                full: 7.0,
                quick: 1.0,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            PER_CLASS.parameter(),
            CENTRE.parameter(),
            STEPS.parameter(),
            STEP.parameter(),
            NORMALISED.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let all = setup.over_seeds(|streams| draw_one(setup, streams))?;
        Ok(Findings::new()
            .claims(claims_of_constant_steps(setup, &all))
            .claims(claims_of_normalised_steps(setup, &all))
            .claim(control_of_overlap(&all))
            .table("seeds", table(&all))
            .figure("descent", figure(&all)))
    }
}

/// Where the claims stand in the sources.
const ID: &str = "flat-vs-sharp C.3";

fn median_of(all: &[Drawn], of: impl Fn(&Drawn) -> f64) -> Estimate {
    Estimate::median(&all.iter().map(of).collect::<Vec<_>>())
}

fn mean_of(all: &[Drawn], of: impl Fn(&Drawn) -> f64) -> Estimate {
    Estimate::mean(&all.iter().map(of).collect::<Vec<_>>())
}

/// What is said of steps of one size.
fn claims_of_constant_steps(setup: &Setup, all: &[Drawn]) -> Vec<Claim> {
    let after = format!("After {} steps of {}", setup.get(STEPS), setup.get(STEP));
    vec![
        Claim::printed(
            ID,
            "The largest margin of such data is about 0.6",
            Rule::Equals {
                value: 0.6,
                tolerance: 0.1,
            },
            median_of(all, |drawn| drawn.best.margin),
        ),
        Claim::printed(
            ID,
            format!("{after} the angle to the hard margin is below 1° (degrees)"),
            Rule::Below(1.0),
            median_of(all, |drawn| drawn.angle(0)),
        ),
        Claim::printed(
            ID,
            format!("{after} the margin is 95 % of the largest or more (share)"),
            Rule::Above(0.95),
            median_of(all, |drawn| drawn.share(0)),
        ),
        Claim::printed(
            ID,
            "The loss falls exponentially with the steps: its logarithm as fast in the last half of them as in the quarter before (ratio)",
            Rule::Equals {
                value: 1.0,
                tolerance: 0.1,
            },
            mean_of(all, Drawn::slowing),
        ),
        Claim::printed(
            ID,
            format!("{after} the norm has grown to about 100"),
            Rule::Equals {
                value: 100.0,
                tolerance: 50.0,
            },
            mean_of(all, |drawn| Norm::Two.of(&end(&drawn.looks[0]).3)),
        ),
        Claim::printed(
            ID,
            format!("{after} nearly all of {TEST} new points are classified rightly (share)"),
            Rule::Above(0.99),
            mean_of(all, |drawn| drawn.right[0]),
        ),
    ]
}

/// What holds of steps that grow as the loss falls, and the laws by which it and the norm go on.
fn claims_of_normalised_steps(setup: &Setup, all: &[Drawn]) -> Vec<Claim> {
    let (steps, normalised) = (setup.get(STEPS), setup.get(NORMALISED));
    let fast = format!("After {steps} steps of {normalised}/loss");
    vec![
        Claim::corrected(
            ID,
            format!("{fast} the angle to the hard margin is below 1° (degrees)"),
            Rule::Below(1.0),
            median_of(all, |drawn| drawn.angle(1)),
        ),
        Claim::corrected(
            ID,
            format!("{fast} the margin is 99 % of the largest or more (share)"),
            Rule::Above(0.99),
            median_of(all, |drawn| drawn.share(1)),
        ),
        Claim::corrected(
            ID,
            "The loss falls as 1/t: its logarithm by 1 for each unit of log t, in the last half of the steps of size 1/loss (slope)",
            Rule::Equals {
                value: -1.0,
                tolerance: 0.05,
            },
            median_of(all, |drawn| drawn.laws()[0]),
        ),
        Claim::corrected(
            ID,
            "The norm grows by 1/γ for each unit of log t, in the last half of the steps of size 1/loss (growth times γ)",
            Rule::Equals {
                value: 1.0,
                tolerance: 0.05,
            },
            median_of(all, |drawn| drawn.laws()[1]),
        ),
    ]
}

/// Without a margin the norm stays.
fn control_of_overlap(all: &[Drawn]) -> Claim {
    Claim::must_hold(
        ID,
        format!(
            "Where the classes overlap (centres at ±{OVERLAP}) the norm grows by less than 1 % in the second quarter of the steps (share)"
        ),
        Rule::Below(1e-2),
        median_of(all, |drawn| drawn.overlap),
    )
}

fn table(all: &[Drawn]) -> Table {
    let columns = [
        "largest margin",
        "angle (°)",
        "share of the margin",
        "norm",
        "angle, 1/loss (°)",
        "share, 1/loss",
    ];
    let rows = all.iter().map(|drawn| {
        let norm = Norm::Two.of(&end(&drawn.looks[0]).3);
        [
            drawn.best.margin,
            drawn.angle(0),
            drawn.share(0),
            norm,
            drawn.angle(1),
            drawn.share(1),
        ]
        .map(Cell::from)
        .to_vec()
    });
    Table::new(columns.map(Column::number))
        .captioned("One row for each seed")
        .with_rows(rows)
}

const NAMES: [&str; 2] = ["constant step", "step of size 1/loss"];

fn figure(all: &[Drawn]) -> Figure {
    let steps = || Axis::counting("steps").log();
    let panels = [
        along(
            all,
            "distance from the goal",
            (steps(), Axis::new("angle", "°").log()),
            |drawn, look| angle(&look.3, &drawn.best.w),
        ),
        along(
            all,
            "size of the weights",
            (steps(), Axis::new("norm", "1").log()),
            |_, look| Norm::Two.of(&look.3),
        ),
        along(
            all,
            "loss",
            (
                steps(),
                Axis::new("log of the mean loss", "1")
                    .over([-14.0, 0.5])
                    .linear(),
            ),
            |_, look| look.2,
        ),
    ];
    let first = all.first().map(plane).into_iter();
    let mut figure = panels.into_iter().chain(first).fold(
        Figure::new("Logistic regression on two Gaussians"),
        Figure::with,
    );
    figure.columns = 2;
    figure.width = Width::Page;
    figure
}

fn along(
    all: &[Drawn],
    title: &str,
    (x, y): (Axis, Axis),
    of: impl Fn(&Drawn, &Look) -> f64,
) -> Panel {
    let mut panel = Panel::new(x, y).titled(title);
    for (arm, name) in NAMES.iter().enumerate() {
        let places: Vec<f64> = all.first().map_or(Vec::new(), |drawn| {
            drawn.looks[arm].iter().map(|look| look.0 as f64).collect()
        });
        let rows = (0..places.len()).map(|place| {
            let mut values: Vec<f64> = all
                .iter()
                .map(|drawn| of(drawn, &drawn.looks[arm][place]))
                .collect();
            values.sort_by(f64::total_cmp);
            [values[0], median(&values), values[values.len() - 1]]
        });
        let rows: Vec<[f64; 3]> = rows.collect();
        let column = |which: usize| rows.iter().map(|row| row[which]).collect::<Vec<f64>>();
        let meaning = format!("smallest to largest of {} seeds", all.len());
        panel = panel.with(Line::new(*name, places, column(1)).with_band(
            column(0),
            column(2),
            meaning,
        ));
    }
    panel
}

/// The points of a seed with the lines that separate them.
fn plane(drawn: &Drawn) -> Panel {
    let mut panel = Panel::new(
        Axis::new("x₁", "1").over([-6.0, 6.0]),
        Axis::new("x₂", "1").over([-6.0, 6.0]),
    )
    .titled("one data set");
    let of = |which: usize, sign: f64| -> Vec<f64> {
        drawn
            .points
            .rows()
            .filter(|row| row[2] * sign > 0.0)
            .map(|row| row[which] * sign)
            .collect()
    };
    for (name, sign) in [("class −1", -1.0), ("class +1", 1.0)] {
        panel = panel.with(Dots::new(name, of(0, sign), of(1, sign)));
    }
    let ends = [
        &end(&drawn.looks[0]).3,
        &end(&drawn.looks[1]).3,
        &drawn.best.w,
    ];
    for (name, w) in NAMES.iter().copied().chain(["hard margin"]).zip(ends) {
        // The two points of the line that lie furthest along it in the square.
        let (square, along) = (w[0] * w[0] + w[1] * w[1], [-8.0, 8.0]);
        let at = along.map(|s| {
            [0, 1].map(|k| {
                -w[2] * w[k] / square + s * if k == 0 { -w[1] } else { w[0] } / square.sqrt()
            })
        });
        panel = panel.with(Line::new(
            name,
            at.map(|p| p[0]).to_vec(),
            at.map(|p| p[1]).to_vec(),
        ));
    }
    panel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_lie_around_their_centres() {
        let points = two_gaussians(&mut Streams::new(0).stream("test", 0), 2_000, 2.0);
        let mean = points.mix(&vec![1.0 / points.count() as f64; points.count()]);
        assert!(
            (mean[0] - 2.0).abs() < 0.1 && (mean[1] - 2.0).abs() < 0.1 && mean[2].abs() < 1e-12
        );
    }

    #[test]
    fn classes_that_always_overlap_are_refused() {
        assert!(separated(&Streams::new(0), 300, 0.1).is_err());
        let (points, best) = separated(&Streams::new(0), 100, 2.0).unwrap();
        assert!(points.least_margin(&best.w) > 0.999);
    }
}
