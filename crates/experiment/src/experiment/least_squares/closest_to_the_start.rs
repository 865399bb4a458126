//! Descent from anywhere ends at the solution nearest to its start, and so does the gradient flow.

use super::{beside, curve, each, largest, style};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Points, Style};
use crate::problem::least_squares::{LeastSquares, Rule as Walk, relative_distance};
use crate::problem::{dense, draw};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};
use faer::{Col, Mat, Scale};
use rand::RngExt;

const SAMPLES: Count = Count::new("samples", "rows of the data matrix", 20).allowed(2.0, 100.0);
const FEATURES: Count =
    Count::new("features", "columns of the data matrix", 60).allowed(3.0, 300.0);
const STEPS: Count = Count::new("steps", "steps of each schedule", 4_000)
    .quick(2_500)
    .allowed(100.0, 1e6);
const WEIGHT: Number = Number::new(
    "weight",
    "weight of the second term of the loss in the plane",
    0.1,
)
.allowed(0.02, 10.0);

/// Distances below this share count as none.
const NONE: f64 = 1e-8;

/// The steps of the integration of the flow, and how long it goes on, in units of 1/λ_min.
const INTEGRATION: usize = 2_000;
const DURATION: f64 = 8.0;

/// Gradient descent and the solution nearest to its start.
#[derive(Debug)]
pub struct ClosestToTheStart;

#[derive(Debug)]
struct Measured {
    constant: f64,
    schedules: [f64; 3],
    other_loss: f64,
    sum_of_iterates: f64,
    sum_of_gradients: f64,
    to_the_origin: f64,
    closed_form: f64,
    printed_flow: f64,
    flow_limit: f64,
    path: [Vec<f64>; 3],
}

impl Experiment for ClosestToTheStart {
    fn about(&self) -> About {
        About {
            name: "closest-to-the-start",
            subject: Subject::LeastSquares,
            claim: "Gradient descent on least squares ends at the solution nearest to its start, \
                whatever the steps.",
            source: "Arora et al., Theory of Deep Learning (draft), Proposition 8.1.1; Implicit Bias, \
                Flat vs Sharp Minima, and Generalization (course text), Theorem 7.",
            mathematics: "Every gradient of a loss of Xw is a combination of the rows of X, so w_t − w₀ = \
                −Σ η∇L lies in their span, for any schedule of steps, for single rows as well as \
                for all of them, and for any such loss. The one solution in w₀ + span(rows) is \
                the nearest to w₀, w₀ + X⁺(y − Xw₀). The gradient flow of ½‖Xw − y‖² is w(t) = \
                w* + exp(−XᵀXt)(w₀ − w*), w* that solution; with w = Xᵀu it is u' = −(XXᵀu − y). \
                For convex losses of another form the nearest minimiser is not the limit: \
                ½max(0, a + b)² + ½c·max(0, b)² has the minimisers a + b ≤ 0, b ≤ 0, and its \
                flow from (−½, 1) slides along the first edge before the second pulls.",
            refuted_by: "A schedule of steps, or the flow, that ends at another solution than the \
                nearest.",
            seeds: Extent { full: 20, quick: 8 },
            seconds: Extent {
                full: 0.7,
                quick: 0.4,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            FEATURES.parameter(),
            STEPS.parameter(),
            WEIGHT.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        if setup.get(FEATURES) <= setup.get(SAMPLES) {
            return Err(ExperimentError::because(
                "`features` must be above `samples`, or there is one solution only",
            ));
        }
        let all = setup.over_seeds(|streams| measure(setup, streams))?;
        let plane = in_the_plane(setup.get(WEIGHT));
        Ok(Findings::new()
            .claims(of_descent(setup, &all))
            .claims(of_the_flow(&all))
            .claim(of_the_plane(&plane))
            .figure("paths", figure(&all, &plane)))
    }
}

fn measure(setup: &Setup, streams: Streams) -> Result<Measured, ExperimentError> {
    let mut rng = streams.stream("data", 0);
    let truth = draw::on_sphere(&mut rng, setup.get(FEATURES));
    let problem = LeastSquares::gaussian(&mut rng, setup.get(SAMPLES), &truth, 0.1);
    let start = draw::on_sphere(&mut streams.stream("start", 0), setup.get(FEATURES));
    let nearest = problem.nearest(&start)?;
    let sharpness = problem.sharpness()?;
    let steps = setup.get(STEPS);
    let constant = problem.descend(&start, 1.0 / sharpness, steps);
    let others = other_schedules(setup, &problem, &start, streams)?;
    let sums = sums(&problem, &start, 0.5 / sharpness);
    let flow = flow(&problem, &start, setup)?;
    Ok(Measured {
        constant: relative_distance(&constant, &nearest),
        schedules: others.map(|w| relative_distance(&w, &nearest)),
        other_loss: relative_distance(
            &with_another_loss(&problem, &start, 1.0 / sharpness, steps),
            &nearest,
        ),
        sum_of_iterates: sums[0],
        sum_of_gradients: sums[1],
        to_the_origin: relative_distance(&constant, &problem.shortest()?),
        closed_form: flow.closed_form,
        printed_flow: flow.printed,
        flow_limit: flow.limit,
        path: flow.path,
    })
}

/// Where falling steps lead, random ones, and steps on single rows.
fn other_schedules(
    setup: &Setup,
    problem: &LeastSquares,
    start: &Col<f64>,
    streams: Streams,
) -> Result<[Col<f64>; 3], ExperimentError> {
    let (sharpness, steps) = (problem.sharpness()?, setup.get(STEPS));
    let mut random = streams.stream("steps", 0);
    let falling = scheduled(problem, start, steps, |at| {
        1.0 / sharpness / (1.0 + at as f64 / 50.0).sqrt()
    });
    let erratic = scheduled(problem, start, steps, |_| {
        random.random_range(0.0..1.9) / sharpness
    });
    // A single row x bears steps below 2/‖x‖²; rows are drawn one after the other.
    let longest = largest((0..setup.get(SAMPLES)).map(|row| problem.x.row(row).squared_norm_l2()));
    let rows = Walk::Batches {
        step: 1.0 / longest,
        size: 1,
    };
    let mut order = streams.stream("order", 0);
    let by_rows = problem.walk(&rows, start, steps * setup.get(SAMPLES) / 10, &mut order);
    Ok([falling, erratic, by_rows])
}

fn scheduled(
    problem: &LeastSquares,
    start: &Col<f64>,
    steps: usize,
    mut step: impl FnMut(usize) -> f64,
) -> Col<f64> {
    let mut w = start.clone();
    for at in 0..steps {
        w = &w - Scale(step(at)) * problem.gradient(&w);
    }
    w
}

/// Descent on `Σ log cosh(xᵢ·w − yᵢ)`, whose derivative by a residual is its hyperbolic tangent.
fn with_another_loss(
    problem: &LeastSquares,
    start: &Col<f64>,
    step: f64,
    steps: usize,
) -> Col<f64> {
    let mut w = start.clone();
    for _ in 0..steps {
        let residual = problem.residual(&w);
        let slopes = Col::from_fn(residual.nrows(), |row| residual[row].tanh());
        w = &w - Scale(step) * (problem.x.transpose() * slopes);
    }
    w
}

/// How far `w_t − w₀` is from `Σ η w` and from `−Σ η∇L` over the iterates before, as shares of it.
fn sums(problem: &LeastSquares, start: &Col<f64>, step: f64) -> [f64; 2] {
    let mut w = start.clone();
    let (mut of_iterates, mut of_gradients) = (problem.origin(), problem.origin());
    for _ in 0..50 {
        let gradient = problem.gradient(&w);
        of_iterates = &of_iterates + Scale(step) * &w;
        of_gradients = &of_gradients - Scale(step) * &gradient;
        w = &w - Scale(step) * gradient;
    }
    let moved = &w - start;
    [
        relative_distance(&of_iterates, &moved),
        relative_distance(&of_gradients, &moved),
    ]
}

#[derive(Debug, Default)]
struct Flow {
    closed_form: f64,
    printed: f64,
    limit: f64,
    path: [Vec<f64>; 3],
}

/// The singular values of the data, and the directions that belong to them.
struct Modes {
    singular: Vec<f64>,
    directions: Mat<f64>,
}

impl Modes {
    fn of(problem: &LeastSquares) -> Result<Self, ExperimentError> {
        let svd = problem
            .x
            .thin_svd()
            .map_err(|_| ExperimentError::because("the data have no singular values"))?;
        Ok(Self {
            singular: dense::numbers(svd.S().column_vector()),
            directions: svd.V().to_owned(),
        })
    }

    /// `exp(−XᵀXt)v` for a combination `v` of the rows.
    fn decayed(&self, vector: &Col<f64>, time: f64) -> Col<f64> {
        let along = self.directions.transpose() * vector;
        let shrunk = Col::from_fn(along.nrows(), |index| {
            (-self.singular[index].powi(2) * time).exp() * along[index]
        });
        &self.directions * shrunk
    }
}

/// The flow from the start by Runge's and Kutta's method, against its closed form; and, from zero, against the flow of
/// the printed proof, `u' = −(XXᵀ)⁻¹(XXᵀu − y)`, which is `w(t) = (1 − e^{−t})X⁺y`.
fn flow(problem: &LeastSquares, start: &Col<f64>, setup: &Setup) -> Result<Flow, ExperimentError> {
    let curvatures = problem.curvatures()?;
    let duration = DURATION / curvatures[0];
    let nearest = problem.nearest(start)?;
    let shortest = problem.shortest()?;
    let modes = Modes::of(problem)?;
    let step = duration / INTEGRATION as f64;
    if step * largest(curvatures) > 2.0 {
        return Err(ExperimentError::because(
            "`features` is too near `samples`: the flow has become too stiff to integrate",
        ));
    }
    let (mut from_start, mut from_zero) = (start.clone(), problem.origin());
    let mut found = Flow::default();
    for at in 0..=INTEGRATION {
        if at % SHOWN_EVERY == 0 {
            setup.go_on()?;
            let time = at as f64 * step;
            let closed = &nearest + modes.decayed(&(start - &nearest), time);
            let printed = Scale(1.0 - (-time).exp()) * &shortest;
            let apart = [
                (&from_start - &closed).norm_l2(),
                (&from_zero - &printed).norm_l2(),
            ]
            .map(|distance| distance / shortest.norm_l2());
            found.closed_form = found.closed_form.max(apart[0]);
            found.printed = found.printed.max(apart[1]);
            found.path[0].push(relative_distance(&from_zero, &shortest));
            let closed = &shortest - modes.decayed(&shortest, time);
            found.path[1].push(relative_distance(&closed, &shortest));
            found.path[2].push((-time).exp());
        }
        from_start = runge_kutta(&from_start, step, |w| -problem.gradient(w));
        from_zero = runge_kutta(&from_zero, step, |w| -problem.gradient(w));
    }
    found.limit = relative_distance(&from_start, &nearest);
    Ok(found)
}

const SHOWN_EVERY: usize = 100;

fn runge_kutta(w: &Col<f64>, step: f64, field: impl Fn(&Col<f64>) -> Col<f64>) -> Col<f64> {
    let first = field(w);
    let second = field(&(w + Scale(step / 2.0) * &first));
    let third = field(&(w + Scale(step / 2.0) * &second));
    let fourth = field(&(w + Scale(step) * &third));
    w + Scale(step / 6.0) * (first + Scale(2.0) * second + Scale(2.0) * third + fourth)
}

/// The path of the flow of `½max(0, a + b)² + ½c·max(0, b)²` from `(−½, 1)`; the nearest minimiser is `(−½, 0)`.
fn in_the_plane(weight: f64) -> Vec<Col<f64>> {
    const STEP: f64 = 0.05;
    let field = |w: &Col<f64>| {
        let (both, second) = ((w[0] + w[1]).max(0.0), w[1].max(0.0));
        Col::from_fn(2, |index| {
            if index == 0 {
                -both
            } else {
                -both - weight * second
            }
        })
    };
    let mut w = Col::from_fn(2, |index| [-0.5, 1.0][index]);
    let steps = (25.0 / weight / STEP).ceil() as usize;
    let mut path = vec![w.clone()];
    for _ in 0..steps {
        w = runge_kutta(&w, STEP, field);
        path.push(w.clone());
    }
    path
}

fn of_descent(setup: &Setup, all: &[Measured]) -> Vec<Claim> {
    let mean = |of: fn(&Measured) -> f64| Estimate::mean(&each(all, of));
    let (m, n) = (setup.get(SAMPLES), setup.get(FEATURES));
    vec![
        Claim::printed(
            "theory 8-1",
            format!(
                "{m} equations, {n} unknowns, random start: constant, falling and random steps, \
                and single rows in turn, all end at the nearest solution; the worst is within a \
                share of {NONE:e}."
            ),
            Rule::Below(NONE),
            Estimate::mean(&each(all, |one| one.constant.max(largest(one.schedules)))),
        ),
        Claim::printed(
            "theory 8-1",
            "After 50 steps w_t − w₀ is the sum of ηw over the iterates before, to a share of \
            1e-8.",
            Rule::Below(NONE),
            mean(|one| one.sum_of_iterates),
        ),
        Claim::corrected(
            "theory 8-1",
            "It is minus the sum of η∇L over the iterates before, to a share of 1e-8.",
            Rule::Below(NONE),
            mean(|one| one.sum_of_gradients),
        ),
        Claim::must_fail(
            "theory 8-1",
            "From the same random starts descent ends at the shortest solution, to a share of \
            1e-8.",
            Rule::Below(NONE),
            mean(|one| one.to_the_origin),
        ),
    ]
}

fn of_the_flow(all: &[Measured]) -> Vec<Claim> {
    let mean = |of: fn(&Measured) -> f64| Estimate::mean(&each(all, of));
    vec![
        Claim::printed(
            "flat-vs-sharp T1.7",
            format!(
                "The gradient flow ends at the solution nearest to its start: after \
                {DURATION}/λ_min it is within 1 % of it."
            ),
            Rule::Below(0.01),
            mean(|one| one.flow_limit),
        ),
        Claim::printed(
            "flat-vs-sharp T1.7",
            "With w = Xᵀu the flow is that of u' = −(XXᵀ)⁻¹(XXᵀu − y): both stay within 1 % of \
            ‖X⁺y‖.",
            Rule::Below(0.01),
            mean(|one| one.printed_flow),
        ),
        Claim::corrected(
            "flat-vs-sharp T1.7",
            "It is w(t) = w* + exp(−XᵀXt)(w₀ − w*), that of u' = −(XXᵀu − y): both stay within \
            1e-5 of ‖X⁺y‖.",
            Rule::Below(1e-5),
            mean(|one| one.closed_form),
        ),
        Claim::must_hold(
            "flat-vs-sharp T1.7",
            "The squares are not needed: descent on Σ log cosh of the residuals ends at the \
            nearest solution, too, to a share of 1e-8.",
            Rule::Below(NONE),
            mean(|one| one.other_loss),
        ),
    ]
}

fn of_the_plane(path: &[Col<f64>]) -> Claim {
    let end = path.last().map_or(f64::NAN, |end| {
        ((end[0] + 0.5).powi(2) + end[1].powi(2)).sqrt()
    });
    Claim::printed(
        "flat-vs-sharp T1.7",
        "For any convex loss, here one of max(0, ·)² in the plane, the flow ends at the minimiser \
        nearest to its start, within 0.01.",
        Rule::Below(0.01),
        Estimate::exact(end, 1e-4),
    )
}

fn picture(plane: &[Col<f64>]) -> Panel {
    let coordinate = |index: usize| plane.iter().map(|w| w[index]).collect::<Vec<f64>>();
    let end = plane.last().map_or([f64::NAN; 2], |w| [w[0], w[1]]);
    Panel::new(
        Axis::new("a", "1").linear().over([-1.1, 0.3]),
        Axis::new("b", "1").linear().over([-0.4, 1.1]),
    )
    .titled("another convex loss")
    .with(
        Line::new(
            "edge of the minimisers",
            vec![-1.1, 0.0, 0.3],
            vec![0.0, 0.0, -0.3],
        )
        .styled(Style::REFERENCE),
    )
    .with(Line::new("flow in the plane", coordinate(0), coordinate(1)).styled(style(0, 0)))
    .with(Points::new("nearest minimiser", vec![-0.5], vec![0.0]))
    .with(Points::new("end of the flow", vec![end[0]], vec![end[1]]))
}

fn figure(all: &[Measured], plane: &[Col<f64>]) -> Figure {
    let x: Vec<f64> = (0..=INTEGRATION / SHOWN_EVERY)
        .map(|at| (at * SHOWN_EVERY) as f64 / INTEGRATION as f64 * DURATION)
        .collect();
    let line = |label: &str, which: usize, dash: usize| {
        let draws: Vec<Vec<f64>> = all.iter().map(|one| one.path[which].clone()).collect();
        curve(label, &x, &draws).styled(style(which, dash))
    };
    let flows = Panel::new(
        Axis::new("time × smallest eigenvalue", "1").linear(),
        Axis::new("distance to X⁺y", "share").log(),
    )
    .titled("least squares, from zero")
    .with(line("flow", 0, 0))
    .with(line("closed form", 1, 1))
    .with(line("flow of the printed proof", 2, 2));
    let figure = Figure::new("The gradient flow, and where it ends")
        .described(
            "Distance of the gradient flow to the shortest solution over time; and a flow that \
            does not end at the nearest minimiser.",
        )
        .with(flows)
        .with(picture(plane));
    beside(figure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flow_in_the_plane_ends_where_its_first_integral_says() {
        // While a + b > 0 and b > 0: with s = a + b, s' = −2s − cb and b' = −s − cb, a linear system; for c → 0 the
        // flow first goes along (−1, −1) to (−3/4, 3/4) and then straight down.
        let end = in_the_plane(0.02).pop().unwrap();
        assert!(
            (end[0] + 0.75).abs() < 0.02 && end[1].abs() < 1e-6,
            "{end:?}"
        );
    }

    #[test]
    fn runge_kutta_is_of_fourth_order() {
        let start = Col::from_fn(1, |_| 1.0);
        let error = |step: f64| (runge_kutta(&start, step, |w| -w)[0] - (-step).exp()).abs();
        assert!((error(0.1) / error(0.05) - 32.0).abs() < 2.0);
    }
}
