//! Descent with weight decay on a loss that the length of the weights does not change.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Style, Width};
use crate::problem::dense;
use crate::problem::saddle::RayleighQuotient;
use crate::problem::vector;
use crate::random::Streams;
use crate::statistics::estimate::median;
use crate::statistics::{Estimate, Rule};

const DIMENSIONS: Count = Count::new("dimensions", "dimensions", 6).allowed(2.0, 200.0);
const STEP: Number = Number::new("step", "step size η", 0.1).allowed(1e-4, 10.0);
const DECAYS: Numbers = Numbers::new("decays", "weight decays λ to compare", &[1e-4, 1e-5])
    .quick(&[1e-3, 1e-4])
    .allowed(1e-6, 1.0);
const NORMS: Numbers = Numbers::new(
    "norms",
    "squared norms of the weights at the start, over \
    π²ρη, ascending",
    &[1e-2, 1.0, 1e2, 1e4, 1e6],
)
.allowed(1e-8, 1e12);
const CASES: Count = Count::new("cases", "random cases of each inequality per seed", 2_000)
    .quick(300)
    .allowed(10.0, 1e6);

/// Theory of Deep Learning, section 13.4.
#[derive(Debug)]
pub struct ScaleInvariantDescent;

/// The largest of each ratio over the random cases of a seed: of an inequality's left to its right side.
#[derive(Debug)]
struct Ratios {
    lemma: f64,
    theorem: f64,
    gradient: f64,
    spread: f64,
    hessian: f64,
    without_norm: f64,
}

/// A run: the squared gradient norm at `w/‖w‖`, least so far, over that of the theorem; and the steps until it was reached.
struct Run {
    norm: f64,
    product: f64,
    steps: f64,
    allowed: f64,
    curve: Vec<[f64; 2]>,
}

impl Experiment for ScaleInvariantDescent {
    fn about(&self) -> About {
        About {
            name: "scale-invariant-descent",
            subject: Subject::Landscapes,
            claim: "On a loss that the length of the weights does not change, descent with \
                weight decay finds a small gradient in a time that depends on the initial \
                length by its logarithm only.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 13.4, Theorems 13.4.2 \
                and 13.4.6, Lemmas 13.4.3 and 13.4.5; Li et al. (2022)",
            mathematics: "For L(cw) = L(w) let ρ be the largest size of an eigenvalue of the \
                Hessian on the unit sphere; at w it is ρ/‖w‖² at most. Thus L(x + v) ≤ L(x) + \
                ⟨v, ∇L(x)⟩ + ρ‖v‖²/(2‖x‖²) for v across x, and a step w ← (1 − ηλ)w − η∇L \
                lowers the loss by η(1 − 2ρη/‖w‖²)‖∇L‖² at least where ηλ ≤ ½. Where ‖w‖ is \
                too short, steps lengthen it; where it is too long, weight decay shortens it. \
                Within (|ln(‖w₀‖²/(ρπ²η))| + 3)/(2ηλ) steps the gradient at w/‖w‖ is below \
                8π⁴ρ²λη, squared. The test is the Rayleigh quotient wᵀAw/wᵀw, whose ρ is twice \
                the spread of the eigenvalues of A.",
            refuted_by: "A case in which one of the inequalities is violated, or a run that \
                takes longer than it says.",
            seeds: Extent { full: 10, quick: 4 },
            seconds: Extent {
                full: 3.3,
                quick: 0.07,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            DIMENSIONS.parameter(),
            STEP.parameter(),
            DECAYS.parameter(),
            NORMS.parameter(),
            CASES.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let seeds =
            setup.over_seeds(|streams| Ok((ratios(setup, streams)?, runs(setup, streams)?)))?;
        let runs: Vec<&Run> = seeds.iter().flat_map(|seed| &seed.1).collect();
        let claims = inequalities(&seeds.iter().map(|seed| &seed.0).collect::<Vec<_>>())
            .into_iter()
            .chain(rates(setup, &runs));
        Ok(Findings::new()
            .claims(claims)
            .figure("steps", figure(setup, &runs, &seeds[0].1)))
    }
}

/// Eigenvalues from 0 to 1 with random ones between.
fn quotient(setup: &Setup, streams: Streams) -> RayleighQuotient {
    use rand::RngExt;
    let mut rng = streams.stream("eigenvalues", 0);
    let between = (2..setup.get(DIMENSIONS)).map(|_| rng.random::<f64>());
    RayleighQuotient {
        eigenvalues: [0.0, 1.0].into_iter().chain(between).collect(),
    }
}

fn ratios(setup: &Setup, streams: Streams) -> Result<Ratios, ExperimentError> {
    use rand::RngExt;
    let loss = quotient(setup, streams);
    let (rho, dimensions) = (loss.smoothness(), setup.get(DIMENSIONS));
    let mut rng = streams.stream("cases", 0);
    let mut most = Ratios {
        lemma: f64::NEG_INFINITY,
        theorem: f64::NEG_INFINITY,
        gradient: 0.0,
        spread: 0.0,
        hessian: 0.0,
        without_norm: f64::NEG_INFINITY,
    };
    for _ in 0..setup.get(CASES) {
        let mut x = vector::normals(&mut rng, dimensions);
        let scale = 10f64.powf(rng.random_range(-1.5..1.5)) / vector::norm(&x);
        x.iter_mut().for_each(|x| *x *= scale);
        let gradient = loss.gradient(&x);
        let radius = vector::square(&x);
        let mut v = vector::normals(&mut rng, dimensions);
        let along = vector::inner(&v, &x) / radius;
        vector::add(&mut v, -along, &x);
        let size = 10f64.powf(rng.random_range(-2.0..1.0));
        v.iter_mut().for_each(|v| *v *= size);
        let moved: Vec<f64> = x.iter().zip(&v).map(|(x, v)| x + v).collect();
        let rise = loss.value(&moved) - loss.value(&x) - vector::inner(&v, &gradient);
        most.lemma = most
            .lemma
            .max(rise / (rho * vector::square(&v) / (2.0 * radius)));
        // A step with decay, of any size and with ηλ up to a half.
        let (step, decay) = (
            10f64.powf(rng.random_range(-3.0..1.0)),
            rng.random_range(0.0..0.5),
        );
        let mut after: Vec<f64> = x.iter().map(|x| (1.0 - decay) * x).collect();
        vector::add(&mut after, -step, &gradient);
        let fall = (loss.value(&x) - loss.value(&after)) / (step * vector::square(&gradient));
        most.theorem = most.theorem.max(1.0 - 2.0 * rho * step / radius - fall);
        if step < 0.5 / rho {
            most.without_norm = most.without_norm.max(-fall);
        }
        most.gradient = most
            .gradient
            .max(vector::norm(&gradient) * radius.sqrt() / (std::f64::consts::PI * rho));
        let spread = (loss.value(&x) - loss.least()) / (std::f64::consts::PI.powi(2) * rho / 2.0);
        most.spread = most.spread.max(spread);
        let values = dense::eigenvalues(loss.hessian(&x).as_ref())?;
        most.hessian = most
            .hessian
            .max(values[0].abs().max(values[values.len() - 1].abs()) * radius / rho);
    }
    Ok(most)
}

fn inequalities(seeds: &[&Ratios]) -> Vec<Claim> {
    let most = |f: &dyn Fn(&Ratios) -> f64| {
        Estimate::exact(
            seeds
                .iter()
                .map(|ratios| f(ratios))
                .fold(f64::NEG_INFINITY, f64::max),
            1e-9,
        )
    };
    vec![
        Claim::printed(
            "theory 13-7",
            "L(x + v) − L(x) ≤ ⟨v, ∇L(x)⟩ + ρ‖v‖²/(2‖x‖²) for v across x (largest ratio of \
             what is left to the last term)",
            Rule::Below(1.0 + 1e-6),
            most(&|ratios| ratios.lemma),
        ),
        Claim::printed(
            "theory 13-7",
            "A step with ηλ ≤ ½ lowers the loss by η(1 − 2ρη/‖w‖²)‖∇L‖² at least (largest \
             amount by which it does not, over η‖∇L‖²)",
            Rule::Below(1e-6),
            most(&|ratios| ratios.theorem),
        ),
        Claim::must_fail(
            "theory 13-7",
            "A step η < 1/(2ρ) does not raise the loss, whatever ‖w‖ (largest rise over η‖∇L‖²)",
            Rule::Below(1e-6),
            most(&|ratios| ratios.without_norm),
        ),
        Claim::printed(
            "theory 13-8",
            "On the unit sphere ‖∇L‖ ≤ πρ (largest ratio)",
            Rule::Below(1.0),
            most(&|ratios| ratios.gradient),
        ),
        Claim::printed(
            "theory 13-8",
            "and L − min L ≤ π²ρ/2 (largest ratio)",
            Rule::Below(1.0),
            most(&|ratios| ratios.spread),
        ),
        Claim::printed(
            "theory 13-7",
            "The Hessian of the Rayleigh quotient is ρ = 2(λmax − λmin) at most on the unit \
             sphere (largest ratio)",
            Rule::Below(1.0 + 1e-9),
            most(&|ratios| ratios.hessian),
        ),
    ]
}

fn runs(setup: &Setup, streams: Streams) -> Result<Vec<Run>, ExperimentError> {
    let mut all = Vec::new();
    for (index, decay) in setup.get(DECAYS).into_iter().enumerate() {
        for norm in setup.get(NORMS) {
            all.push(run(setup, streams, norm, decay, index == 0)?);
        }
    }
    Ok(all)
}

/// A run from weights of a length, until the gradient is as small as the theorem says or twice its steps are over.
fn run(
    setup: &Setup,
    streams: Streams,
    norm: f64,
    decay: f64,
    is_shown: bool,
) -> Result<Run, ExperimentError> {
    let (loss, step) = (quotient(setup, streams), setup.get(STEP));
    let (rho, pi) = (loss.smoothness(), std::f64::consts::PI);
    let product = step * decay;
    if product >= 0.5 {
        return Err(ExperimentError::because(
            "step times decay must be below one half",
        ));
    }
    let middle = pi * pi * rho * step;
    let mut w = vector::normals(&mut streams.stream("start", 0), setup.get(DIMENSIONS));
    let scale = (norm * middle).sqrt() / vector::norm(&w);
    w.iter_mut().for_each(|w| *w *= scale);
    let allowed = ((norm.ln().abs() + 3.0) / (2.0 * product)).ceil();
    let bound = 8.0 * pi.powi(4) * rho * rho * product;
    let mut curve = Vec::new();
    let mut steps = f64::NAN;
    for index in 0..(2.0 * allowed) as usize {
        if index % 65_536 == 0 {
            setup.go_on()?;
        }
        let gradient = loss.gradient(&w);
        let here = vector::square(&gradient) * vector::square(&w);
        if is_shown && (index < 10 || index.is_multiple_of((index / 10).next_power_of_two())) {
            curve.push([index as f64 + 1.0, here / bound]);
        }
        if here <= bound && steps.is_nan() {
            steps = index as f64;
        }
        if !steps.is_nan() && (!is_shown || here < 1e-6 * bound) {
            break;
        }
        w.iter_mut().for_each(|w| *w *= 1.0 - product);
        vector::add(&mut w, -step, &gradient);
    }
    Ok(Run {
        norm,
        product,
        steps,
        allowed,
        curve,
    })
}

fn rates(setup: &Setup, runs: &[&Run]) -> Vec<Claim> {
    let least = setup.get(DECAYS).into_iter().fold(f64::INFINITY, f64::min) * setup.get(STEP);
    let in_time = runs.iter().filter(|run| run.steps <= run.allowed).count();
    let long: Vec<&&Run> = runs
        .iter()
        .filter(|run| run.norm >= 1e2 && run.product == least && run.steps.is_finite())
        .collect();
    let from_long: Vec<&&Run> = runs.iter().filter(|run| run.norm >= 1e2).collect();
    let early = from_long
        .iter()
        .filter(|run| run.steps <= 0.25 * run.allowed)
        .count();
    let x: Vec<f64> = long.iter().map(|run| run.norm.ln()).collect();
    let y: Vec<f64> = long.iter().map(|run| run.steps).collect();
    let slope = Estimate::slope(&x, &y).times(2.0 * least);
    vec![
        Claim::printed(
            "theory 13-8",
            "Within (|ln(‖w₀‖²/(ρπ²η))| + 3)/(2ηλ) steps the squared gradient norm at w/‖w‖ is \
             below 8π⁴ρ²λη (share of runs)",
            Rule::Above(0.9),
            Estimate::proportion(in_time, runs.len()),
        ),
        Claim::printed(
            "theory 13-8",
            format!(
                "From long weights (‖w₀‖² ≥ 100π²ρη) the steps grow with ln‖w₀‖² by at most \
                 1/(2ηλ), ηλ = {least:.0e} (slope, in these units)"
            ),
            Rule::Below(1.1),
            slope,
        ),
        Claim::must_fail(
            "theory 13-8",
            "From long weights a quarter of those steps is enough, too (share of runs)",
            Rule::Above(0.9),
            Estimate::proportion(early, from_long.len()),
        ),
    ]
}

fn figure(setup: &Setup, runs: &[&Run], first: &[Run]) -> Figure {
    Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("Descent on a scale-invariant loss")
    }
    .with(panel_of_steps(setup, runs))
    .with(panel_of_gradients(first))
}

/// Steps until the gradient is as small as its bound, and at most that many.
fn panel_of_steps(setup: &Setup, runs: &[&Run]) -> Panel {
    let norms = setup.get(NORMS);
    let panel = Panel::new(
        Axis::new("squared norm at the start over π²ρη", "1").log(),
        Axis::counting(
            "steps \
        until the bound",
        )
        .log(),
    )
    .titled("Steps");
    setup
        .get(DECAYS)
        .into_iter()
        .enumerate()
        .fold(panel, |panel, (colour, decay)| {
            let product = decay * setup.get(STEP);
            let of = |norm: f64, f: &dyn Fn(&Run) -> f64| {
                let all: Vec<f64> = runs
                    .iter()
                    .filter(|run| run.norm == norm && run.product == product)
                    .map(|run| f(run))
                    .collect();
                // A run that is there from the start has no place on a logarithmic axis.
                median(&all).max(1.0)
            };
            let measured = norms
                .iter()
                .map(|norm| of(*norm, &|run| run.steps))
                .collect();
            let allowed = norms
                .iter()
                .map(|norm| of(*norm, &|run| run.allowed))
                .collect();
            panel
                .with(
                    Line::new(format!("ηλ = {product:.0e}"), norms.clone(), measured)
                        .styled(Style {
                            colour: Some(colour),
                            dash: 0,
                        })
                        .with_markers(),
                )
                .with(
                    Line::new(format!("at most, {product:.0e}"), norms.clone(), allowed).styled(
                        Style {
                            colour: Some(colour),
                            dash: 1,
                        },
                    ),
                )
        })
}

/// Gradients along single runs.
fn panel_of_gradients(first: &[Run]) -> Panel {
    let curves = Panel::new(
        Axis::counting("step + 1").log(),
        Axis::new(
            "squared gradient norm \
        over its bound",
            "1",
        )
        .log(),
    )
    .titled("Seed 0, largest ηλ");
    // Every other start, so that the legend stays short.
    let shown = first
        .iter()
        .filter(|run| !run.curve.is_empty())
        .step_by(2)
        .enumerate();
    shown.fold(curves, |panel, (index, run)| {
        let label = format!("start {:.0e}", run.norm);
        let [x, y] = [0, 1].map(|side| run.curve.iter().map(|point| point[side]).collect());
        panel.with(Line::new(label, x, y).styled(Style {
            colour: Some(2 + index),
            dash: 0,
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smoothness_is_attained_at_the_ends_of_the_spectrum() {
        let loss = RayleighQuotient {
            eigenvalues: vec![4.0, 1.0, 2.0],
        };
        assert_eq!(loss.smoothness(), 6.0);
        let values = dense::eigenvalues(loss.hessian(&[1.0, 0.0, 0.0]).as_ref()).unwrap();
        assert!((values[0] + 6.0).abs() < 1e-12);
    }

    #[test]
    fn gradients_are_across_and_shrink_with_the_length() {
        let loss = RayleighQuotient {
            eigenvalues: vec![4.0, 1.0, 2.0],
        };
        let (w, long) = ([0.3, -0.2, 0.9], [0.6, -0.4, 1.8]);
        assert!(vector::inner(&w, &loss.gradient(&w)).abs() < 1e-14);
        assert!(
            (vector::norm(&loss.gradient(&w)) / vector::norm(&loss.gradient(&long)) - 2.0).abs()
                < 1e-12
        );
        assert!((loss.hessian(&w)[(0, 2)] / loss.hessian(&long)[(0, 2)] - 4.0).abs() < 1e-12);
    }
}
