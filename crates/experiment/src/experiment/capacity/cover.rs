//! How many small balls cover the unit ball, and what a bound by their number says.

use crate::experiment::lines::tested;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Style, Width};
use crate::problem::linear_class::{IN_NEARLY_ALL, highest, share_below};
use crate::problem::vector;
use crate::problem::{dense, draw, saddle};
use crate::random::{StreamRng, Streams};
use crate::statistics::{Estimate, Rule, mean};
use faer::{Col, Mat, Scale};

const RADIUS: Number =
    Number::new("radius", "ρ, the radius of the small balls", 0.3).allowed(0.15, 0.9);
const DIMENSIONS: Numbers = Numbers::new(
    "dimensions",
    "dimensions k of the ball that is \
    covered, ascending",
    &[1.0, 2.0, 3.0],
)
.allowed(1.0, 4.0);
const CANDIDATES: Count = Count::new(
    "candidates",
    "points among which the greedy cover chooses",
    20_000,
)
.quick(4_000)
.allowed(100.0, 1e6);
const FEATURES: Count = Count::new(
    "features",
    "k, weights of the linear class of the bound",
    20,
)
.allowed(2.0, 200.0);
const SAMPLES: Numbers = Numbers::new(
    "samples",
    "m, training samples of the linear class, \
    ascending",
    &[20.0, 200.0, 2_000.0, 20_000.0],
)
.quick(&[20.0, 200.0, 2_000.0])
.allowed(2.0, 1e6);

/// Theory of Deep Learning, section 5.2.
#[derive(Debug)]
pub struct CoverBound;

impl Experiment for CoverBound {
    fn about(&self) -> About {
        About {
            name: "cover-bound",
            subject: Subject::Capacity,
            claim: "Few balls of radius ρ cover the unit ball, which bounds the generalisation \
                gap of a class with k weights.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 5.2, Lemma 5.2.6 and \
                Theorem 5.2.7",
            mathematics: "Choosing points greedily, each more than ρ from all before, must \
                end: the balls of radius ρ/2 around them are disjoint and lie in a ball of \
                radius 1 + ρ/2, so that there are at most ((2 + ρ)/ρ)^k of them; and then the \
                balls of radius ρ cover. The text prints ((2 + ρ)/2ρ)^k, which even the best \
                cover of the interval exceeds: it needs ⌈1/ρ⌉ pieces. A loss with values in \
                [0, 1] that changes by at most γ within a ball has the gap Δ ≤ γ + 2√(k·ln(1 + \
                2/ρ)/m) for all weights at once. The loss ¼(⟨w, x⟩ − y)² with ‖w‖, ‖x‖, |y| ≤ \
                1 has γ = ρ.",
            refuted_by: "A greedy cover with more points than the bound, or a gap above it.",
            seeds: Extent {
                full: 20,
                quick: 17,
            },
            seconds: Extent {
                full: 0.8,
                quick: 0.1,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            RADIUS.parameter(),
            DIMENSIONS.parameter(),
            CANDIDATES.parameter(),
            FEATURES.parameter(),
            SAMPLES.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let dimensions: Vec<usize> = setup.get(DIMENSIONS).iter().map(|k| *k as usize).collect();
        let seeds = setup.over_seeds(|streams| {
            let covers = dimensions
                .iter()
                .map(|k| greedy(setup, *k, streams.stream("cover", *k as u64)));
            let covers = covers.collect::<Result<Vec<f64>, _>>()?;
            let gaps = setup
                .get(SAMPLES)
                .into_iter()
                .map(|m| gap(setup, m as usize, streams))
                .collect::<Result<Vec<f64>, _>>()?;
            Ok((covers, gaps, slope(streams)))
        })?;
        let covers: Vec<Vec<f64>> = seeds.iter().map(|seed| seed.0.clone()).collect();
        let gaps: Vec<Vec<f64>> = seeds.iter().map(|seed| seed.1.clone()).collect();
        let steepest: Vec<f64> = seeds.iter().map(|seed| (seed.2 - 1.0).abs()).collect();
        let claims = covering(setup, &dimensions, &covers)
            .into_iter()
            .chain(bounding(setup, &gaps))
            .chain([Claim::printed(
                "theory 5-4",
                "The loss (⟨w, x⟩ − y)² has the Lipschitz constant 2|⟨w, x⟩ − y|·‖x‖ near w \
             to a thousandth (share of seeds)",
                IN_NEARLY_ALL,
                share_below(1e-3, &steepest),
            )]);
        Ok(Findings::new()
            .claims(claims)
            .figure("covers", figure(setup, &dimensions, &covers, &gaps)))
    }
}

/// How many points a greedy choice has, each farther than ρ from all before.
fn greedy(setup: &Setup, dimensions: usize, mut rng: StreamRng) -> Result<f64, ExperimentError> {
    let radius = setup.get(RADIUS);
    let mut chosen: Vec<Vec<f64>> = Vec::new();
    for _ in 0..setup.get(CANDIDATES) {
        let point = saddle::in_ball(&mut rng, dimensions, 1.0);
        if chosen
            .iter()
            .all(|other| vector::distance(other, &point) > radius)
        {
            chosen.push(point);
        }
    }
    setup.go_on()?;
    Ok(chosen.len() as f64)
}

fn printed(radius: f64, k: usize) -> f64 {
    ((2.0 + radius) / (2.0 * radius)).powi(k as i32)
}

fn right(radius: f64, k: usize) -> f64 {
    ((2.0 + radius) / radius).powi(k as i32)
}

/// The steepest slope of the loss of a point around random weights, over its formula.
fn slope(streams: Streams) -> f64 {
    let mut rng = streams.stream("slope", 0);
    let (w, x, y) = (
        vector::normals(&mut rng, 4),
        vector::normals(&mut rng, 4),
        draw::normal(&mut rng),
    );
    let loss = |w: &[f64]| (vector::inner(w, &x) - y).powi(2);
    let size = 1e-6 / vector::norm(&x);
    let moved = |sign: f64| {
        let mut w = w.clone();
        vector::add(&mut w, sign * size, &x);
        loss(&w)
    };
    let steepest = (moved(1.0) - moved(-1.0)).abs() / (2.0 * size * vector::norm(&x));
    steepest / (2.0 * (vector::inner(&w, &x) - y).abs() * vector::norm(&x))
}

/// The gap of the weights of least training loss in the unit ball: x even on the sphere, y = ⟨w*, x⟩/2 + a sign times ½.
fn gap(setup: &Setup, samples: usize, streams: Streams) -> Result<f64, ExperimentError> {
    let k = setup.get(FEATURES);
    let mut rng = streams.stream("samples", samples as u64);
    let teacher = draw::on_sphere(&mut rng, k);
    let rows: Vec<Col<f64>> = (0..samples).map(|_| draw::on_sphere(&mut rng, k)).collect();
    let x = Mat::from_fn(samples, k, |row, column| rows[row][column]);
    let y = (&x * &teacher) * Scale(0.5) + Col::from_fn(samples, |_| 0.5 * draw::sign(&mut rng));
    let (gram, target) = (
        x.transpose() * &x * Scale(1.0 / samples as f64),
        x.transpose() * &y * Scale(1.0 / samples as f64),
    );
    let w = in_unit_ball(&gram, &target)?;
    let train = (&x * &w - &y).squared_norm_l2() / (4.0 * samples as f64);
    // E xxᵀ = I/k, and the sign is independent of x.
    let test = ((&w - &teacher * Scale(0.5)).squared_norm_l2() / k as f64 + 0.25) / 4.0;
    Ok(test - train)
}

/// The minimiser of `½wᵀGw − bᵀw` in the unit ball, by bisection for the multiplier.
fn in_unit_ball(gram: &Mat<f64>, target: &Col<f64>) -> Result<Col<f64>, ExperimentError> {
    let (values, vectors) = dense::eigen(gram.as_ref())?;
    let along = vectors.transpose() * target;
    let of = |shift: f64| {
        Col::from_fn(values.len(), |index| {
            along[index] / (values[index].max(1e-12) + shift)
        })
    };
    let (mut low, mut high) = (0.0, 1.0 + target.norm_l2());
    if of(0.0).norm_l2() > 1.0 {
        for _ in 0..100 {
            let middle = (low + high) / 2.0;
            if of(middle).norm_l2() > 1.0 {
                low = middle
            } else {
                high = middle
            }
        }
        return Ok(vectors * of(high));
    }
    Ok(vectors * of(0.0))
}

/// The bound, for the radius that makes it least.
fn bound(k: usize, samples: f64) -> f64 {
    let of = |radius: f64| radius + 2.0 * (k as f64 * (1.0 + 2.0 / radius).ln() / samples).sqrt();
    (1..=2_000)
        .map(|index| of(f64::from(index) * 1e-3))
        .fold(f64::INFINITY, f64::min)
}

fn covering(setup: &Setup, dimensions: &[usize], covers: &[Vec<f64>]) -> Vec<Claim> {
    let radius = setup.get(RADIUS);
    let line = (1.0 / radius - 1e-9).ceil();
    let mut claims = vec![Claim::printed(
        "theory 5-4",
        format!(
            "A cover with at most ((2 + ρ)/2ρ)^k balls exists: of the interval (k = 1, ρ = \
            {radius}) the least cover is no larger (ratio)"
        ),
        Rule::Below(1.0),
        Estimate::exact(line / printed(radius, 1), 1e-12),
    )];
    for (index, k) in dimensions.iter().enumerate() {
        let ratio = |bound: f64| {
            let ratios = covers.iter().map(|seed| seed[index] / bound);
            share_below(1.0, &ratios.collect::<Vec<_>>())
        };
        claims.push(Claim::printed(
            "theory 5-4",
            format!(
                "A greedy cover of the ball, k = {k}, ends after ((2 + ρ)/2ρ)^k = {:.1} \
                points at most (share of seeds)",
                printed(radius, *k)
            ),
            IN_NEARLY_ALL,
            ratio(printed(radius, *k)),
        ));
        claims.push(Claim::corrected(
            "theory 5-4",
            format!(
                "It ends after ((2 + ρ)/ρ)^k = {:.1} points at most, k = {k} (share of seeds)",
                right(radius, *k)
            ),
            IN_NEARLY_ALL,
            ratio(right(radius, *k)),
        ));
    }
    claims
}

fn bounding(setup: &Setup, gaps: &[Vec<f64>]) -> Vec<Claim> {
    let (k, samples) = (setup.get(FEATURES), setup.get(SAMPLES));
    let bounds: Vec<f64> = samples.iter().map(|m| bound(k, *m)).collect();
    let worst = gaps.iter().map(|seed| {
        let ratios = seed.iter().zip(&bounds).map(|(gap, bound)| gap / bound);
        highest(ratios)
    });
    vec![
        Claim::corrected(
            "theory 5-4",
            format!(
                "The gap of the best weights of the unit ball, k = {k}, is below γ + \
                2√(k·ln(1 + 2/ρ)/m) for the best ρ and m of {} (share of seeds)",
                tested(&samples)
            ),
            IN_NEARLY_ALL,
            share_below(1.0, &worst.collect::<Vec<_>>()),
        ),
        Claim::printed(
            "theory 5-4",
            format!(
                "The bound says nothing with as many samples as weights: with m = k = {k} \
                it is above the largest loss, 1"
            ),
            Rule::Above(1.0),
            Estimate::exact(bound(k, k as f64), 1e-3),
        ),
        Claim::must_fail(
            "theory 5-4",
            format!(
                "With m = {} it says nothing either",
                samples[samples.len() - 1] * 10.0
            ),
            Rule::Above(1.0),
            Estimate::exact(bound(k, samples[samples.len() - 1] * 10.0), 1e-3),
        ),
    ]
}

fn figure(setup: &Setup, dimensions: &[usize], covers: &[Vec<f64>], gaps: &[Vec<f64>]) -> Figure {
    let (radius, k, samples) = (setup.get(RADIUS), setup.get(FEATURES), setup.get(SAMPLES));
    let x: Vec<f64> = dimensions.iter().map(|k| *k as f64).collect();
    let mean_of = |all: &[Vec<f64>], index: usize| {
        mean(&all.iter().map(|seed| seed[index]).collect::<Vec<_>>())
    };
    let of = |f: &dyn Fn(f64, usize) -> f64| {
        dimensions
            .iter()
            .map(|k| f(radius, *k))
            .collect::<Vec<f64>>()
    };
    let counts = Panel::new(
        Axis::counting("dimensions"),
        Axis::counting("points of a cover").log(),
    )
    .titled(format!("Covers with ρ = {radius}"))
    .with(
        Line::new(
            "greedy, mean",
            x.clone(),
            (0..x.len()).map(|index| mean_of(covers, index)).collect(),
        )
        .with_markers(),
    )
    .with(
        Line::new("((2+ρ)/2ρ)^k", x.clone(), of(&printed)).styled(Style {
            colour: Some(1),
            dash: 1,
        }),
    )
    .with(
        Line::new("((2+ρ)/ρ)^k", x.clone(), of(&right)).styled(Style {
            colour: Some(2),
            dash: 1,
        }),
    );
    let bounds = samples.iter().map(|m| bound(k, *m)).collect();
    let panel = Panel::new(
        Axis::counting("training samples").log(),
        Axis::new("loss", "1").log(),
    )
    .titled(format!("Gap, {k} weights"))
    .with(
        Line::new(
            "gap, mean",
            samples.clone(),
            (0..samples.len())
                .map(|index| mean_of(gaps, index))
                .collect(),
        )
        .with_markers(),
    )
    .with(Line::new("bound", samples.clone(), bounds).styled(Style {
        colour: Some(2),
        dash: 1,
    }))
    .with(crate::figure::Rule::level("largest loss", 1.0));
    Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("Covers and the bound they give")
    }
    .with(counts)
    .with(panel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_stay_in_the_ball_and_are_best_there() {
        let gram = Mat::from_fn(2, 2, |row, column| if row == column { 1.0 } else { 0.2 });
        let w = in_unit_ball(&gram, &dense::column(&[3.0, 1.0])).unwrap();
        assert!((w.norm_l2() - 1.0).abs() < 1e-9);
        let value = |w: &Col<f64>| {
            crate::problem::linear_class::form(&gram, w.as_ref()) / 2.0 - 3.0 * w[0] - w[1]
        };
        let best = (0..3_600).map(|index| {
            let angle = f64::from(index) * std::f64::consts::PI / 1_800.0;
            value(&dense::column(&[angle.cos(), angle.sin()]))
        });
        assert!(value(&w) <= best.fold(f64::INFINITY, f64::min) + 1e-9);
        let inside = in_unit_ball(&gram, &dense::column(&[0.3, 0.1])).unwrap();
        assert!((&gram * &inside - dense::column(&[0.3, 0.1])).norm_l2() < 1e-12);
    }

    #[test]
    fn an_interval_needs_more_pieces_than_is_printed() {
        assert!((0.3f64.recip()).ceil() > printed(0.3, 1) && 4.0 < right(0.3, 1));
    }
}
