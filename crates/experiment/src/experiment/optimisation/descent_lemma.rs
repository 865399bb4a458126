//! The direction of steepest descent, the quadratic upper bound, and the descent lemma.

use super::{banded, each, equals, power};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Numbers, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Mark, Panel, Style, Width};
use crate::problem::quadratic::{Waves, log_spaced};
use crate::problem::vector::{distance, inner, moved, norm, normals, square};
use crate::random::{StreamRng, Streams};
use crate::statistics::{Estimate, Rule};
use rand::RngExt;

const DIMENSION: Count =
    Count::new("dimension", "coordinates of the function", 12).allowed(2.0, 1e3);
const POINTS: Count = Count::new("points", "points per seed at which steps are taken", 2000)
    .quick(200)
    .allowed(10.0, 1e6);
const RATES: Numbers = Numbers::new(
    "rates",
    "step sizes times the smoothness L",
    &[0.25, 0.5, 1.0, 1.5, 1.99, 3.0, 4.0, 5.0],
)
.allowed(1e-3, 1e3);

/// Of how many steps none may break a bound that holds: shares are judged against it.
const FEW: f64 = 0.002;
/// The largest height of the function, and so its smoothness.
const SMOOTHNESS: f64 = 10.0;

/// Theory 2-1 to 2-3.
#[derive(Debug)]
pub struct DescentLemma;

/// What a seed gives.
struct Seed {
    ball: f64,
    cube: f64,
    approach: Vec<f64>,
    /// The smallest decrease over `η ‖∇f‖²`, for each rate.
    least: Vec<f64>,
    broken: [usize; 7],
}

impl Experiment for DescentLemma {
    fn about(&self) -> About {
        About {
            name: "descent-lemma",
            subject: Subject::Optimisation,
            claim: "A step against the gradient that is shorter than the smoothness allows lowers the loss by half the \
                    step size times the squared gradient.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 2.1",
            mathematics: "Within a ball of radius ε the linear model f(w) + ⟨∇f, δ⟩ is smallest at δ = −ε ∇f/‖∇f‖. \
                Where all eigenvalues of the Hessian lie in [−L, L], f(w + δ) ≤ f(w) + ⟨∇f, δ⟩ + (L/2) ‖δ‖² for every δ. \
                With δ = −η ∇f this is f(w) − (η − η² L/2) ‖∇f‖²: at least (η/2) ‖∇f‖² less than f(w) for η ≤ 1/L, and \
                still less for every η < 2/L. The function here is −Σ hᵢ cos wᵢ, which is not convex and whose \
                smoothness is exactly L = max hᵢ.",
            refuted_by: "Steps with η ≤ 1/L that lower the loss by less than (η/2) ‖∇f‖².",
            seeds: Extent {
                full: 20,
                quick: 10,
            },
            seconds: Extent {
                full: 0.2,
                quick: 0.03,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![DIMENSION.parameter(), POINTS.parameter(), RATES.parameter()]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let waves = Waves::log_spaced(1.0, SMOOTHNESS, setup.get(DIMENSION));
        let rates = setup.get(RATES);
        let radii = log_spaced(1e-3, 1e-1, 5);
        let points = setup.get(POINTS);
        let seeds =
            setup.over_seeds(|streams| Ok(seed(&waves, points, &rates, &radii, streams)))?;
        let trials = points * seeds.len();
        let share = |index: usize| {
            let broken = seeds.iter().map(|seed| seed.broken[index]).sum();
            Estimate::proportion(broken, trials)
        };
        let approach = each(&seeds, |seed| power(&radii, &seed.approach));
        Ok(Findings::new()
            .claims(directions(&seeds, &approach))
            .claims(bounds(share))
            .claims(lemma(share))
            .figure("steps", figure(&rates, &radii, &seeds)))
    }
}

fn directions(seeds: &[Seed], approach: &[f64]) -> Vec<Claim> {
    let id = "theory 2-1";
    vec![
        Claim::printed(
            id,
            "Within a ball, the linear model is smallest along the negative gradient: the cosine is 1.",
            equals(1.0, 1e-9),
            Estimate::median(&each(seeds, |seed| seed.ball)),
        ),
        Claim::printed(
            id,
            "What lowers the function itself most within a ball of radius ε turns to the negative gradient as ε → 0: one \
             minus their cosine falls as ε².",
            equals(2.0, 0.1),
            Estimate::mean(approach),
        ),
        Claim::must_fail(
            id,
            "The same in a cube, a ball of another norm: the cosine is 1.",
            equals(1.0, 1e-9),
            Estimate::median(&each(seeds, |seed| seed.cube)),
        ),
    ]
}

fn bounds(share: impl Fn(usize) -> Estimate) -> Vec<Claim> {
    let id = "theory 2-2";
    vec![
        Claim::printed(
            id,
            format!(
                "f(w') ≤ f(w) + ⟨∇f, w' − w⟩ + (L/2)‖w' − w‖² in all but {FEW} of pairs of points."
            ),
            Rule::Below(FEW),
            share(0),
        ),
        Claim::must_fail(
            id,
            format!("The same with half of L, in all but {FEW} of pairs."),
            Rule::Below(FEW),
            share(1),
        ),
    ]
}

fn lemma(share: impl Fn(usize) -> Estimate) -> Vec<Claim> {
    let id = "theory 2-3";
    let claim =
        |make: fn(&'static str, String, Rule, Estimate) -> Claim, words: &str, index: usize| {
            let text = format!("{words}, in all but {FEW} of steps.");
            make(id, text, Rule::Below(FEW), share(index))
        };
    vec![
        claim(
            Claim::printed,
            "With η = 1/L a step lowers the loss by (η/2)‖∇f‖² or more",
            2,
        ),
        claim(Claim::printed, "With η = 1.99/L a step lowers the loss", 3),
        claim(
            Claim::printed,
            "With η = 1/L the loss after a step is at most f − η‖∇f‖² + (L/2)‖η²∇f‖², as a line of the proof has it",
            4,
        ),
        claim(
            Claim::corrected,
            "With η = 1/L the loss after a step is at most f − η‖∇f‖² + (L/2)η²‖∇f‖²",
            5,
        ),
        claim(Claim::must_fail, "With η = 5/L a step lowers the loss", 6),
    ]
}

fn seed(waves: &Waves, points: usize, rates: &[f64], radii: &[f64], streams: Streams) -> Seed {
    let mut rng = streams.stream("points", 0);
    let w = waves.point(&mut rng);
    let slope = waves.gradient(&w);
    let downhill: Vec<f64> = slope.iter().map(|slope| -slope).collect();
    let cosine = |step: &[f64]| inner(step, &downhill) / (norm(step) * norm(&downhill));
    let within = |radius: f64| {
        let step = lowest_within(
            into_ball(radius),
            (w.len(), radius),
            &mut rng.clone(),
            |step| waves.gradient(&moved(&w, 1.0, step)),
        );
        // One minus the cosine, without the cancellation.
        let unit = |vector: &[f64]| moved(&[0.0].repeat(vector.len()), 1.0 / norm(vector), vector);
        0.5 * distance(&unit(&step), &unit(&downhill)).powi(2)
    };
    let approach = radii.iter().map(|radius| within(*radius)).collect();
    let ball = cosine(&lowest_within(
        into_ball(1.0),
        (w.len(), 1.0),
        &mut rng,
        |_| slope.clone(),
    ));
    let into_cube = |step: &mut Vec<f64>| {
        step.iter_mut()
            .for_each(|part| *part = part.clamp(-1.0, 1.0))
    };
    let cube = cosine(&lowest_within(into_cube, (w.len(), 1.0), &mut rng, |_| {
        slope.clone()
    }));
    let mut least = vec![f64::INFINITY; rates.len()];
    let mut broken = [0; 7];
    for _ in 0..points {
        let w = waves.point(&mut rng);
        for (least, rate) in least.iter_mut().zip(rates) {
            *least = least.min(decrease(waves, &w, *rate));
        }
        for (count, is_broken) in broken.iter_mut().zip(violations(waves, &w, &mut rng)) {
            *count += usize::from(is_broken);
        }
    }
    Seed {
        ball,
        cube,
        approach,
        least,
        broken,
    }
}

/// Projected gradient descent within a set of the size of `radius`, from a random point of it.
fn lowest_within(
    project: impl Fn(&mut Vec<f64>),
    (size, radius): (usize, f64),
    rng: &mut StreamRng,
    gradient: impl Fn(&[f64]) -> Vec<f64>,
) -> Vec<f64> {
    let mut step: Vec<f64> = normals(rng, size)
        .into_iter()
        .map(|part| radius * part)
        .collect();
    project(&mut step);
    for _ in 0..400 {
        let slope = gradient(&step);
        step = moved(&step, -radius / norm(&slope), &slope);
        project(&mut step);
    }
    step
}

fn into_ball(radius: f64) -> impl Fn(&mut Vec<f64>) {
    move |step| {
        let factor = (radius / norm(step)).min(1.0);
        step.iter_mut().for_each(|part| *part *= factor);
    }
}

/// The decrease of a step with `η = rate / L`, over `η ‖∇f‖²`.
fn decrease(waves: &Waves, w: &[f64], rate: f64) -> f64 {
    let rate = rate / waves.smoothness();
    let slope = waves.gradient(w);
    (waves.loss(w) - waves.loss(&moved(w, -rate, &slope))) / (rate * square(&slope))
}

/// Which of the bounds does not hold at a point; beyond rounding.
fn violations(waves: &Waves, w: &[f64], rng: &mut StreamRng) -> [bool; 7] {
    let smoothness = waves.smoothness();
    let slope = waves.gradient(w);
    let length = rng.random_range(0.0..2.0 / smoothness);
    // Half of the pairs along the gradient, half in a random direction.
    let direction = if rng.random::<bool>() {
        slope.clone()
    } else {
        normals(rng, w.len())
    };
    let beyond = waves.loss(&moved(w, -length, &direction)) - waves.loss(w)
        + length * inner(&slope, &direction);
    let curved = beyond / (0.5 * smoothness * length * length * square(&direction));
    let round = 1e-9;
    let rate = 1.0 / smoothness;
    let lowered = decrease(waves, w, 1.0);
    [
        curved > 1.0 + round,
        curved > 0.5 + round,
        lowered < 0.5 - round,
        decrease(waves, w, 1.99) < -round,
        lowered < 1.0 - 0.5 * smoothness * rate.powi(3) - round,
        lowered < 1.0 - 0.5 * smoothness * rate - round,
        decrease(waves, w, 5.0) < -round,
    ]
}

fn figure(rates: &[f64], radii: &[f64], seeds: &[Seed]) -> Figure {
    let least: Vec<&[f64]> = seeds.iter().map(|seed| seed.least.as_slice()).collect();
    let approach: Vec<&[f64]> = seeds.iter().map(|seed| seed.approach.as_slice()).collect();
    let bound = rates.iter().map(|rate| 1.0 - 0.5 * rate).collect();
    let lemma = Panel::new(
        Axis::new("step size × L", "1").linear(),
        Axis::new("decrease / (η‖∇f‖²)", "1").including(0.0),
    )
    .titled("Smallest decrease of a step")
    .with(banded("measured", rates, &least).with_markers())
    .with(Line::new("1 − ηL/2", rates.to_vec(), bound).styled(Style::REFERENCE))
    .with(Mark::Rule(crate::figure::Rule::level("no decrease", 0.0)));
    let direction = Panel::new(
        Axis::new("radius ε", "1").log(),
        Axis::new("1 − cosine", "1").log(),
    )
    .titled("Best step within a ball, and −∇f")
    .with(banded("measured", radii, &approach).with_markers());
    let figure = Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("How much a step lowers a smooth loss, and where the best step leads")
    };
    figure.with(lemma).with(direction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_of_one_over_the_smoothness_solves_a_parabola() {
        // Near its bottom a wave is ½ L w²: the decrease over η ‖∇f‖² is 1 − ηL/2.
        let wave = Waves { heights: vec![4.0] };
        for (rate, expected) in [(1.0, 0.5), (1.99, 0.005), (3.0, -0.5)] {
            assert!((decrease(&wave, &[1e-4], rate) - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn projected_descent_finds_the_corner_of_a_cube() {
        let mut rng = Streams::new(0).stream("test", 0);
        let clamp = |step: &mut Vec<f64>| {
            step.iter_mut()
                .for_each(|part| *part = part.clamp(-1.0, 1.0))
        };
        let corner = lowest_within(clamp, (2, 1.0), &mut rng, |_| vec![3.0, -0.1]);
        assert_eq!(corner, [-1.0, 1.0]);
        let side = lowest_within(into_ball(2.0), (2, 2.0), &mut rng, |_| vec![3.0, -4.0]);
        assert!(distance(&side, &[-1.2, 1.6]) < 1e-12);
    }
}
