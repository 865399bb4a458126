//! A step size that is divided where the loss does not fall.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Mark, Panel, Rule as Level, Width};
use crate::problem::quadratic::Quadratic;
use crate::problem::vector::{moved, normals};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};
use rand::RngExt;

const EXCESS: Number = Number::new(
    "excess",
    "first step size over the largest stable one",
    50.0,
)
.allowed(1.1, 1e4);
const PATIENCE: Count = Count::new(
    "patience",
    "steps without a lower loss before the step size is divided",
    3,
)
.allowed(1.0, 20.0);
const STEPS: Count = Count::new("steps", "steps of each run", 600)
    .quick(400)
    .allowed(50.0, 1e5);
const DIMENSION: Count = Count::new("dimension", "coordinates of the losses", 10).allowed(1.0, 1e3);

/// By what the step size is divided; 1 leaves it as it is.
const DIVISORS: [f64; 3] = [2.0, 5.0, 1.0];

/// Theory 2-17.
#[derive(Debug)]
pub struct PlateauStepSize;

/// The course of a run: the losses, over the first one, and the step sizes, over one over the sharpest eigenvalue.
struct Course {
    losses: Vec<f64>,
    rates: Vec<f64>,
}

/// What a seed gives: a run for each divisor, at the step size of the theory, and on a quartic.
struct Seed {
    divided: Vec<Course>,
    known: Course,
    quartic: Course,
}

impl Experiment for PlateauStepSize {
    fn about(&self) -> About {
        About {
            name: "plateau-step-size",
            subject: Subject::Optimisation,
            claim: "Dividing the step size where the loss does not fall for a few steps finds a stable one without knowing the \
                    smoothness.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 2.6",
            mathematics: "Gradient descent on a quadratic is stable for η < 2/λ₁. Where the step size is larger, the loss grows, \
                and after a few such steps η is divided by 2 or 5, until it is stable: it then lies between 2/λ₁ over the \
                divisor and 2/λ₁, unless 2/λ₁ is met closely. Each try multiplies the sharpest coordinate by \
                ηλ₁ − 1, which the stable steps then make good at their rate. On a quartic the smoothness itself \
                grows with the square of the distance, faster than a division a few steps later can follow.",
            refuted_by: "Quadratics on which the divided step size ends unstable, or the loss stays above its start.",
            seeds: Extent {
                full: 50,
                quick: 20,
            },
            seconds: Extent {
                full: 0.05,
                quick: 0.01,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            EXCESS.parameter(),
            PATIENCE.parameter(),
            STEPS.parameter(),
            DIMENSION.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let plan = Plan {
            excess: setup.get(EXCESS),
            patience: setup.get(PATIENCE),
            steps: setup.get(STEPS),
            dimension: setup.get(DIMENSION),
        };
        let seeds = setup.over_seeds(|streams| Ok(seed(&plan, streams)))?;
        Ok(Findings::new()
            .claims(claims(&plan, &seeds))
            .figure("plateau", figure(&seeds)))
    }
}

struct Plan {
    excess: f64,
    patience: usize,
    steps: usize,
    dimension: usize,
}

fn claims(plan: &Plan, seeds: &[Seed]) -> Vec<Claim> {
    let id = "theory 2-17";
    let share = |is_so: &dyn Fn(&Seed) -> bool| {
        Estimate::proportion(seeds.iter().filter(|seed| is_so(seed)).count(), seeds.len())
    };
    let is_low = |course: &Course| course.losses.last().is_some_and(|loss| *loss < 1e-3);
    let start = format!(
        "From a step size {} times the largest stable one",
        plan.excess
    );
    let mut claims = Vec::new();
    for (index, divisor) in DIVISORS.iter().enumerate().take(2) {
        let last = super::each(seeds, |seed| {
            seed.divided[index]
                .rates
                .last()
                .copied()
                .unwrap_or(f64::NAN)
        });
        claims.push(Claim::printed(
            id,
            format!("{start}, dividing by {divisor} after {} steps without a lower loss brings the loss below a thousandth of its \
                     start in {} steps, in at least 4 of 5 cases.", plan.patience, plan.steps),
            Rule::Above(0.8),
            share(&|seed| is_low(&seed.divided[index])),
        ));
        claims.push(Claim::printed(
            id,
            format!("The step size that dividing by {divisor} ends at is between 2/λ₁ over {divisor} and 2/λ₁."),
            Rule::Between(2.0 / divisor * (1.0 - 1e-9), 2.0),
            Estimate::median(&last),
        ));
    }
    let lost = super::each(seeds, |seed| {
        (steps_to(&seed.divided[0], 1e-3) - steps_to(&seed.known, 1e-3)).abs()
    });
    claims.push(Claim::printed(
        id,
        format!("Not knowing the smoothness costs less than {} steps: to a thousandth of the first loss, dividing by 2 takes so \
                 many more or fewer than η = 1/λ₁.", plan.steps / 2),
        Rule::Below(plan.steps as f64 / 2.0),
        Estimate::median(&lost),
    ));
    claims.push(Claim::must_fail(
        id,
        format!("{start}, never dividing brings the loss below a thousandth of its start in at least 4 of 5 cases."),
        Rule::Above(0.8),
        share(&|seed| is_low(&seed.divided[2])),
    ));
    claims.push(Claim::must_fail(
        id,
        format!("{start} at the start of a quartic, dividing by 2 brings the loss below a thousandth of its start in at least 4 of \
                 5 cases."),
        Rule::Above(0.8),
        share(&|seed| is_low(&seed.quartic)),
    ));
    claims
}

fn seed(plan: &Plan, streams: Streams) -> Seed {
    let mut rng = streams.stream("loss", 0);
    let sharpest = 10f64.powf(rng.random_range(-2.0..2.0));
    let quadratic = Quadratic::log_spaced(sharpest / 30.0, sharpest, plan.dimension);
    let start = normals(&mut rng, plan.dimension);
    let loss = |w: &[f64]| quadratic.loss(w);
    let slope = |w: &[f64]| quadratic.gradient(w);
    let run =
        |rate: f64, divisor: f64| descend(plan, &start, (rate, divisor), sharpest, loss, slope);
    let above = 2.0 * plan.excess / sharpest;
    // ¼ Σ wᵢ⁴ has the Hessian diag(3 wᵢ²).
    let largest = start
        .iter()
        .fold(0.0, |largest: f64, w| largest.max(3.0 * w * w));
    let quartic = |w: &[f64]| w.iter().map(|w| 0.25 * w.powi(4)).sum();
    let cubes = |w: &[f64]| w.iter().map(|w| w.powi(3)).collect();
    Seed {
        divided: DIVISORS
            .iter()
            .map(|divisor| run(above, *divisor))
            .collect(),
        known: run(1.0 / sharpest, 1.0),
        quartic: descend(
            plan,
            &start,
            (2.0 * plan.excess / largest, 2.0),
            largest,
            quartic,
            cubes,
        ),
    }
}

fn descend(
    plan: &Plan,
    start: &[f64],
    (mut rate, divisor): (f64, f64),
    sharpest: f64,
    loss: impl Fn(&[f64]) -> f64,
    gradient: impl Fn(&[f64]) -> Vec<f64>,
) -> Course {
    let (mut w, first) = (start.to_vec(), loss(start));
    let (mut before, mut waited) = (first, 0);
    let mut course = Course {
        losses: vec![1.0],
        rates: vec![rate * sharpest],
    };
    for _ in 0..plan.steps {
        w = moved(&w, -rate, &gradient(&w));
        let now = loss(&w);
        // Beyond all numbers is not lower.
        waited = if now < before { 0 } else { waited + 1 };
        before = now;
        if waited >= plan.patience {
            (rate, waited) = (rate / divisor, 0);
        }
        course.losses.push(now / first);
        course.rates.push(rate * sharpest);
    }
    course
}

/// The steps after which the loss stays below a share of the first; all where it does not.
fn steps_to(course: &Course, share: f64) -> f64 {
    let above = course
        .losses
        .iter()
        .rposition(|loss| loss.is_nan() || *loss >= share);
    above.map_or(0.0, |step| step as f64 + 1.0)
}

fn figure(seeds: &[Seed]) -> Figure {
    let loss = Panel::new(
        Axis::counting("steps"),
        Axis::new("loss / first loss", "1").log().over([1e-6, 1e48]),
    );
    let rate = Panel::new(Axis::counting("steps"), Axis::new("η λ₁", "1").log());
    let mut panels = [
        loss.titled("Loss"),
        rate.titled("Step size")
            .with(Mark::Rule(Level::level("2/λ₁", 2.0))),
    ];
    let seed = &seeds[..seeds.len().min(1)];
    for (seed, index) in seed
        .iter()
        .flat_map(|seed| (0..3).map(move |index| (seed, index)))
    {
        let label = match DIVISORS[index] {
            1.0 => "not divided".to_owned(),
            divisor => format!("divided by {divisor}"),
        };
        let course = &seed.divided[index];
        let shown = course.losses.len().min(200);
        let x: Vec<f64> = (0..shown).map(|step| step as f64).collect();
        let visible = |loss: &f64| {
            if (1e-300..1e60).contains(loss) {
                *loss
            } else {
                f64::NAN
            }
        };
        let losses = course.losses.iter().take(shown).map(visible).collect();
        panels[0] = panels[0]
            .clone()
            .with(Line::new(label.clone(), x.clone(), losses));
        panels[1] = panels[1]
            .clone()
            .with(Line::new(label, x, course.rates[..shown].to_vec()));
    }
    let figure = Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("Dividing a step size that is too large, on one quadratic")
    };
    let [loss, rate] = panels;
    figure.with(loss).with(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_size_is_divided_until_the_loss_falls() {
        let plan = Plan {
            excess: 1.0,
            patience: 3,
            steps: 60,
            dimension: 1,
        };
        let loss = |w: &[f64]| 0.5 * w[0] * w[0];
        // 10 → 5 → 2.5 → 1.25, three steps each: the loss falls from the tenth step on.
        let course = descend(&plan, &[1.0], (10.0, 2.0), 1.0, loss, |w| w.to_vec());
        assert_eq!(course.rates.last(), Some(&1.25));
        assert_eq!(
            (course.rates[2], course.rates[3], course.rates[9]),
            (10.0, 5.0, 1.25)
        );
        let expected = (9f64 * 4.0 * 1.5).powi(6) * 0.25f64.powi(2);
        assert!((course.losses[10] / expected - 1.0).abs() < 1e-12);
        assert!(steps_to(&course, 1e-3) < 60.0);
    }

    #[test]
    fn counting_stops_where_the_loss_stays_low() {
        let course = Course {
            losses: vec![1.0, 1e-6, 2.0, 1e-6, 1e-7],
            rates: Vec::new(),
        };
        assert_eq!(steps_to(&course, 1e-3), 3.0);
    }
}
