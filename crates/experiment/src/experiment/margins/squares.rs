//! Steepest descent in a norm that is not Euclid's on a sum of squares: the solution it finds depends on the step.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Numbers, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Points as Dots, Rule as Level, Style, Width};
use crate::problem::separable::Norm;
use crate::problem::vector::{add, inner};
use crate::problem::{dense, draw};
use crate::random::StreamRng;
use crate::statistics::{Estimate, Rule};
use crate::table::{Cell, Column, Table};
use faer::{Col, Mat};

/// See [`Experiment::about`].
#[derive(Debug)]
pub struct SteepestDescentOnSquares;

const STEPS: Numbers = Numbers::new(
    "steps",
    "step sizes of descent, the largest first",
    &[0.02, 0.01, 0.005, 0.002, 0.001, 5e-4, 2e-4, 1e-4],
)
.quick(&[0.02, 0.01, 0.005, 0.002, 0.001])
.allowed(1e-5, 0.025);
const DIMENSION: Count = Count::new(
    "dimension",
    "length of the random gradients, and unknowns of the random systems",
    10,
)
.allowed(2.0, 100.0);

/// The norm of the example: 4/3 with its dual 4.
const EXAMPLE: Norm = Norm::Power(4.0 / 3.0);
const DATA: [([f64; 3], f64); 2] = [([1.0, 1.0, 1.0], 1.0), ([1.0, 2.0, 0.0], 10.0)];
/// The solutions of both equations are these two, mixed: one of them and the direction in which the others lie.
const SOLUTIONS: [[f64; 3]; 2] = [[0.0, 5.0, -4.0], [-2.0, 1.0, 1.0]];
/// Residuals below that count as zero: with small steps, much smaller ones would move nothing in the last digit.
const SOLVED: f64 = 1e-9;

/// `w(s)` on the line of solutions.
fn solution(s: f64) -> Vec<f64> {
    (0..3)
        .map(|index| SOLUTIONS[0][index] + s * SOLUTIONS[1][index])
        .collect()
}

/// The solution of least norm: the derivative of the p-th power of the norm along the line rises, and is zero there.
fn least(p: f64) -> Vec<f64> {
    let slope = |s: f64| -> f64 {
        let powers = solution(s).into_iter().zip(SOLUTIONS[1]);
        powers
            .map(|(w, along)| along * w.signum() * w.abs().powf(p - 1.0))
            .sum()
    };
    let (mut low, mut high) = (-10.0, 10.0);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if slope(middle) < 0.0 {
            low = middle
        } else {
            high = middle
        }
    }
    solution(0.5 * (low + high))
}

/// Where descent from zero on Σ(w·x − y)² ends, and some points of its way.
fn descend(
    setup: &Setup,
    norm: Norm,
    step: f64,
) -> Result<(Vec<f64>, Vec<Vec<f64>>), ExperimentError> {
    let mut w = vec![0.0; 3];
    let mut way = vec![w.clone()];
    for iteration in 0..20_000_000usize {
        let residuals = DATA.map(|(x, y)| inner(&x, &w) - y);
        let size = Norm::Two.of(&residuals);
        if size < SOLVED {
            way.push(w.clone());
            return Ok((w, way));
        }
        if !size.is_finite() {
            break;
        }
        let mut gradient = vec![0.0; 3];
        for ((x, _), residual) in DATA.iter().zip(residuals) {
            add(&mut gradient, 2.0 * residual, x);
        }
        add(&mut w, step, &norm.steepest(&gradient));
        if way
            .last()
            .is_none_or(|last| w.iter().zip(last).any(|(a, b)| (a - b).abs() > 0.05))
        {
            way.push(w.clone());
        }
        if iteration % 65_536 == 0 {
            setup.go_on()?;
        }
    }
    Err(ExperimentError::because(format!(
        "steepest descent with the step {step} (`steps`) does not end"
    )))
}

/// What one seed gives: what [`identities`] finds, and how far the limit in a quadratic norm is off.
type Drawn = ((f64, f64), f64);

/// The largest relative differences over norms of ⟨Δ, −g⟩, ‖Δ‖² and ‖g‖₊², and how many coordinates the step in the
/// norm of absolute values moves.
fn identities(gradient: &[f64]) -> (f64, f64) {
    let norms = [
        Norm::One,
        EXAMPLE,
        Norm::Two,
        Norm::Power(3.0),
        Norm::Infinity,
    ];
    let worst = norms.into_iter().map(|norm| {
        let step = norm.steepest(gradient);
        let expected = norm.dual().of(gradient).powi(2);
        let found = [-inner(&step, gradient), norm.of(&step).powi(2)];
        found
            .map(|found| (found / expected - 1.0).abs())
            .into_iter()
            .fold(0.0, f64::max)
    });
    let moved = Norm::One
        .steepest(gradient)
        .iter()
        .filter(|x| **x != 0.0)
        .count();
    (worst.fold(0.0, f64::max), moved as f64)
}

/// How far steepest descent in the norm √(vᵀDv), from a random start, ends from the solution that is nearest to the start
/// in that norm; relative to the way.
fn quadratic_norm(rng: &mut StreamRng, dimension: usize) -> Result<f64, ExperimentError> {
    let equations = dimension.div_ceil(2);
    let x = draw::gaussian(rng, equations, dimension);
    let (y, start) = (draw::normals(rng, equations), draw::normals(rng, dimension));
    let inverse: Vec<f64> = (0..dimension)
        .map(|_| (draw::normal(rng) * 0.5).exp())
        .collect();
    // Xᵀ with its rows divided by D.
    let scaled = Mat::from_fn(dimension, equations, |row, column| {
        inverse[row] * x[(column, row)]
    });
    let gram = &x * &scaled;
    let nearest = &start + &scaled * dense::solve(gram.as_ref(), (&y - &x * &start).as_ref())?;
    let values = dense::eigenvalues(gram.as_ref())?;
    let largest = values.last().copied().unwrap_or(1.0);
    let mut w: Col<f64> = start.clone();
    for _ in 0..200_000 {
        let residual = &x * &w - &y;
        if residual.norm_l2() < 1e-12 {
            break;
        }
        w -= &scaled * (residual * faer::Scale(1.0 / largest));
    }
    Ok((&w - &nearest).norm_l2() / (&nearest - &start).norm_l2())
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).powi(2))
        .sum::<f64>()
        .sqrt()
}

impl Experiment for SteepestDescentOnSquares {
    fn about(&self) -> About {
        About {
            name: "steepest-descent-on-squares",
            subject: Subject::Margins,
            claim: "Steepest descent in a general norm finds a solution that depends on the step size, and is not the one of \
                    least norm.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 8.1.1, Example 2 and Figure 8.1; Gunasekar et al. \
                     2018, \"Characterizing implicit bias in terms of optimization geometry\"",
            mathematics: "Steepest descent in a norm takes the step Δ = argmin ⟨∇L, v⟩ + ½‖v‖². Then ⟨Δ, −∇L⟩ = ‖Δ‖² = ‖∇L‖₊², \
                with the dual norm ‖·‖₊; in Euclid's norm this is gradient descent, in the norm of absolute values coordinate \
                descent. In a norm √(vᵀDv) the step is −D⁻¹∇L, all steps lie in the span of the D⁻¹x, and descent on squares \
                ends at the solution nearest to its start in that norm. For ‖v‖ with p = 4/3 the step is a nonlinear \
                function of the gradient, so that nothing of the kind is conserved. The example has two equations, w·(1,1,1) = 1 \
                and w·(1,2,0) = 10, and a start at zero; its solutions form a line, on which the one of least norm is found by \
                bisection. The limit of small steps is the value on the line through the limits of the two smallest steps.",
            refuted_by: "The same limit for all steps, or a limit of small steps that is the solution of least norm.",
            seeds: Extent {
                full: 50,
                quick: 10,
            },
            seconds: Extent {
                full: 0.1,
                quick: 0.05,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![STEPS.parameter(), DIMENSION.parameter()]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let steps = checked(setup.get(STEPS))?;
        let dimension = setup.get(DIMENSION);
        let drawn = setup.over_seeds(|streams| {
            let gradient = draw::normals(&mut streams.stream("gradient", 0), dimension);
            let limit = quadratic_norm(&mut streams.stream("system", 0), dimension)?;
            Ok((identities(&dense::numbers(gradient.as_ref())), limit))
        })?;
        let runs = setup.over(&steps, |step| descend(setup, EXAMPLE, *step))?;
        let limits: Vec<&Vec<f64>> = runs.iter().map(|(limit, _)| limit).collect();
        let least = least(4.0 / 3.0);
        let small = of_small_steps(&steps, &limits);
        Ok(Findings::new()
            .claims(claims_of_directions(&drawn))
            .claims(claims_of_limits(setup, &steps, &limits, [&small, &least])?)
            .table("limits", table(&steps, &limits, [&small, &least]))
            .figure("limits", figure(&steps, &runs, &least)))
    }
}

/// Step sizes that fall, two or more.
fn checked(steps: Vec<f64>) -> Result<Vec<f64>, ExperimentError> {
    if steps.len() < 2 {
        return Err(ExperimentError::because(
            "`steps` needs two step sizes or more",
        ));
    }
    if steps.windows(2).any(|pair| pair[0] <= pair[1]) {
        return Err(ExperimentError::because(
            "`steps` needs step sizes that fall",
        ));
    }
    Ok(steps)
}

/// The last two of a list that has as many.
fn last_two<T: Copy>(values: &[T]) -> [T; 2] {
    [values[values.len() - 2], values[values.len() - 1]]
}

/// Where the limits go as steps become small, on the line through the last two.
fn of_small_steps(steps: &[f64], limits: &[&Vec<f64>]) -> Vec<f64> {
    let [second, last] = last_two(steps);
    let [before, after] = last_two(limits);
    before
        .iter()
        .zip(after)
        .map(|(b, a)| a + (a - b) * last / (second - last))
        .collect()
}

/// What steepest descent is in any norm.
fn claims_of_directions(drawn: &[Drawn]) -> Vec<Claim> {
    let most = |of: &dyn Fn(&Drawn) -> f64| drawn.iter().map(of).fold(0.0, f64::max);
    vec![
        Claim::printed(
            "theory 8-4",
            format!(
                "⟨Δ, −g⟩, ‖Δ‖² and ‖g‖₊² are one number for {} random gradients in five norms (largest relative difference)",
                drawn.len()
            ),
            Rule::Below(1e-12),
            Estimate::exact(most(&|((worst, _), _)| *worst), 1e-15),
        ),
        Claim::printed(
            "theory 8-4",
            "The step in the norm of absolute values moves one coordinate (most that are moved)",
            Rule::Equals {
                value: 1.0,
                tolerance: 0.0,
            },
            Estimate::exact(most(&|((_, moved), _)| *moved), 0.0),
        ),
        Claim::printed(
            "theory 8-4",
            "In a norm √(vᵀDv) descent on squares ends at the solution nearest to its start (largest distance, relative to the way)",
            Rule::Below(1e-8),
            Estimate::exact(most(&|(_, limit)| *limit), 1e-10),
        ),
    ]
}

/// Whether the limit depends on the step, and whether it is a solution of least norm.
fn claims_of_limits(
    setup: &Setup,
    steps: &[f64],
    limits: &[&Vec<f64>],
    [small, least]: [&[f64]; 2],
) -> Result<Vec<Claim>, ExperimentError> {
    let [second, last] = last_two(steps);
    let [before, after] = last_two(limits);
    let euclid = descend(setup, Norm::Two, steps[0])?.0;
    let euclid_small = descend(setup, Norm::Two, second)?.0;
    Ok(vec![
        Claim::printed(
            "theory 8-6",
            format!(
                "In the norm with p = 4/3 the limits of the steps {} and {last} differ (distance)",
                steps[0]
            ),
            Rule::Above(1e-3),
            Estimate::exact(distance(limits[0], after), 1e-8),
        ),
        Claim::printed(
            "theory 8-6",
            "Even the limit of small steps is not the solution of least norm (distance)",
            Rule::Above(1e-2),
            // The line is through two values; what it leaves is of the size of their difference times the step.
            Estimate::exact(distance(small, least), distance(before, after)),
        ),
        Claim::must_hold(
            "theory 8-6",
            format!(
                "In Euclid's norm the limits of the steps {} and {second} are one point (distance)",
                steps[0]
            ),
            Rule::Below(1e-3),
            Estimate::exact(distance(&euclid, &euclid_small), 1e-8),
        ),
    ])
}

fn table(steps: &[f64], limits: &[&Vec<f64>], [small, least]: [&[f64]; 2]) -> Table {
    let euclid_least = solution(-1.0 / 6.0);
    let rows = steps
        .iter()
        .zip(limits)
        .map(|(step, limit)| row(Cell::rough(*step), limit));
    let rows = rows.chain([
        row("small steps".into(), small),
        row("least norm, p = 4/3".into(), least),
        row("least norm, p = 2".into(), &euclid_least),
    ]);
    let columns = [Column::text("step").right()].into_iter();
    let columns = columns.chain(["w1", "w2", "w3", "norm with p = 4/3"].map(Column::number));
    Table::new(columns).with_rows(rows)
}

fn row(name: Cell, w: &[f64]) -> Vec<Cell> {
    let norm = EXAMPLE.of(w);
    [name]
        .into_iter()
        .chain(w.iter().chain([&norm]).map(|number| (*number).into()))
        .collect()
}

fn figure(steps: &[f64], runs: &[(Vec<f64>, Vec<Vec<f64>>)], least: &[f64]) -> Figure {
    let firsts =
        |way: &[Vec<f64>], index: usize| way.iter().map(|w| w[index]).collect::<Vec<f64>>();
    let mut ways =
        Panel::new(Axis::new("w₁", "1"), Axis::new("w₂", "1")).titled("way to the solutions");
    let on_line = [-0.2, 0.05].map(solution);
    ways = ways.with(
        Line::new(
            "solutions",
            on_line.iter().map(|w| w[0]).collect(),
            on_line.iter().map(|w| w[1]).collect(),
        )
        .styled(Style {
            colour: None,
            dash: 0,
        }),
    );
    let shown = [0, runs.len() - 1];
    for index in shown {
        let way = &runs[index].1;
        ways = ways.with(Line::new(
            format!("step {}", steps[index]),
            firsts(way, 0),
            firsts(way, 1),
        ));
    }
    ways = ways.with(Dots::new(
        "least norm, p = 4/3",
        vec![least[0]],
        vec![least[1]],
    ));
    let limits: Vec<f64> = runs.iter().map(|(limit, _)| limit[0]).collect();
    let ends = Panel::new(
        Axis::new("step size", "1").log(),
        Axis::new("w₁ of the limit", "1").including(-0.03),
    )
    .titled("where it ends")
    .with(Line::new("limit", steps.to_vec(), limits).with_markers())
    .with(Level::level("least norm, p = 4/3", least[0]))
    .with(Level::level("least norm, p = 2", 1.0 / 3.0));
    let mut figure = Figure::new("Steepest descent with p = 4/3 on two equations")
        .with(ways)
        .with(ends);
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
    fn solutions_of_least_norm_are_the_golden_ones() {
        let least_found = least(4.0 / 3.0);
        for (found, expected) in least_found.iter().zip([0.00023, 4.99988, -4.00012]) {
            assert!((found - expected).abs() < 1e-5);
        }
        assert!((EXAMPLE.of(&least_found) - 7.58365).abs() < 1e-5);
        for (found, expected) in least(2.0).iter().zip([1.0 / 3.0, 29.0 / 6.0, -25.0 / 6.0]) {
            assert!((found - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn limits_of_descent_are_the_golden_ones() {
        let stop = AtomicBool::new(false);
        let setup = Setup::new(BTreeMap::new(), Vec::new(), true, &stop);
        let golden = [
            (0.02, [0.30986, 4.84507, -4.15493]),
            (0.01, [0.29568, 4.85216, -4.14784]),
            (0.001, [0.28386, 4.85807, -4.14193]),
        ];
        for (step, expected) in golden {
            let (limit, _) = descend(&setup, EXAMPLE, step).unwrap();
            for (found, expected) in limit.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-5, "{step}: {limit:?}");
            }
        }
    }
}
