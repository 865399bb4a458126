//! Coordinate descent by tiny steps on squares beside the path of the lasso: one where that path is monotone.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Points as Dots, Style, Width};
use crate::problem::separable::Norm;
use crate::problem::vector::add;
use crate::problem::{dense, draw};
use crate::random::StreamRng;
use crate::statistics::{Estimate, Rule};
use crate::table::{Column, Table};
use faer::{Col, Mat};

/// See [`Experiment::about`].
#[derive(Debug)]
pub struct StagewiseAndTheLasso;

const SAMPLES: Count = Count::new("samples", "equations", 4).allowed(2.0, 20.0);
const FEATURES: Count =
    Count::new("features", "unknowns, more than equations", 10).allowed(3.0, 60.0);
const STEP: Number = Number::new(
    "step",
    "part of the gradient by which a coordinate moves, relative to 1/curvature",
    5e-4,
)
.quick(1e-3)
.allowed(1e-4, 0.5);
const CLOSE: Number = Number::new(
    "close",
    "distance between paths, relative to the length of the solution, that counts as none",
    0.005,
)
.allowed(1e-4, 1.0);

/// Where descent counts as ended: the largest derivative relative to the first.
const ENDED: f64 = 1e-6;

/// `y = Xw` with more unknowns than equations, and columns of length 1.
struct Regression {
    x: Mat<f64>,
    y: Col<f64>,
}

fn regression(rng: &mut StreamRng, samples: usize, features: usize) -> Regression {
    let raw = draw::gaussian(rng, samples, features);
    let x = Mat::from_fn(samples, features, |row, column| {
        raw[(row, column)] / raw.col(column).norm_l2()
    });
    Regression {
        x,
        y: draw::normals(rng, samples),
    }
}

/// The solutions of min ½‖Xw − y‖² + λ‖w‖₁ from the λ where they leave zero down to λ = 0; straight between these knots.
///
/// Follows the conditions xⱼᵀ(y − Xw) = λ sign wⱼ of the nonzero and |xⱼᵀ(y − Xw)| ≤ λ of the other coordinates (Osborne,
/// Presnell & Turlach 2000, "A new approach to variable selection in least squares problems").
fn lasso(regression: &Regression) -> Result<Vec<Vec<f64>>, ExperimentError> {
    let features = regression.x.ncols();
    let gram = regression.x.transpose() * &regression.x;
    let mut pulls = dense::numbers((regression.x.transpose() * &regression.y).as_ref());
    let mut lambda = Norm::Infinity.of(&pulls);
    let mut w = vec![0.0; features];
    let mut active: Vec<usize> = (0..features)
        .filter(|j| pulls[*j].abs() == lambda)
        .collect();
    let mut knots = vec![w.clone()];
    let mut left = None;
    for _ in 0..40 * features {
        let signs: Vec<f64> = active.iter().map(|j| pulls[*j].signum()).collect();
        let inner = Mat::from_fn(active.len(), active.len(), |a, b| {
            gram[(active[a], active[b])]
        });
        let rates = dense::solve(inner.as_ref(), dense::column(&signs).as_ref())?;
        // How fast the pulls fall, all by 1 on the active ones.
        let falls: Vec<f64> = (0..features)
            .map(|j| {
                active
                    .iter()
                    .zip(rates.iter())
                    .map(|(k, rate)| gram[(j, *k)] * rate)
                    .sum()
            })
            .collect();
        let mut event = (lambda, None);
        for j in 0..features {
            let at = match active.iter().position(|k| *k == j) {
                Some(place) => [-w[j] / rates[place], f64::INFINITY],
                None if left == Some(j) => [f64::INFINITY; 2],
                None => [
                    (lambda - pulls[j]) / (1.0 - falls[j]),
                    (lambda + pulls[j]) / (1.0 + falls[j]),
                ],
            };
            // With as many active coordinates as equations all pulls end together, where rounding would call one more.
            for at in at
                .into_iter()
                .filter(|at| *at > 1e-12 * lambda && *at < (1.0 - 1e-9) * lambda)
            {
                if at < event.0 {
                    event = (at, Some(j));
                }
            }
        }
        let (length, who) = event;
        for (j, rate) in active.iter().zip(rates.iter()) {
            w[*j] += length * rate;
        }
        add(&mut pulls, -length, &falls);
        lambda -= length;
        left = None;
        match who {
            Some(j) if active.contains(&j) => {
                w[j] = 0.0;
                active.retain(|k| *k != j);
                left = Some(j);
            }
            Some(j) => active.push(j),
            None => {}
        }
        knots.push(w.clone());
        if who.is_none() {
            return Ok(knots);
        }
    }
    Err(ExperimentError::because(
        "the path of a lasso has too many knots",
    ))
}

/// How far coordinates go back along a path, the furthest of them, relative to the sum of absolute values at its end.
fn retreat(knots: &[Vec<f64>]) -> f64 {
    let end = knots.last().map_or(1.0, |w| Norm::One.of(w));
    let coordinates = knots.first().map_or(0, Vec::len);
    let back = |j: usize| -> f64 {
        let falls = knots
            .windows(2)
            .map(|pair| (pair[0][j].abs() - pair[1][j].abs()).max(0.0));
        falls.sum::<f64>() / end
    };
    (0..coordinates).map(back).fold(0.0, f64::max)
}

/// The point of a path with this sum of absolute values; its end beyond.
fn at(knots: &[Vec<f64>], sum: f64) -> Vec<f64> {
    for pair in knots.windows(2) {
        let [before, after] = [&pair[0], &pair[1]].map(|w| Norm::One.of(w));
        if sum <= after && after > before {
            let share = (sum - before) / (after - before);
            return pair[0]
                .iter()
                .zip(&pair[1])
                .map(|(a, b)| a + share * (b - a))
                .collect();
        }
    }
    knots.last().cloned().unwrap_or_default()
}

/// Coordinate descent with a small part of the exact step, always on the coordinate with the largest derivative: points
/// of its way, the last one where it ends.
fn stagewise(
    setup: &Setup,
    regression: &Regression,
    step: f64,
) -> Result<Vec<Vec<f64>>, ExperimentError> {
    let gram = regression.x.transpose() * &regression.x;
    let gram: Vec<Vec<f64>> = (0..gram.ncols())
        .map(|j| dense::numbers(gram.col(j)))
        .collect();
    let mut pulls = dense::numbers((regression.x.transpose() * &regression.y).as_ref());
    let first = Norm::Infinity.of(&pulls);
    let mut w = vec![0.0; gram.len()];
    let mut way = vec![w.clone()];
    let mut next = 0.0;
    for iteration in 0..5_000_000usize {
        let mut best = 0;
        for j in 1..pulls.len() {
            if pulls[j].abs() > pulls[best].abs() {
                best = j;
            }
        }
        if pulls[best].abs() < ENDED * first {
            break;
        }
        let length = step * pulls[best];
        w[best] += length;
        add(&mut pulls, -length, &gram[best]);
        next += length.abs();
        if next > 0.01 {
            way.push(w.clone());
            next = 0.0;
        }
        if iteration % 65_536 == 0 {
            setup.go_on()?;
        }
    }
    way.push(w);
    Ok(way)
}

/// The largest distance between a way and a path at one sum of absolute values, relative to the end of the path.
fn distance(way: &[Vec<f64>], knots: &[Vec<f64>]) -> f64 {
    let end = knots.last().map_or(1.0, |w| Norm::Two.of(w));
    let off = way.iter().map(|w| {
        let mut difference = at(knots, Norm::One.of(w));
        add(&mut difference, -1.0, w);
        Norm::Two.of(&difference) / end
    });
    off.fold(0.0, f64::max)
}

/// What one draw gives.
struct Drawn {
    knots: Vec<Vec<f64>>,
    way: Vec<Vec<f64>>,
    retreat: f64,
    distance: f64,
    /// Sums of absolute values over the least one, minus 1: of coordinate descent and of gradient descent.
    excess: [f64; 2],
}

fn draw_one(setup: &Setup, rng: &mut StreamRng) -> Result<Drawn, ExperimentError> {
    let regression = regression(rng, setup.get(SAMPLES), setup.get(FEATURES));
    let knots = lasso(&regression)?;
    let way = stagewise(setup, &regression, setup.get(STEP))?;
    let euclid = dense::least_norm(regression.x.as_ref(), regression.y.as_ref())?;
    let ends = [
        way.last().cloned().unwrap_or_default(),
        dense::numbers(euclid.as_ref()),
    ];
    let least = Norm::One.of(knots.last().map_or(&[], Vec::as_slice));
    Ok(Drawn {
        retreat: retreat(&knots),
        distance: distance(&way, &knots),
        excess: ends.map(|end| Norm::One.of(&end) / least - 1.0),
        knots,
        way,
    })
}

impl Experiment for StagewiseAndTheLasso {
    fn about(&self) -> About {
        About {
            name: "stagewise-and-the-lasso",
            subject: Subject::Margins,
            claim: "Coordinate descent by tiny steps follows the path of the lasso where that path is monotone, and leaves it \
                    where it is not.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 8.1.1, Example 1; Efron, Hastie, Johnstone & Tibshirani \
                     2004, \"Least angle regression\"",
            mathematics: "Steepest descent in the norm of absolute values moves the coordinate with the largest derivative; by tiny \
                steps it is forward stagewise selection, or ε-boosting. The lasso min ½‖Xw − y‖² + λ‖w‖₁ has solutions that are \
                straight lines between knots as λ falls to zero, where it is the solution of least ‖w‖₁; the path is followed \
                exactly from knot to knot. Both paths are compared where they have the same ‖w‖₁. Descent can only spend ‖w‖₁ \
                while all coordinates move away from zero; where a coordinate of the lasso goes back, the two \
                must part. A coordinate retreats by the sum of its falls in absolute value, relative to ‖w‖₁ at the end. The \
                equations are Gaussian with columns of length 1, and fewer than the unknowns.",
            refuted_by: "A monotone path of the lasso that descent leaves by more than its step size explains, or one that is not \
                         monotone and that descent follows.",
            seeds: Extent {
                full: 200,
                quick: 60,
            },
            seconds: Extent {
                full: 0.2,
                quick: 0.1,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            FEATURES.parameter(),
            STEP.parameter(),
            CLOSE.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        if setup.get(FEATURES) <= setup.get(SAMPLES) {
            return Err(ExperimentError::because(
                "`features` needs to be larger than `samples`",
            ));
        }
        let close = setup.get(CLOSE);
        let all = setup.over_seeds(|streams| draw_one(setup, &mut streams.stream("data", 0)))?;
        let (monotone, others): (Vec<&Drawn>, Vec<&Drawn>) =
            all.iter().partition(|drawn| drawn.retreat < 1e-9);
        let median = |of: &dyn Fn(&Drawn) -> f64, among: &[&Drawn]| {
            Estimate::median(&among.iter().map(|drawn| of(drawn)).collect::<Vec<_>>())
        };
        let agrees = |drawn: &&Drawn| (drawn.retreat < 1e-9) == (drawn.distance < close);
        let agreeing = all.iter().filter(agrees).count();
        let findings = Findings::new()
            .claim(Claim::printed(
                "theory 8-5",
                "Where the path of the lasso is monotone, descent follows it (largest distance, relative to the solution)",
                Rule::Below(close),
                median(&|drawn| drawn.distance, &monotone),
            ))
            .claim(Claim::printed(
                "theory 8-5",
                "Where that path is monotone, descent ends at the least sum of absolute values (excess)",
                Rule::Equals { value: 0.0, tolerance: 1e-3 },
                median(&|drawn| drawn.excess[0], &monotone),
            ))
            .claim(Claim::printed(
                "theory 8-5",
                "Where that path is not monotone, descent leaves it (largest distance, relative to the solution)",
                Rule::Above(close),
                median(&|drawn| drawn.distance, &others),
            ))
            .claim(Claim::printed(
                "theory 8-5",
                "Where that path is not monotone, descent can end above the least sum of absolute values (excess)",
                Rule::Above(1e-3),
                median(&|drawn| drawn.excess[0], &others),
            ))
            .claim(Claim::printed(
                "theory 8-5",
                format!("The two paths are within {close} of each other exactly where that of the lasso is monotone, in 9 of 10 problems or more"),
                Rule::Above(0.9),
                Estimate::proportion(agreeing, all.len()),
            ))
            .claim(Claim::must_hold(
                "theory 8-5",
                "Gradient descent ends above the least sum of absolute values by a tenth or more where the path of the lasso is monotone",
                Rule::Above(0.1),
                median(&|drawn| drawn.excess[1], &monotone),
            ));
        let columns = [
            "retreat",
            "distance",
            "excess of coordinate descent",
            "excess of gradient descent",
        ];
        let rows = all.iter().map(|drawn| {
            vec![
                drawn.retreat.into(),
                drawn.distance.into(),
                drawn.excess[0].into(),
                drawn.excess[1].into(),
            ]
        });
        let figure = figure(monotone.first().copied(), furthest(&others), &all);
        Ok(findings
            .table(
                "problems",
                Table::new(columns.map(Column::number)).with_rows(rows),
            )
            .figure("paths", figure))
    }
}

fn furthest<'a>(among: &[&'a Drawn]) -> Option<&'a Drawn> {
    among
        .iter()
        .copied()
        .max_by(|a, b| a.distance.total_cmp(&b.distance))
}

fn figure(monotone: Option<&Drawn>, other: Option<&Drawn>, all: &[Drawn]) -> Figure {
    let mut figure = Figure::new("Paths of descent and of the lasso");
    let shown = [
        ("monotone lasso", monotone),
        ("lasso that goes back", other),
    ];
    for (title, drawn) in shown {
        let axes = (
            Axis::new("‖w‖₁", "1").including(0.0),
            Axis::new("coordinates", "1"),
        );
        let mut panel = Panel::new(axes.0, axes.1).titled(title);
        for (j, drawn) in drawn
            .iter()
            .flat_map(|drawn| (0..drawn.knots[0].len()).map(move |j| (j, drawn)))
        {
            for (label, path, style) in [
                (
                    "lasso",
                    &drawn.knots,
                    Style {
                        colour: Some(0),
                        dash: 0,
                    },
                ),
                (
                    "descent",
                    &drawn.way,
                    Style {
                        colour: Some(1),
                        dash: 1,
                    },
                ),
            ] {
                let sums = path.iter().map(|w| Norm::One.of(w)).collect();
                let values: Vec<f64> = path.iter().map(|w| w[j]).collect();
                if values.iter().any(|value| *value != 0.0) {
                    panel = panel.with(Line::new(label, sums, values).styled(style));
                }
            }
        }
        figure = figure.with(panel);
    }
    let axes = (
        Axis::new("furthest retreat of a coordinate", "1").linear(),
        Axis::new("largest distance", "1").linear(),
    );
    let of = |of: fn(&Drawn) -> f64| all.iter().map(of).collect::<Vec<f64>>();
    let dots = Dots::new(
        "problem",
        of(|drawn| drawn.retreat),
        of(|drawn| drawn.distance),
    );
    let mut figure = figure.with(Panel::new(axes.0, axes.1).titled("all problems").with(dots));
    figure.columns = 3;
    figure.width = Width::Page;
    figure
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::vector::inner;
    use crate::random::Streams;

    #[test]
    fn the_path_of_the_lasso_meets_its_conditions_at_every_knot() {
        for seed in 0..20 {
            let regression = regression(&mut Streams::new(seed).stream("test", 0), 4, 9);
            let knots = lasso(&regression).unwrap();
            for w in &knots[1..] {
                let left = &regression.y - &regression.x * dense::column(w);
                let pulls = dense::numbers((regression.x.transpose() * &left).as_ref());
                let lambda = Norm::Infinity.of(&pulls);
                let on = w.iter().zip(&pulls).filter(|(w, _)| **w != 0.0);
                for (w, pull) in on {
                    assert!((pull - lambda * w.signum()).abs() < 1e-9, "{seed}");
                }
            }
            let end = dense::column(knots.last().unwrap());
            assert!((&regression.x * end - &regression.y).norm_l2() < 1e-9);
        }
    }

    #[test]
    fn the_end_of_the_lasso_has_the_least_sum_of_absolute_values() {
        // No interpolant has a sum below yᵀν where |Xᵀν| ≤ 1: ν is the residual at the last knot before the end.
        let regression = regression(&mut Streams::new(3).stream("test", 0), 4, 9);
        let knots = lasso(&regression).unwrap();
        let before = dense::column(&knots[knots.len() - 2]);
        let residual = dense::numbers((&regression.y - &regression.x * before).as_ref());
        let pulls = dense::numbers((regression.x.transpose() * dense::column(&residual)).as_ref());
        let bound =
            inner(&residual, &dense::numbers(regression.y.as_ref())) / Norm::Infinity.of(&pulls);
        assert!((Norm::One.of(knots.last().unwrap()) - bound).abs() < 1e-9);
    }

    #[test]
    fn orthogonal_columns_give_a_monotone_path() {
        let x = Mat::from_fn(3, 3, |row, column| if row == column { 1.0 } else { 0.0 });
        let knots = lasso(&Regression {
            x,
            y: dense::column(&[3.0, -1.0, 2.0]),
        })
        .unwrap();
        assert_eq!(retreat(&knots), 0.0);
        assert_eq!(at(&knots, 2.0), vec![1.5, 0.0, 0.5]);
    }
}
