//! Gradient descent and RMSProp on an ill-conditioned quadratic.

use super::{each, equals, power};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Colours, Field, Figure, Line, Mark, Panel, Width};
use crate::problem::dense::{column, numbers};
use crate::problem::draw;
use crate::problem::quadratic::{Quadratic, log_spaced, steps_until};
use crate::problem::vector::{moved, norm};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};

const DIRECTIONS: Count = Count::new("directions", "eigendirections of the quadratic", 100)
    .quick(20)
    .allowed(5.0, 500.0);
const RATE: Number =
    Number::new("rate", "step size of gradient descent", 0.01).allowed(1e-4, 0.0199);
const ADAPTIVE_RATE: Number =
    Number::new("adaptive_rate", "first step size of RMSProp", 0.1).allowed(1e-4, 1.0);
const FORGETTING: Number =
    Number::new("forgetting", "decay of RMSProp's mean squares", 0.999).allowed(0.0, 0.99999);
const CONDITIONS: Numbers = Numbers::new(
    "conditions",
    "condition numbers that are compared",
    &[10.0, 30.0, 100.0, 300.0, 1e3, 3e3],
)
.quick(&[10.0, 30.0, 100.0, 300.0])
.allowed(2.0, 1e5);

/// The eigenvalues of the exercise.
const ENDS: [f64; 2] = [0.1, 100.0];
/// The distance that counts as convergence.
const TARGET: f64 = 1e-7;
/// After so many steps the text has gradient descent, and RMSProp, converged.
const SAID: [usize; 2] = [10_000, 2_000];
/// By how much a decaying step size shrinks in each step.
const DECAY: f64 = 0.98;
/// A tenth of the start: to there, steps in each direction are compared.
const TENTH: f64 = 0.1;

/// By what RMSProp's first step size is divided where its steps to a tenth are counted: the cycle at the end is then far below a tenth.
const SMALLER: f64 = 10.0;

/// Flat-vs-sharp C.6.
#[derive(Debug)]
pub struct AdaptiveStepSizes;

/// What a method does to the mean squares of gradients and the coordinates.
struct RmsProp {
    w: Vec<f64>,
    squares: Vec<f64>,
    forgetting: f64,
}

impl RmsProp {
    fn new(count: usize, forgetting: f64) -> Self {
        Self {
            w: vec![1.0; count],
            squares: vec![0.0; count],
            forgetting,
        }
    }

    /// `v ← β₂v + (1 − β₂)g²; w ← w − η g/√v̂`, with Adam's correction of v for its start at zero (Kingma & Ba 2015).
    fn step(&mut self, rate: f64, count: i32, gradient: &[f64]) {
        let seen = 1.0 - self.forgetting.powi(count);
        for ((w, square), slope) in self.w.iter_mut().zip(&mut self.squares).zip(gradient) {
            *square = self.forgetting * *square + (1.0 - self.forgetting) * slope * slope;
            if *square > 0.0 {
                *w -= rate * slope / (*square / seen).sqrt();
            }
        }
    }
}

impl Experiment for AdaptiveStepSizes {
    fn about(&self) -> About {
        About {
            name: "adaptive-step-sizes",
            subject: Subject::Optimisation,
            claim: "On an ill-conditioned quadratic, RMSProp moves all coordinates at one speed where these are the eigendirections; \
                    with a constant step size it does not converge.",
            source: "Implicit Bias, Flat vs Sharp Minima, and Generalization (course text), Exercise C.6",
            mathematics: "At θ₀ = 0, where the task starts, the gradient is 0: here every coordinate starts at 1. \
                Gradient descent multiplies the coordinate with eigenvalue λ by 1 − ηλ each step: with η = 0.01 and \
                λ = 0.1 it takes ln(10⁷)/(−ln 0.999) ≈ 16 110 steps to 10⁻⁷ of the start. RMSProp divides each gradient λw by \
                the root of its mean square, in which λ cancels, so that with Λ diagonal all coordinates move alike, by \
                about η a step. A step does not shrink with the gradient once the \
                mean squares have followed it: the coordinates end in a cycle of the size of η, or, where the mean squares \
                are slow to forget, leap away whenever they have. With η that decays they converge. In rotated coordinates nothing cancels.",
            refuted_by: "RMSProp with a constant step size that comes to rest, or steps that depend on λ in its own coordinates.",
            seeds: Extent { full: 20, quick: 8 },
            seconds: Extent {
                full: 0.4,
                quick: 0.1,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            DIRECTIONS.parameter(),
            RATE.parameter(),
            ADAPTIVE_RATE.parameter(),
            FORGETTING.parameter(),
            CONDITIONS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let quadratic = Quadratic::log_spaced(ENDS[0], ENDS[1], setup.get(DIRECTIONS));
        let (rate, adaptive, forgetting) = (
            setup.get(RATE),
            setup.get(ADAPTIVE_RATE),
            setup.get(FORGETTING),
        );
        let conditions = setup.get(CONDITIONS);
        let rows = setup.over(&conditions, |condition| {
            Ok(speeds(*condition, adaptive, forgetting))
        })?;
        let rotated =
            setup.over_seeds(|streams| Ok(rotated_growth(adaptive, forgetting, streams)))?;
        Ok(Findings::new()
            .claims(descent(&quadratic, rate))
            .claims(constant(&quadratic, adaptive, forgetting))
            .claims(speedup(adaptive / SMALLER, &conditions, &rows, &rotated))
            .figure("paths", paths(&quadratic, rate, adaptive, forgetting))
            .figure("conditions", figure(&conditions, &rows)))
    }
}

/// The distance from the minimum after each step of gradient descent from (1, 1, ...).
fn plain_steps(
    quadratic: &Quadratic,
    rate: f64,
    below: impl Fn(&[f64]) -> f64,
    target: f64,
) -> f64 {
    let mut w = vec![1.0; quadratic.eigenvalues.len()];
    let step = || {
        w.iter_mut()
            .zip(&quadratic.eigenvalues)
            .for_each(|(w, eigenvalue)| *w *= 1.0 - rate * eigenvalue);
        below(&w)
    };
    steps_until(target, 10_000_000, step).map_or(f64::NAN, |steps| steps as f64)
}

fn descent(quadratic: &Quadratic, rate: f64) -> Vec<Claim> {
    let id = "flat-vs-sharp C.6";
    let flattest = plain_steps(quadratic, rate, |w| w[0].abs(), TARGET);
    let all = plain_steps(quadratic, rate, norm, TARGET);
    let expected = (TARGET.ln() / (1.0 - rate * ENDS[0]).ln()).ceil();
    // The length of the way, as a share of the distance from the start of ones.
    let way = |start: f64| {
        let mut w = vec![start; quadratic.eigenvalues.len()];
        for _ in 0..SAID[0] {
            w = moved(&w, -rate, &quadratic.gradient(&w));
        }
        let way: Vec<f64> = w.iter().map(|w| start - w).collect();
        norm(&way) / (w.len() as f64).sqrt()
    };
    let goes = |start: &str| {
        format!(
            "From {start}, gradient descent goes somewhere in {} steps: by more than half of the distance of ones from the \
             minimum.",
            SAID[0]
        )
    };
    vec![
        Claim::printed(
            id,
            goes("the start θ₀ = 0 of the task"),
            Rule::Above(0.5),
            Estimate::exact(way(0.0), 0.0),
        ),
        Claim::corrected(
            id,
            goes("a start of ones, as 0 is the minimum"),
            Rule::Above(0.5),
            Estimate::exact(way(1.0), 1e-9),
        ),
        Claim::printed(
            id,
            "Gradient descent takes about 6900 steps until the flattest coordinate is 10⁻⁷ of its start.",
            equals(6900.0, 690.0),
            Estimate::exact(flattest, 0.5),
        ),
        Claim::printed(
            id,
            format!(
                "Gradient descent from a start of ones takes about {} steps to a distance of 10⁻⁷.",
                SAID[0]
            ),
            equals(SAID[0] as f64, 0.1 * SAID[0] as f64),
            Estimate::exact(all, 0.5),
        ),
        Claim::corrected(
            id,
            format!(
                "Gradient descent takes ln 10⁻⁷ / ln(1 − ηλ) = {expected} steps until the flattest coordinate is 10⁻⁷ of its \
                     start."
            ),
            equals(expected, 1.0),
            Estimate::exact(flattest, 0.0),
        ),
    ]
}

/// Of RMSProp from ones: the distance after each of so many steps, with the step size of each step.
fn adaptive_path(
    quadratic: &Quadratic,
    forgetting: f64,
    steps: usize,
    rate: impl Fn(usize) -> f64,
) -> Vec<Vec<f64>> {
    let mut method = RmsProp::new(quadratic.eigenvalues.len(), forgetting);
    let path = (0..steps).map(|step| {
        let gradient = quadratic.gradient(&method.w);
        method.step(rate(step), step as i32 + 1, &gradient);
        method.w.clone()
    });
    path.collect()
}

fn constant(quadratic: &Quadratic, rate: f64, forgetting: f64) -> Vec<Claim> {
    let id = "flat-vs-sharp C.6";
    let farthest_late = |forgetting: f64| {
        let path = adaptive_path(quadratic, forgetting, SAID[0], |_| rate);
        path[SAID[1]..].iter().map(|w| norm(w)).fold(0.0, f64::max)
    };
    let late = farthest_late(forgetting);
    let short = farthest_late(0.9);
    let decayed = adaptive_path(quadratic, 0.9, SAID[1], |step| {
        rate * DECAY.powi(step as i32)
    });
    let decayed = decayed.last().map_or(f64::NAN, |w| norm(w));
    let said = |what: &str| {
        format!(
            "{what}, RMSProp has converged after {} steps: from then to step {} the distance is at most 10⁻⁷.",
            SAID[1], SAID[0]
        )
    };
    vec![
        Claim::printed(
            id,
            said(&format!(
                "With a constant step size {rate} and β₂ = {forgetting}"
            )),
            Rule::Below(TARGET),
            // Which of the coordinates have left zero at a time hangs on rounding.
            Estimate::exact(late, 0.5 * late),
        ),
        Claim::printed(
            id,
            said(&format!("With a constant step size {rate} and β₂ = 0.9")),
            Rule::Below(TARGET),
            Estimate::exact(short, 0.01 * short),
        ),
        Claim::corrected(
            id,
            format!(
                "With a step size that shrinks by {DECAY} each step and β₂ = 0.9, the distance is at most 10⁻⁷ after {} steps.",
                SAID[1]
            ),
            Rule::Below(TARGET),
            Estimate::exact(decayed, 0.01 * decayed),
        ),
    ]
}

/// The steps until every coordinate has been below a tenth of its start, of gradient descent with η = 1/λ₁ and RMSProp.
fn speeds(condition: f64, rate: f64, forgetting: f64) -> [f64; 2] {
    let quadratic = Quadratic {
        eigenvalues: log_spaced(1.0, condition, 20),
    };
    let plain = plain_steps(&quadratic, 1.0 / condition, largest, TENTH);
    [
        plain,
        steps_to_tenth(rate, forgetting, 20, |w| quadratic.gradient(w)),
    ]
}

fn largest(w: &[f64]) -> f64 {
    w.iter().fold(0.0, |largest, w| largest.max(w.abs()))
}

fn steps_to_tenth(
    rate: f64,
    forgetting: f64,
    count: usize,
    gradient: impl Fn(&[f64]) -> Vec<f64>,
) -> f64 {
    let mut method = RmsProp::new(count, forgetting);
    let mut taken = 0;
    let step = || {
        taken += 1;
        let slope = gradient(&method.w);
        method.step(rate / SMALLER, taken, &slope);
        largest(&method.w)
    };
    steps_until(TENTH, 100_000, step).map_or(f64::NAN, |steps| steps as f64)
}

/// With which power of the condition number RMSProp's steps grow in randomly rotated coordinates.
fn rotated_growth(rate: f64, forgetting: f64, streams: Streams) -> f64 {
    let conditions = [10.0, 100.0, 1000.0];
    let basis = draw::orthogonal(&mut streams.stream("basis", 0), 20);
    let steps = conditions.map(|condition| {
        let quadratic = Quadratic {
            eigenvalues: log_spaced(1.0, condition, 20),
        };
        steps_to_tenth(rate, forgetting, 20, |w| {
            let inside = numbers((basis.transpose() * column(w)).as_ref());
            numbers((&basis * column(&quadratic.gradient(&inside))).as_ref())
        })
    });
    power(&conditions, &steps)
}

fn speedup(rate: f64, conditions: &[f64], rows: &[[f64; 2]], rotated: &[f64]) -> Vec<Claim> {
    let id = "flat-vs-sharp C.6";
    let logs = |values: Vec<f64>| values.into_iter().map(f64::ln).collect::<Vec<_>>();
    let x = logs(conditions.to_vec());
    let growth = |of: &dyn Fn(&[f64; 2], f64) -> f64| {
        let values = rows
            .iter()
            .zip(conditions)
            .map(|(row, condition)| of(row, *condition));
        Estimate::slope(&x, &logs(values.collect()))
    };
    let over = format!(
        "the ratio of the steps of gradient descent (η = 1/λ₁) to those of RMSProp (η = {rate})"
    );
    vec![
        Claim::printed(
            id,
            format!(
                "In the eigendirections, the steps of RMSProp with η = {rate} until all coordinates are a tenth of their start \
                     grow as the power 0 of the condition number."
            ),
            equals(0.0, 0.05),
            growth(&|row, _| row[1]),
        ),
        Claim::printed(
            id,
            format!(
                "To a tenth of the start, {over} grows as the logarithm of the condition number: over it, as the power 0."
            ),
            equals(0.0, 0.1),
            growth(&|row, condition| row[0] / row[1] / condition.ln()),
        ),
        Claim::corrected(
            id,
            format!(
                "To a tenth of the start, {over} grows as the condition number itself: as its power 1."
            ),
            equals(1.0, 0.1),
            growth(&|row, _| row[0] / row[1]),
        ),
        Claim::must_fail(
            id,
            format!(
                "In randomly rotated coordinates, the steps of RMSProp with η = {rate} grow as the power 0 of the condition number."
            ),
            equals(0.0, 0.05),
            Estimate::mean(&each(rotated, |growth| *growth)),
        ),
    ]
}

fn paths(quadratic: &Quadratic, rate: f64, adaptive: f64, forgetting: f64) -> Figure {
    let steps = 3000;
    let plain: Vec<Vec<f64>> = (1..=steps)
        .map(|step| {
            quadratic
                .eigenvalues
                .iter()
                .map(|eigenvalue| (1.0 - rate * eigenvalue).powi(step))
                .collect()
        })
        .collect();
    let constant = adaptive_path(quadratic, forgetting, steps as usize, |_| adaptive);
    let panel = |title: String, path: &[Vec<f64>]| {
        let every = 25;
        let edges: Vec<f64> = (0..=path.len() / every)
            .map(|cell| (cell * every) as f64)
            .collect();
        let count = quadratic.eigenvalues.len();
        let spacing = (ENDS[1] / ENDS[0]).powf(0.5 / (count as f64 - 1.0));
        let borders = quadratic
            .eigenvalues
            .iter()
            .map(|eigenvalue| eigenvalue / spacing);
        // The farthest within each cell, so that none of its steps is lost.
        let cell = |direction: usize, edge: &f64| {
            let steps = path[*edge as usize..].iter().take(every);
            let farthest = steps.fold(1e-12, |most: f64, w| most.max(w[direction].abs()));
            farthest.log10()
        };
        let row = |direction: usize| {
            edges[..edges.len() - 1]
                .iter()
                .map(|edge| cell(direction, edge))
                .collect()
        };
        let values = (0..count).map(row);
        let field = Field {
            x: edges.clone(),
            y: borders.chain([ENDS[1] * spacing]).collect(),
            values: values.collect(),
            colour: Axis::new("log₁₀ |coordinate|", "1").over([-12.0, 0.0]),
            colours: Colours::Sequential,
        };
        Panel::new(
            Axis::counting("steps"),
            Axis::new("eigenvalue λ", "1").log(),
        )
        .titled(title)
        .with(Mark::Heat(field))
    };
    let figure = Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("How far each eigendirection is from the minimum")
    };
    figure
        .with(panel(format!("Gradient descent, η = {rate}"), &plain))
        .with(panel(
            format!("RMSProp, η = {adaptive}, β₂ = {forgetting}"),
            &constant,
        ))
}

fn figure(conditions: &[f64], rows: &[[f64; 2]]) -> Figure {
    let of = |index: usize| rows.iter().map(|row| row[index]).collect::<Vec<_>>();
    let logarithm = conditions
        .iter()
        .map(|condition| of(1)[0] * condition.ln())
        .collect();
    let panel = Panel::new(
        Axis::new("condition number κ", "1").log(),
        Axis::counting("steps").log(),
    )
    .with(Line::new("gradient descent", conditions.to_vec(), of(0)).with_markers())
    .with(Line::new("RMSProp", conditions.to_vec(), of(1)).with_markers())
    .with(
        Line::new("log κ times RMSProp", conditions.to_vec(), logarithm)
            .styled(crate::figure::Style::REFERENCE),
    );
    Figure::new("Steps to a tenth of the start").with(panel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flattest_coordinate_takes_sixteen_thousand_steps() {
        let quadratic = Quadratic {
            eigenvalues: vec![0.1, 100.0],
        };
        assert_eq!(
            plain_steps(&quadratic, 0.01, |w| w[0].abs(), 1e-7),
            16_111.0
        );
    }

    #[test]
    fn rmsprop_does_not_see_the_size_of_a_gradient() {
        let path = adaptive_path(
            &Quadratic {
                eigenvalues: vec![0.1, 100.0],
            },
            0.9,
            300,
            |_| 0.1,
        );
        assert!(path.iter().all(|w| (w[0] - w[1]).abs() < 1e-9));
        // The first step is η; without decay it ends in a cycle of about that size.
        assert!((path[0][0] - 0.9).abs() < 1e-12);
        assert!(largest(&path[299]) > 0.01 && largest(&path[299]) < 0.2);
    }
}
