//! What wide networks of one input put between the points: fits of small total curvature.

use crate::experiment::parameter::Handle;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Number, Parameter, Setup,
    Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Points, Style, Width};
use crate::problem::linear_program::LinearProgram;
use crate::problem::relu::TwoLayer;
use crate::problem::{dense, draw};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};
use faer::{Mat, Scale};
use rand::RngExt;

const POINTS: Count = Count::new("points", "places with values", 6).allowed(3.0, 20.0);
const KNOTS: Count = Count::new(
    "knots",
    "places at which units of the exact solution may bend, beside those of the values",
    80,
)
.allowed(10.0, 300.0);
const WIDTH: Count = Count::new(
    "width",
    "hidden units of the networks, half of them twins of the others",
    200,
)
.allowed(20.0, 5000.0);
const SMALL: Number =
    Number::new("small", "small scale of the weights at the start", 0.1).allowed(0.01, 1.0);
const LARGE: Number =
    Number::new("large", "large scale of the weights at the start", 3.0).allowed(1.0, 30.0);
const STEPS: Count = Count::new("steps", "most steps of gradient descent", 20_000)
    .quick(4_000)
    .allowed(100.0, 1e6);
/// Half the length of the interval on which functions are looked at; the points lie in [−1, 1].
const REACH: f64 = 3.0;
/// Twice that over the resolution.
const CELLS: usize = 600;

/// What one draw gives.
struct Draw {
    x: Vec<f64>,
    y: Vec<f64>,
    /// The least weights of a network over the least cost of any function through the points.
    exact: f64,
    /// The cost of the networks' functions over that: from small and from large weights.
    costs: [f64; 2],
    /// The same of the polynomial through the points.
    polynomial: f64,
    /// The values on the grid of the two networks.
    functions: [Vec<f64>; 2],
}

/// Linear splines from wide networks.
#[derive(Debug)]
pub struct LinearSplines;

impl Experiment for LinearSplines {
    fn about(&self) -> About {
        About {
            name: "linear-splines",
            subject: Subject::Kernels,
            claim: "A wide ReLU network of one input with small weights fits points by a function of small total curvature, such as a linear spline.",
            source: "Inductive bias of optimisation (lecture notes); Savarese et al. 2019, How do infinite width bounded norm networks look in function space?",
            mathematics: "A network Σ aᵣ(wᵣx + bᵣ)₊ + c with half the sum of aᵣ² + wᵣ² has, after balancing, the norm Σ |aᵣwᵣ|. The least norm with which an \
                infinitely wide one represents h is max(∫|h''|dx, |h'(−∞) + h'(∞)|). Among all functions through points with the slopes s₁, s₂, … \
                between neighbours the least is max(V, (V + |s₁ + s_{n−1}|)/2) with V = Σ |sᵢ₊₁ − sᵢ|, because h' takes every one of the slopes in \
                its interval; linear splines attain it. The least norm of networks is found by a linear programme over units that bend at the points \
                or on a fine grid. Gradient descent on half the sum of the squared errors moves all weights, the bᵣ too; its functions are \
                measured by their differences on a grid. From large weights every unit moves a little and the function stays near to what the kernel \
                makes of it. Only the scale of the start is varied: depth and width are not.",
            refuted_by: "A programme with another value than the formula, or networks from small weights with more curvature than those from large ones.",
            seeds: Extent { full: 12, quick: 6 },
            seconds: Extent {
                full: 1.5,
                quick: 0.3,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            POINTS.parameter(),
            KNOTS.parameter(),
            WIDTH.parameter(),
            SMALL.parameter(),
            LARGE.parameter(),
            STEPS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let draws = setup.over_seeds(|streams| one(setup, streams))?;
        Ok(Findings::new()
            .claims(claims(setup, &draws))
            .figure("functions", figure(setup, &draws)))
    }
}

/// The values on the grid of a network that gradient descent fits from weights of a scale.
fn fitted(
    setup: &Setup,
    streams: Streams,
    x: &[f64],
    y: &[f64],
    scale: f64,
) -> Result<Vec<f64>, ExperimentError> {
    let mut rng = streams.stream("weights", 0);
    let drawn = TwoLayer::with_normals(&mut rng, setup.get(WIDTH).div_ceil(2), 2);
    let (inner, outer) = (Scale(scale) * &drawn.inner, Scale(scale) * &drawn.outer);
    let mut network = TwoLayer {
        inner,
        outer,
        ..drawn
    }
    .paired();
    let with_bias = |places: &[f64]| {
        Mat::from_fn(
            places.len(),
            2,
            |row, column| if column == 0 { places[row] } else { 1.0 },
        )
    };
    let (points, labels) = (with_bias(x), dense::column(y));
    network.fit(
        points.as_ref(),
        labels.as_ref(),
        setup.get(STEPS),
        1e-5,
        || setup.go_on(),
    )?;
    let grid: Vec<f64> = (0..=CELLS).map(place).collect();
    Ok(dense::numbers(
        network.outputs(with_bias(&grid).as_ref()).as_ref(),
    ))
}

fn one(setup: &Setup, streams: Streams) -> Result<Draw, ExperimentError> {
    let (x, y) = data(setup, streams);
    let least = least_cost(&x, &y);
    let exact = least_weights(&x, &y, setup.get(KNOTS))? / least;
    let function = |scale: f64| fitted(setup, streams, &x, &y, scale);
    let functions = [function(setup.get(SMALL))?, function(setup.get(LARGE))?];
    let costs = [0, 1].map(|index: usize| cost(&functions[index]) / least);
    let length = x[x.len() - 1] - x[0];
    let inside =
        (0..=CELLS).map(|cell| polynomial(&x, &y, x[0] + length * cell as f64 / CELLS as f64));
    let inside: Vec<f64> = inside.collect();
    // The polynomial between the outermost points only, where it goes on as a line.
    let polynomial = cost_at(&inside, length / CELLS as f64) / least;
    Ok(Draw {
        x,
        y,
        exact,
        costs,
        polynomial,
        functions,
    })
}

/// Places in [−1, 1] with gaps of at least half the mean one, and standard normal values.
fn data(setup: &Setup, streams: Streams) -> (Vec<f64>, Vec<f64>) {
    let (count, mut rng) = (setup.get(POINTS), streams.stream("points", 0));
    let gap = 2.0 / count as f64;
    let x = (0..count)
        .map(|index| -1.0 + gap * (index as f64 + 0.25 + 0.5 * rng.random::<f64>()))
        .collect();
    let y = (0..count).map(|_| draw::normal(&mut rng)).collect();
    (x, y)
}

/// A place of the grid.
fn place(cell: usize) -> f64 {
    REACH * (2.0 * cell as f64 / CELLS as f64 - 1.0)
}

/// `max(∫|h''|dx, |h'(−∞) + h'(∞)|)` of values on a grid, at its resolution.
fn cost_at(values: &[f64], resolution: f64) -> f64 {
    let slopes: Vec<f64> = values
        .windows(2)
        .map(|pair| (pair[1] - pair[0]) / resolution)
        .collect();
    let bending: f64 = slopes
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).abs())
        .sum();
    let ends = slopes.first().copied().unwrap_or(0.0) + slopes.last().copied().unwrap_or(0.0);
    bending.max(ends.abs())
}

fn cost(values: &[f64]) -> f64 {
    cost_at(values, 2.0 * REACH / CELLS as f64)
}

/// The least of that cost over all functions through the points.
fn least_cost(x: &[f64], y: &[f64]) -> f64 {
    let slopes: Vec<f64> = (1..x.len())
        .map(|index| (y[index] - y[index - 1]) / (x[index] - x[index - 1]))
        .collect();
    let bending: f64 = slopes
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).abs())
        .sum();
    bending.max(0.5 * (bending + (slopes[0] + slopes[slopes.len() - 1]).abs()))
}

/// The least `Σ |a||w|` of a network through the points, whose units bend at the points or at places of a grid.
fn least_weights(x: &[f64], y: &[f64], knots: usize) -> Result<f64, ExperimentError> {
    let grid = (0..knots).map(|index| 2.0 * (2.0 * index as f64 / (knots - 1) as f64 - 1.0));
    // Each unit looks to the right or to the left, and its weight is a difference of two positive ones; so is the constant,
    // which costs nothing.
    let mut units = Vec::new();
    for knot in grid.chain(x.iter().copied()) {
        for side in [1.0, -1.0] {
            units.extend([1.0, -1.0].map(|sign| (knot, side, sign)));
        }
    }
    let mut costs = vec![1.0; units.len()];
    costs.extend([0.0, 0.0]);
    let problem = LinearProgram {
        costs,
        constraints: Vec::new(),
    };
    let problem = x.iter().zip(y).fold(problem, |problem, (x, y)| {
        let of = |(knot, side, sign): &(f64, f64, f64)| sign * (side * (x - knot)).max(0.0);
        problem.with_equality(units.iter().map(of).chain([1.0, -1.0]).collect(), *y)
    });
    let solution = problem
        .solve()
        .ok_or_else(|| ExperimentError::because("the linear programme has no solution"))?;
    Ok(solution.variables[..units.len()].iter().sum())
}

/// The value at a place of the polynomial through the points (Lagrange's form).
fn polynomial(x: &[f64], y: &[f64], at: f64) -> f64 {
    let basis = |index: usize| -> f64 {
        let others = (0..x.len()).filter(|other| *other != index);
        others
            .map(|other| (at - x[other]) / (x[index] - x[other]))
            .product()
    };
    (0..x.len()).map(|index| y[index] * basis(index)).sum()
}

fn claims(setup: &Setup, draws: &[Draw]) -> Vec<Claim> {
    let of = |of: &dyn Fn(&Draw) -> f64| draws.iter().map(of).collect::<Vec<f64>>();
    let id = "inductive-bias N7";
    let resolution = 2.0 * REACH / CELLS as f64;
    let near = |scale: f64| {
        format!(
            "Gradient descent on {} units from weights of scale {scale} ends with a cost, at the resolution {resolution}, of at most 1.25 of the least one: ratio",
            setup.get(WIDTH)
        )
    };
    vec![
        Claim::printed(
            id,
            "The least Σ|a||w| of wide networks through the points is the least max(∫|h''|dx, |h'(−∞) + h'(∞)|) of functions through them: ratio",
            Rule::Equals {
                value: 1.0,
                tolerance: 1e-6,
            },
            Estimate::mean(&of(&|draw| draw.exact)),
        ),
        Claim::printed(
            id,
            near(setup.get(SMALL)),
            Rule::Below(1.25),
            Estimate::median(&of(&|draw| draw.costs[0])),
        ),
        Claim::must_fail(
            id,
            near(setup.get(LARGE)),
            Rule::Below(1.25),
            Estimate::median(&of(&|draw| draw.costs[1])),
        ),
        Claim::must_fail(
            id,
            "The polynomial through the points has at most 1.25 of the least cost: ratio",
            Rule::Below(1.25),
            Estimate::median(&of(&|draw| draw.polynomial)),
        ),
        Claim::printed(
            id,
            format!(
                "The cost is smaller from weights of scale {} than from scale {}: difference of the logarithms",
                setup.get(SMALL),
                setup.get(LARGE)
            ),
            Rule::Above(0.0),
            Estimate::difference(
                &of(&|draw| draw.costs[0].ln()),
                &of(&|draw| draw.costs[1].ln()),
            ),
        ),
    ]
}

fn figure(setup: &Setup, draws: &[Draw]) -> Figure {
    let shown: Vec<usize> = (0..=CELLS)
        .filter(|cell| place(*cell).abs() <= 1.3)
        .collect();
    let grid: Vec<f64> = shown.iter().map(|cell| place(*cell)).collect();
    let figure = draws.iter().take(3).enumerate().fold(
        Figure::new("Networks through points"),
        |figure, (index, draw)| {
            let values = |which: usize| {
                shown
                    .iter()
                    .map(|cell| draw.functions[which][*cell])
                    .collect::<Vec<f64>>()
            };
            let panel = Panel::new(Axis::new("input x", "1"), Axis::new("output h(x)", "1"))
                .titled(format!("seed {index}"))
                .with(
                    Line::new("linear spline", draw.x.clone(), draw.y.clone())
                        .styled(Style::REFERENCE),
                )
                .with(Line::new(
                    format!("from scale {}", setup.get(SMALL)),
                    grid.clone(),
                    values(0),
                ))
                .with(Line::new(
                    format!("from scale {}", setup.get(LARGE)),
                    grid.clone(),
                    values(1),
                ))
                .with(Points::new("points", draw.x.clone(), draw.y.clone()));
            figure.with(panel)
        },
    );
    Figure {
        columns: 3,
        width: Width::Page,
        ..figure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_cost_of_a_line_and_of_a_tent_are_known() {
        // A line of slope 2: half its two ends' sum, one unit to each side. A tent: its kink.
        assert!((least_cost(&[0.0, 1.0, 2.0], &[0.0, 2.0, 4.0]) - 2.0).abs() < 1e-15);
        assert!((least_cost(&[-1.0, 0.0, 1.0], &[0.0, 1.0, 0.0]) - 2.0).abs() < 1e-15);
        for y in [[0.0, 0.5, 1.0], [0.0, 0.25, 0.0], [0.1, 0.7, 0.9]] {
            let x = [-0.5, 0.0, 0.5];
            assert!((least_weights(&x, &y, 20).unwrap() - least_cost(&x, &y)).abs() < 1e-9);
        }
    }

    #[test]
    fn the_cost_of_values_is_that_of_their_function() {
        let tent: Vec<f64> = (0..=CELLS).map(|cell| 1.0 - place(cell).abs()).collect();
        assert!((cost(&tent) - 2.0).abs() < 1e-9);
        let line: Vec<f64> = (0..=CELLS).map(place).collect();
        assert!((cost(&line) - 2.0).abs() < 1e-9);
        assert!((polynomial(&[0.0, 1.0, 2.0], &[0.0, 1.0, 4.0], 1.5) - 2.25).abs() < 1e-12);
    }
}
