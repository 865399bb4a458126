//! Gradient descent, stochastic gradient descent and Adam on data that many predictors fit: which of them they choose.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Rule as Level, Width};
use crate::problem::separable::{self, Loss, Norm, Points, angle};
use crate::problem::vector::{self, add};
use crate::problem::{dense, draw};
use crate::random::{StreamRng, Streams};
use crate::statistics::estimate::median;
use crate::statistics::{Estimate, Rule};
use crate::table::{Cell, Column, Table};
use faer::{Col, Mat};
use rand::RngExt;

/// See [`Experiment::about`].
#[derive(Debug)]
pub struct OptimisersAndMargins;

const SAMPLES: Count =
    Count::new("samples", "points, no more than their length", 15).allowed(2.0, 200.0);
const DIMENSION: Count = Count::new("dimension", "length of the points", 20).allowed(2.0, 200.0);
const STEPS: Count = Count::new("steps", "steps of each optimiser", 100_000)
    .quick(80_000)
    .allowed(1e3, 1e6);
const ADAM: Number = Number::new(
    "adam",
    "step size of Adam, which falls as one over the root of the step",
    0.1,
)
.allowed(1e-3, 1.0);
const EPOCHS: Count = Count::new("epochs", "epochs of the exercise", 100).allowed(10.0, 1e4);

/// The exercise: how many points, of which length, and the step size.
const EXERCISE: (usize, usize, f64) = (100, 10, 0.1);
/// How much Adam keeps of its first and second moments.
const KEPT: [f64; 2] = [0.9, 0.99];

/// Who descends on what.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Arm {
    Logistic,
    Exponential,
    Stochastic,
    Adam,
}

const ARMS: [(Arm, &str); 4] = [
    (Arm::Logistic, "gradient descent"),
    (Arm::Exponential, "the same, exponential loss"),
    (Arm::Stochastic, "stochastic descent"),
    (Arm::Adam, "Adam"),
];

/// The moments of Adam over the loss and its square, which fall below all numbers.
struct Moments {
    first: Vec<f64>,
    second: Vec<f64>,
    log_loss: f64,
}

impl Moments {
    /// The step of Adam (Kingma & Ba 2015, with ε = 0) for the gradient `loss · gradient`, in its direction.
    fn step(&mut self, gradient: &[f64], log_loss: f64, count: usize) -> Vec<f64> {
        let rescaled = if self.log_loss.is_finite() {
            (self.log_loss - log_loss).exp()
        } else {
            1.0
        };
        self.log_loss = log_loss;
        let corrections = KEPT.map(|kept| 1.0 - kept.powf(count as f64));
        let moments = self.first.iter_mut().zip(&mut self.second).zip(gradient);
        let step = moments.map(|((first, second), g)| {
            *first = KEPT[0] * *first * rescaled + (1.0 - KEPT[0]) * g;
            *second = KEPT[1] * *second * rescaled * rescaled + (1.0 - KEPT[1]) * g * g;
            (*first / corrections[0]) / (*second / corrections[1]).sqrt().max(f64::MIN_POSITIVE)
        });
        step.collect()
    }
}

fn places(steps: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..)
        .map(|k| 10f64.powf(f64::from(k) / 6.0) as usize)
        .take_while(|k| *k < steps)
        .collect();
    places.extend([steps / 10, steps]);
    places.sort_unstable();
    places.dedup();
    places
}

/// The weights of an arm at the places.
fn descend(
    setup: &Setup,
    points: &Points,
    arm: Arm,
    rng: &mut StreamRng,
) -> Result<Vec<Vec<f64>>, ExperimentError> {
    let (steps, count) = (setup.get(STEPS), points.count());
    let size = 1.0 / points.radius(Norm::Two).powi(2);
    let loss = if arm == Arm::Exponential {
        Loss::Exponential
    } else {
        Loss::Logistic
    };
    let zero = vec![0.0; points.dimension()];
    let mut moments = Moments {
        first: zero.clone(),
        second: zero.clone(),
        log_loss: f64::NAN,
    };
    let (mut w, places, mut seen) = (zero, places(steps), Vec::new());
    for step in 1..=steps {
        let pull = loss.pull(&points.margins(&w));
        match arm {
            Arm::Logistic | Arm::Exponential => add(&mut w, size, &points.mix(&pull.weights)),
            Arm::Stochastic => {
                // As long as a full step where the point has all of the weight.
                let drawn = rng.random_range(0..count);
                add(&mut w, size * pull.weights[drawn], points.row(drawn));
            }
            Arm::Adam => {
                let direction = moments.step(&points.mix(&pull.weights), pull.log_loss, step);
                add(&mut w, setup.get(ADAM) / (step as f64).sqrt(), &direction);
            }
        }
        if places.binary_search(&step).is_ok() {
            seen.push(w.clone());
        }
        if step.is_multiple_of(16_384) {
            setup.go_on()?;
        }
    }
    Ok(seen)
}

/// Margins over norms after the exercise: of stochastic descent, of gradient descent on the mean, and on the sum, of the
/// losses max(0, 1 − m)²; and the norms.
fn exercise(rng: &mut StreamRng, epochs: usize) -> Result<([f64; 3], [f64; 3]), ExperimentError> {
    let (count, dimension, step) = EXERCISE;
    let drawn = separable::with_teacher(rng, count, dimension, 0.0);
    let lengths: Vec<f64> = (0..dimension)
        .map(|j| drawn.rows().map(|row| row[j] * row[j]).sum::<f64>().sqrt())
        .collect();
    let scaled = drawn.rows().map(|row| {
        row.iter()
            .zip(&lengths)
            .map(|(x, length)| x / length)
            .collect()
    });
    let points = Points::new(&scaled.collect::<Vec<Vec<f64>>>());
    let best = separable::hard_margin(&points)?.margin;
    let slope = |margin: f64| 2.0 * (1.0 - margin).max(0.0);
    let mut w = [
        vec![0.0; dimension],
        vec![0.0; dimension],
        vec![0.0; dimension],
    ];
    for _ in 0..epochs {
        for row in points.rows() {
            let pull = slope(vector::inner(row, &w[0]));
            add(&mut w[0], step * pull, row);
        }
        for (w, over) in w[1..].iter_mut().zip([count as f64, 1.0]) {
            let pulls: Vec<f64> = points.margins(w).into_iter().map(slope).collect();
            add(w, step / over, &points.mix(&pulls));
        }
    }
    let shares = [&w[0], &w[1], &w[2]].map(|w| points.least_margin(w) / Norm::Two.of(w) / best);
    Ok((shares, [&w[0], &w[1], &w[2]].map(|w| Norm::Two.of(w))))
}

/// What one seed gives.
struct Drawn {
    /// By arm and place: the angle to the hard margin, and shares of the largest margins in ℓ₂ and ℓ∞.
    looks: Vec<Vec<[f64; 3]>>,
    /// By arm, at the end.
    ends: Vec<Vec<f64>>,
    /// Between gradient descent and the solution of Xw = 1 of least norm.
    interpolant: f64,
    /// Between gradient descent and stochastic descent, and Adam: at a tenth of the steps and at the end.
    apart: [[f64; 2]; 2],
    exercise: ([f64; 3], [f64; 3]),
}

fn draw_one(setup: &Setup, streams: Streams) -> Result<Drawn, ExperimentError> {
    let (count, dimension) = (setup.get(SAMPLES), setup.get(DIMENSION));
    let x = draw::gaussian(&mut streams.stream("data", 0), count, dimension);
    let points = points(&x);
    let best = separable::hard_margin(&points)?;
    let cube = 1.0 / Norm::Infinity.of(&separable::least_norm_separator(&points, Norm::Infinity)?);
    let mut drawn = Drawn {
        looks: Vec::new(),
        ends: Vec::new(),
        interpolant: 0.0,
        apart: [[0.0; 2]; 2],
        exercise: exercise(&mut streams.stream("exercise", 0), setup.get(EPOCHS))?,
    };
    let places = places(setup.get(STEPS));
    let tenth = places
        .iter()
        .position(|place| *place == setup.get(STEPS) / 10)
        .unwrap_or(0);
    let mut tenths = Vec::new();
    for (arm, _) in ARMS {
        let seen = descend(setup, &points, arm, &mut streams.stream("order", 0))?;
        let looks = seen.iter().map(|w| {
            let margin = points.least_margin(w);
            [
                angle(w, &best.w),
                margin / Norm::Two.of(w) / best.margin,
                margin / Norm::Infinity.of(w) / cube,
            ]
        });
        drawn.looks.push(looks.collect());
        tenths.push(seen[tenth].clone());
        drawn.ends.push(seen.last().cloned().unwrap_or_default());
    }
    for (apart, other) in drawn.apart.iter_mut().zip([2, 3]) {
        *apart = [
            angle(&tenths[0], &tenths[other]),
            angle(&drawn.ends[0], &drawn.ends[other]),
        ];
    }
    let interpolant = dense::least_norm(x.as_ref(), Col::ones(count).as_ref())?;
    drawn.interpolant = angle(&drawn.ends[0], &dense::numbers(interpolant.as_ref()));
    Ok(drawn)
}

fn points(x: &Mat<f64>) -> Points {
    let rows = (0..x.nrows()).map(|row| (0..x.ncols()).map(|column| x[(row, column)]).collect());
    Points::new(&rows.collect::<Vec<Vec<f64>>>())
}

impl Drawn {
    fn end(&self, arm: usize) -> [f64; 3] {
        self.looks[arm].last().copied().unwrap_or([f64::NAN; 3])
    }
}

impl Experiment for OptimisersAndMargins {
    fn about(&self) -> About {
        About {
            name: "optimisers-and-margins",
            subject: Subject::Margins,
            claim: "Gradient descent finds the solution of least norm, and stochastic gradient descent that of largest margin.",
            source: "The Mathematical Structure of Machine Learning (course text), Example 4, exercise C.2 and appendix C; Inductive bias of optimisation (lecture notes)",
            mathematics: "Gaussian points with random labels, fewer than their length, can be separated in many ways, and fitted \
                exactly, Xw = y, too. The hard margin ŵ = argmin ‖w‖² such that y x·w ≥ 1 and the interpolant of least norm are \
                different vectors. Gradient descent, and stochastic descent with one point per step, run on logistic or \
                exponential losses with steps in proportion to 1/loss, so that they get near their limits; the stochastic step takes one \
                term of the gradient. Adam runs with β = (0.9, 0.99), ε = 0 and a step size that falls as 1/√t; its limit has the \
                largest margin in ℓ∞ (Zhang, Zou & Cao 2024, \"The implicit bias of Adam on separable data\"). In the exercise, 100 points of length 10 \
                with columns of length 1 and labels of a random direction, losses are max(0, 1 − m)², and one epoch of stochastic descent takes \
                as many steps as there are points, each as large as the one that gradient descent takes on the mean.",
            refuted_by: "Gradient descent on the interpolant of least norm, or a larger margin of stochastic descent at the end.",
            seeds: Extent { full: 20, quick: 6 },
            seconds: Extent {
                full: 2.7,
                quick: 0.7,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            DIMENSION.parameter(),
            STEPS.parameter(),
            ADAM.parameter(),
            EPOCHS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        if setup.get(SAMPLES) > setup.get(DIMENSION) {
            return Err(ExperimentError::because(
                "`samples` needs to be no more than `dimension`, or nothing fits all labels",
            ));
        }
        let all = setup.over_seeds(|streams| draw_one(setup, streams))?;
        let findings = Findings::new()
            .claims(of_example(&all, setup.get(STEPS)))
            .claims(of_exercise(&all, setup.get(STEPS), setup.get(EPOCHS)))
            .claims(of_dichotomy(&all, setup.get(STEPS)));
        Ok(findings
            .table("ends", table(&all))
            .figure("ways", figure(&all, &places(setup.get(STEPS)))))
    }
}

fn middle(all: &[Drawn], of: impl Fn(&Drawn) -> f64) -> Estimate {
    Estimate::median(&all.iter().map(of).collect::<Vec<_>>())
}

fn of_example(all: &[Drawn], steps: usize) -> [Claim; 5] {
    let id = "structure Ex.4";
    let losses = |drawn: &Drawn| angle(&drawn.ends[0], &drawn.ends[1]);
    [
        Claim::printed(
            id,
            format!(
                "After {steps} steps gradient descent on logistic losses is within 1° of the hard margin (degrees)"
            ),
            Rule::Below(1.0),
            middle(all, |drawn| drawn.end(0)[0]),
        ),
        Claim::printed(
            id,
            format!(
                "After {steps} steps exponential losses have led to another direction than logistic ones (angle in degrees)"
            ),
            Rule::Above(1.0),
            middle(all, losses),
        ),
        Claim::corrected(
            id,
            format!(
                "After {steps} steps exponential losses have led to the direction of logistic ones (angle in degrees)"
            ),
            Rule::Below(1.0),
            middle(all, losses),
        ),
        Claim::printed(
            id,
            format!("After {steps} steps Adam is off the hard margin by 5° or more (degrees)"),
            Rule::Above(5.0),
            middle(all, |drawn| drawn.end(3)[0]),
        ),
        Claim::must_hold(
            id,
            format!(
                "After {steps} steps the margin in ℓ∞ of Adam is larger than that of gradient descent (difference of shares of the largest)"
            ),
            Rule::Above(0.0),
            Estimate::difference(
                &all.iter().map(|drawn| drawn.end(0)[2]).collect::<Vec<_>>(),
                &all.iter().map(|drawn| drawn.end(3)[2]).collect::<Vec<_>>(),
            ),
        ),
    ]
}

fn of_exercise(all: &[Drawn], steps: usize, epochs: usize) -> [Claim; 6] {
    let id = "structure C.2";
    let column = |of: fn(&Drawn) -> f64| all.iter().map(of).collect::<Vec<f64>>();
    let stochastic = column(|drawn| drawn.exercise.0[0]);
    [
        Claim::printed(
            id,
            format!(
                "After {epochs} epochs stochastic descent has a larger margin than gradient descent on the mean loss (difference of shares of the largest)"
            ),
            Rule::Above(0.0),
            Estimate::difference(&column(|drawn| drawn.exercise.0[1]), &stochastic),
        ),
        Claim::printed(
            id,
            format!(
                "After {epochs} epochs stochastic descent has larger weights than gradient descent on the mean loss (difference of norms)"
            ),
            Rule::Above(0.0),
            Estimate::difference(
                &column(|drawn| drawn.exercise.1[1]),
                &column(|drawn| drawn.exercise.1[0]),
            ),
        ),
        Claim::printed(
            id,
            format!(
                "After {epochs} epochs the noise alone has made the margin larger by 0.05 or more: with the sum of the losses, of the same total step, gradient descent has a smaller one (difference of shares)"
            ),
            Rule::Above(0.05),
            Estimate::difference(&column(|drawn| drawn.exercise.0[2]), &stochastic),
        ),
        Claim::corrected(
            id,
            format!(
                "After {epochs} epochs with the same total step both margins are the same to 0.05 (difference of shares)"
            ),
            Rule::Equals {
                value: 0.0,
                tolerance: 0.05,
            },
            Estimate::difference(&column(|drawn| drawn.exercise.0[2]), &stochastic),
        ),
        Claim::corrected(
            id,
            format!(
                "The angle between gradient descent and stochastic descent passes away: it halves or more from {} steps to {steps} (ratio)",
                steps / 10
            ),
            Rule::Below(0.5),
            middle(all, |drawn| drawn.apart[0][1] / drawn.apart[0][0]),
        ),
        Claim::must_hold(
            id,
            format!(
                "The angle between gradient descent and Adam stays: it does not halve from {} steps to {steps} (ratio)",
                steps / 10
            ),
            Rule::Above(0.5),
            middle(all, |drawn| drawn.apart[1][1] / drawn.apart[1][0]),
        ),
    ]
}

fn of_dichotomy(all: &[Drawn], steps: usize) -> [Claim; 5] {
    let id = "structure E5";
    let column = |arm: usize| {
        all.iter()
            .map(|drawn| drawn.end(arm)[1])
            .collect::<Vec<f64>>()
    };
    [
        Claim::printed(
            "inductive-bias N2",
            format!(
                "After {steps} steps stochastic descent on logistic losses is within 1° of the hard margin (degrees)"
            ),
            Rule::Below(1.0),
            middle(all, |drawn| drawn.end(2)[0]),
        ),
        Claim::printed(
            id,
            format!(
                "After {steps} steps gradient descent is within 1° of the solution of Xw = y of least norm (degrees)"
            ),
            Rule::Below(1.0),
            middle(all, |drawn| drawn.interpolant),
        ),
        Claim::printed(
            id,
            format!(
                "After {steps} steps stochastic descent has a margin larger by 2 % of the largest or more than gradient descent (difference of shares)"
            ),
            Rule::Above(0.02),
            Estimate::difference(&column(0), &column(2)),
        ),
        Claim::corrected(
            id,
            format!(
                "After {steps} steps gradient descent and stochastic descent both are within 1° of the hard margin (the larger angle in degrees)"
            ),
            Rule::Below(1.0),
            middle(all, |drawn| drawn.end(0)[0].max(drawn.end(2)[0])),
        ),
        Claim::corrected(
            id,
            format!(
                "After {steps} steps both margins are the same to 2 % of the largest (difference of shares)"
            ),
            Rule::Equals {
                value: 0.0,
                tolerance: 0.02,
            },
            Estimate::difference(&column(0), &column(2)),
        ),
    ]
}

fn table(all: &[Drawn]) -> Table {
    let columns = [Column::text("optimiser")].into_iter();
    let columns = columns.chain(
        [
            "angle to the hard margin (°)",
            "share of the ℓ₂ margin",
            "share of the ℓ∞ margin",
        ]
        .map(Column::number),
    );
    let rows = ARMS.iter().enumerate().map(|(arm, (_, name))| {
        let of = |which: usize| -> Cell { middle(all, |drawn| drawn.end(arm)[which]).value.into() };
        [Cell::from(*name)]
            .into_iter()
            .chain([0, 1, 2].map(of))
            .collect()
    });
    Table::new(columns)
        .captioned("Medians over seeds at the end")
        .with_rows(rows)
}

fn figure(all: &[Drawn], places: &[usize]) -> Figure {
    let x: Vec<f64> = places.iter().map(|place| *place as f64).collect();
    let panel = |title: &str, y: Axis, which: usize| {
        let mut panel = Panel::new(Axis::counting("steps").log(), y).titled(title);
        for (arm, (_, name)) in ARMS
            .iter()
            .enumerate()
            .filter(|(_, (arm, _))| *arm != Arm::Exponential)
        {
            let rows = (0..x.len()).map(|place| {
                let mut values: Vec<f64> = all
                    .iter()
                    .map(|drawn| drawn.looks[arm][place][which])
                    .collect();
                values.sort_by(f64::total_cmp);
                [values[0], median(&values), values[values.len() - 1]]
            });
            let rows: Vec<[f64; 3]> = rows.collect();
            let column = |which: usize| rows.iter().map(|row| row[which]).collect::<Vec<f64>>();
            let meaning = format!("smallest to largest of {} seeds", all.len());
            panel = panel.with(Line::new(*name, x.clone(), column(1)).with_band(
                column(0),
                column(2),
                meaning,
            ));
        }
        panel
    };
    let share = || Axis::new("share of the largest", "1").over([0.0, 1.05]);
    let largest = || Level::level("largest", 1.0);
    let mut figure = Figure::new("Gradient descent, stochastic descent, Adam")
        .with(panel(
            "direction",
            Axis::new("angle to the hard margin", "°").log(),
            0,
        ))
        .with(panel("ℓ₂ margin", share(), 1).with(largest()))
        .with(panel("ℓ∞ margin", share(), 2).with(largest()));
    figure.columns = 3;
    figure.width = Width::Page;
    figure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_over_the_loss_are_those_of_adam() {
        // Two steps with losses 2 and 1 and gradients 2·(3, −1) and 1·(1, 1), by the formulas of the paper.
        let mut moments = Moments {
            first: vec![0.0; 2],
            second: vec![0.0; 2],
            log_loss: f64::NAN,
        };
        moments.step(&[3.0, -1.0], 2f64.ln(), 1);
        let found = moments.step(&[1.0, 1.0], 0.0, 2);
        let mean = |a: f64, b: f64, kept: f64| {
            (kept * (1.0 - kept) * a + (1.0 - kept) * b) / (1.0 - kept * kept)
        };
        for (found, (a, b)) in found.iter().zip([(6.0f64, 1.0f64), (-2.0, 1.0)]) {
            let expected = mean(a, b, 0.9) / mean(a * a, b * b, 0.99).sqrt();
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn the_first_step_of_adam_is_a_sign() {
        let mut moments = Moments {
            first: vec![0.0; 2],
            second: vec![0.0; 2],
            log_loss: f64::NAN,
        };
        let step = moments.step(&[1e-3, -5.0], 0.0, 1);
        assert!((step[0] - 1.0).abs() < 1e-12 && (step[1] + 1.0).abs() < 1e-12);
    }
}
