//! Gradient flow on θ₊² − θ₋²: its conserved product, its mirror map, and its way from ‖w‖₁ to ‖w‖₂ with the scale of
//! the start.

use crate::experiment::lines::tested;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Numbers, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Width};
use crate::problem::dense;
use crate::problem::mirror::{
    self, Parameterisation, Potential, Regression, mirror_flow, nearest_interpolant,
};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule, mean};
use crate::table::{Column, Table};
use faer::{Col, ColRef};

const SAMPLES: Count = Count::new("samples", "rows of the data matrix", 8).allowed(2.0, 40.0);
const FEATURES: Count =
    Count::new("features", "weights of the linear model", 20).allowed(3.0, 80.0);
const SUPPORT: Count =
    Count::new("support", "weights of the truth that are not zero", 3).allowed(1.0, 80.0);
const SCALES: Numbers = Numbers::new(
    "scales",
    "initialisations α",
    &[0.03, 0.1, 0.3, 1.0, 3.0, 10.0],
)
.quick(&[0.1, 1.0, 10.0])
.allowed(0.02, 30.0);

/// The scale at which the flow itself is looked at.
const MIDDLE: f64 = 0.4;

/// The scales at which the minimiser of the potential stands for a flow that would take too long.
const EXTREMES: [f64; 2] = [1e-6, 100.0];

/// See the file.
#[derive(Debug)]
pub struct SignedSquares;

impl Experiment for SignedSquares {
    fn about(&self) -> About {
        About {
            name: "signed-squares",
            subject: Subject::MirrorDescent,
            claim: "Gradient flow on θ₊² − θ₋² from θ₊ = −θ₋ = α is the mirror flow of R_α, and ends at the interpolant \
                    of least R_α: of least ‖w‖₁ for small and of least ‖w‖₂ for large α.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 8.1.3, Example 8.1.5 and Theorems 8.1.6 and \
                     8.1.7; after Woodworth et al., Kernel and rich regimes in overparametrized models (2020), Theorem 1",
            mathematics: "Along the flow the product θ₊θ₋ stays what it was at the start, −α², so that θ₊² + θ₋² = \
                          √(w² + 4α⁴) is a function of w = θ₊² − θ₋², and the metric ∂G∂Gᵀ = 4√(w² + 4α⁴) the inverse of \
                          the second derivative of R_α = (α²/4)Σ q(w/α²), q(z) = 2 − √(4 + z²) + z arcsinh(z/2), whose \
                          first derivative is ¼ arcsinh(w/2α²). So the flow ends where R_α is least among the \
                          interpolants. For w ≪ α² that is ‖w‖²/16α², for w ≫ α² about ‖w‖₁ times a logarithm. The two \
                          ends of the scale are the least norm, by singular values, and the vertex of a linear program.",
            refuted_by: "An end of the flow that differs from the minimiser of R_α, which is found by Newton's method on \
                         the dual problem.",
            seeds: Extent { full: 20, quick: 5 },
            seconds: Extent {
                full: 1.0,
                quick: 0.1,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            FEATURES.parameter(),
            SUPPORT.parameter(),
            SCALES.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        if setup.get(SAMPLES) >= setup.get(FEATURES) {
            return Err(ExperimentError::because(
                "samples must be less than features, or there is only one interpolant",
            ));
        }
        let flows = setup.over_seeds(|streams| follow(setup, streams))?;
        let sweeps = setup.over_seeds(|streams| sweep(setup, streams))?;
        Ok(Findings::new()
            .claims(claims_of_flow(&flows))
            .claims(claims_of_ends(&setup.get(SCALES), &sweeps))
            .table("ends", table(&setup.get(SCALES), &sweeps))
            .figure("norms", figure(&setup.get(SCALES), &sweeps)))
    }
}

fn problem(setup: &Setup, streams: Streams) -> Regression {
    let mut rng = streams.stream("data", 0);
    let features = setup.get(FEATURES);
    let truth = mirror::sparse(&mut rng, features, setup.get(SUPPORT).min(features), true);
    Regression::gaussian(&mut rng, setup.get(SAMPLES), &truth)
}

fn start(features: usize, scale: f64) -> Col<f64> {
    Col::from_fn(
        2 * features,
        |index| if index < features { scale } else { -scale },
    )
}

/// What one seed gives on the way.
struct Flow {
    /// `θ₊θ₋/α²` at the end, of the number that is farthest from −1.
    product: f64,
    /// The largest relative error of `4√(w² + 4α⁴)`.
    metric: f64,
    /// The largest distance from the mirror flow, as a share of the weights.
    gap: f64,
}

fn follow(setup: &Setup, streams: Streams) -> Result<Flow, ExperimentError> {
    let problem = problem(setup, streams);
    let features = problem.x.ncols();
    let map = Parameterisation::signed_squares(features);
    let times: Vec<f64> = (1..=6).map(|part| 0.02 * f64::from(part * part)).collect();
    let path = map.flow(start(features, MIDDLE).as_ref(), &times, |w| {
        problem.gradient(w)
    })?;
    let potential = Potential::Hyperbolic { scale: MIDDLE };
    let mirrored = mirror_flow(&potential, Col::zeros(features).as_ref(), &times, |w| {
        problem.gradient(w)
    })?;
    let mut flow = Flow {
        product: -1.0,
        metric: 0.0,
        gap: 0.0,
    };
    for (parameters, mirrored) in path.iter().zip(&mirrored) {
        let w = map.value(parameters.as_ref());
        let metric = map.metric(parameters.as_ref());
        for index in 0..features {
            let product = parameters[index] * parameters[features + index] / (MIDDLE * MIDDLE);
            if (product + 1.0).abs() > (flow.product + 1.0).abs() {
                flow.product = product;
            }
            let expected = 4.0 * (w[index] * w[index] + 4.0 * MIDDLE.powi(4)).sqrt();
            flow.metric = flow
                .metric
                .max((metric[(index, index)] / expected - 1.0).abs());
        }
        flow.gap = flow.gap.max((&w - mirrored).norm_l2() / w.norm_l2());
    }
    Ok(flow)
}

/// What one seed gives at the ends.
struct Sweep {
    /// For each scale the distance of the end of the flow from the minimiser of the potential, as a share.
    distances: Vec<f64>,
    /// For each scale the excess of ‖w‖₁ and ‖w‖₂ over the least.
    excess: Vec<[f64; 2]>,
    /// The same of the minimisers at the two extremes.
    extremes: [[f64; 2]; 2],
}

fn sweep(setup: &Setup, streams: Streams) -> Result<Sweep, ExperimentError> {
    let problem = problem(setup, streams);
    let features = problem.x.ncols();
    let map = Parameterisation::signed_squares(features);
    let sparse = mirror::least_absolute(&problem, false)?;
    let least = dense::least_norm(problem.x.as_ref(), problem.y.as_ref())?;
    let excess = |w: ColRef<f64>| {
        [
            w.norm_l1() / sparse.norm_l1() - 1.0,
            w.norm_l2() / least.norm_l2() - 1.0,
        ]
    };
    let minimiser = |scale: f64| {
        nearest_interpolant(
            &problem,
            &Potential::Hyperbolic { scale },
            Col::zeros(features).as_ref(),
        )
    };
    let mut sweep = Sweep {
        distances: vec![],
        excess: vec![],
        extremes: [[0.0; 2]; 2],
    };
    for scale in setup.get(SCALES) {
        setup.go_on()?;
        let end = map.end_of_flow(&problem, start(features, scale).as_ref(), (1e5, 1e-8))?;
        let w = map.value(end.as_ref());
        let goal = minimiser(scale)?.weights;
        sweep
            .distances
            .push((&w - &goal).norm_l2() / goal.norm_l2());
        sweep.excess.push(excess(w.as_ref()));
    }
    for (place, scale) in EXTREMES.into_iter().enumerate() {
        sweep.extremes[place] = excess(minimiser(scale)?.weights.as_ref());
    }
    Ok(sweep)
}

fn claims_of_flow(flows: &[Flow]) -> Vec<Claim> {
    let of = |get: fn(&Flow) -> f64| Estimate::mean(&flows.iter().map(get).collect::<Vec<_>>());
    // A difference of the printed potential, whose error is that of rounding and of the third derivative.
    let (at, step, square) = (0.7, 1e-5, MIDDLE * MIDDLE);
    let q = |z: f64| 2.0 - (4.0 + z * z).sqrt() + z * (z / 2.0).asinh();
    let ratio = |factor: f64| {
        let slope = factor * (q((at + step) / square) - q((at - step) / square)) / (2.0 * step);
        Estimate::exact(slope / ((at / (2.0 * square)).asinh() / 4.0), 1e-8)
    };
    let derivative = |factor: &str| {
        format!("The derivative of {factor} q(w/α²) is ¼ arcsinh(w/2α²): their ratio is 1.")
    };
    let exactly = |value: f64| Rule::Equals {
        value,
        tolerance: 1e-6,
    };
    let metric = |a: f64, b: f64| {
        let map = Parameterisation::signed_squares(1);
        map.metric(dense::column(&[a, b]).as_ref())[(0, 0)]
    };
    vec![
        Claim::printed(
            "theory 8-9",
            "Along the flow θ₊θ₋ stays +α².",
            exactly(1.0),
            of(|flow| flow.product),
        ),
        Claim::corrected(
            "theory 8-9",
            "Along the flow θ₊θ₋ stays −α².",
            exactly(-1.0),
            of(|flow| flow.product),
        ),
        Claim::printed(
            "theory 8-9",
            "Along the flow ∂G∂Gᵀ is 4√(w² + 4α⁴), to 1e-7.",
            Rule::Below(1e-7),
            of(|flow| flow.metric),
        ),
        Claim::printed("theory 8-9", derivative("α²"), exactly(1.0), ratio(square)),
        Claim::corrected(
            "theory 8-9",
            derivative("(α²/4)"),
            exactly(1.0),
            ratio(square / 4.0),
        ),
        Claim::printed(
            "theory 8-9",
            format!(
                "From α = {MIDDLE} gradient flow on θ is the mirror flow of R_α, to 1e-7 of the weights."
            ),
            Rule::Below(1e-7),
            of(|flow| flow.gap),
        ),
        Claim::printed(
            "theory 8-9",
            "No one potential serves all starts: at w = 1 the metric of (√2, 1) is 3 times that of (1, 0).",
            exactly(3.0),
            Estimate::exact(metric(2f64.sqrt(), 1.0) / metric(1.0, 0.0), 1e-14),
        ),
    ]
}

fn claims_of_ends(scales: &[f64], sweeps: &[Sweep]) -> Vec<Claim> {
    let of =
        |get: &dyn Fn(&Sweep) -> f64| Estimate::mean(&sweeps.iter().map(get).collect::<Vec<_>>());
    let [small, large] = EXTREMES;
    let mut claims = vec![Claim::printed(
        "theory 8-9",
        format!(
            "The flow ends at the interpolant of least R_α, within 1e-5 of its norm, for the scales α {}.",
            tested(scales)
        ),
        Rule::Below(1e-5),
        of(&|sweep| sweep.distances.iter().copied().fold(0.0, f64::max)),
    )];
    for (place, scale, norm, word) in [(0, small, 0, "‖w‖₁"), (1, large, 1, "‖w‖₂")] {
        claims.push(Claim::printed(
            "theory 8-9",
            format!("At α = {scale:e} the minimiser of R_α has the least {word}, within 1 %."),
            Rule::Below(0.01),
            of(&|sweep| sweep.extremes[place][norm]),
        ));
        claims.push(Claim::must_hold(
            "theory 8-9",
            format!(
                "At α = {:e} it does not: its {word} is more than 5 % above the least.",
                EXTREMES[1 - place]
            ),
            Rule::Above(0.05),
            of(&|sweep| sweep.extremes[1 - place][norm]),
        ));
    }
    claims
}

fn table(scales: &[f64], sweeps: &[Sweep]) -> Table {
    let of = |get: &dyn Fn(&Sweep) -> f64| mean(&sweeps.iter().map(get).collect::<Vec<_>>());
    let rows = scales.iter().enumerate().map(|(place, scale)| {
        vec![
            (*scale).into(),
            of(&|sweep| sweep.excess[place][0]).into(),
            of(&|sweep| sweep.excess[place][1]).into(),
            of(&|sweep| sweep.distances[place]).into(),
        ]
    });
    Table::new([
        Column::number("scale"),
        Column::number("excess of 1-norm"),
        Column::number("excess of 2-norm"),
        Column::number("distance from minimiser"),
    ])
    .with_rows(rows)
}

fn figure(scales: &[f64], sweeps: &[Sweep]) -> Figure {
    let mut figure = Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("Norms where the flow on θ₊² − θ₋² ends")
    };
    for (norm, name) in ["‖w‖₁", "‖w‖₂"].into_iter().enumerate() {
        let at = |place: usize| -> Vec<f64> {
            sweeps
                .iter()
                .map(|sweep| 1.0 + sweep.excess[place][norm])
                .collect()
        };
        let of = |get: &dyn Fn(&[f64]) -> f64| {
            (0..scales.len())
                .map(|place| get(&at(place)))
                .collect::<Vec<f64>>()
        };
        let panel = Panel::new(
            Axis::new("scale α of the start", "1").log(),
            Axis::new(format!("{name} over the least"), "1")
                .linear()
                .including(1.0),
        )
        .with(
            Line::new("end of the flow", scales.to_vec(), of(&mean))
                .with_markers()
                .with_band(
                    of(&|values| values.iter().copied().fold(f64::INFINITY, f64::min)),
                    of(&|values| values.iter().copied().fold(0.0, f64::max)),
                    format!("smallest to largest of {} seeds", sweeps.len()),
                ),
        );
        figure = figure.with(panel);
    }
    figure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_weight_has_the_logistic_flow_in_closed_form() {
        // dw/dt = 4√(w² + 4α⁴)·g for the constant gradient −g: w = 2α² sinh(4gt).
        let map = Parameterisation::signed_squares(1);
        let path = map
            .flow(start(1, 0.5).as_ref(), &[0.3], |_| dense::column(&[-1.0]))
            .unwrap();
        assert!((map.value(path[0].as_ref())[0] - 0.5 * 1.2f64.sinh()).abs() < 1e-9);
    }
}
