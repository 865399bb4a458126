//! A linear classifier with a margin is one with few weights: a random choice of them keeps its answers.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Style, Width};
use crate::problem::{dense, draw};
use crate::random::{StreamRng, Streams};
use crate::statistics::{Estimate, Rule, mean, variance};
use faer::{Col, Scale};
use rand::RngExt;

const DIMENSIONS: Count = Count::new("dimensions", "d, weights of the classifier", 20_000)
    .quick(2_000)
    .allowed(100.0, 1e6);
const MARGINS: Numbers = Numbers::new("margins", "margins γ, descending", &[0.3, 0.2, 0.1])
    .quick(&[0.3, 0.2])
    .allowed(0.05, 0.8);
const TRIALS: Count = Count::new("trials", "random choices per seed", 100)
    .quick(40)
    .allowed(10.0, 1e4);
const SPREAD: Number = Number::new(
    "spread",
    "how much larger than the others the first \
    weights are, so that some exceed γ²/8",
    4.0,
)
.allowed(1.0, 10.0);

/// What one seed gives for one margin.
#[derive(Clone, Debug)]
struct Seed {
    count: f64,
    variance: f64,
    off: usize,
    /// The same variance where some weights exceed γ²/8, and the largest weight over γ²/8.
    uneven: f64,
    largest: f64,
    /// How many weights are left where one is above γ/√8.
    beyond: f64,
    /// How often a projection to 8/γ² numbers is off by the margin.
    projected_off: usize,
}

/// Theory of Deep Learning, section 5.5.1.
#[derive(Debug)]
pub struct SparsifiedMargin;

impl Experiment for SparsifiedMargin {
    fn about(&self) -> About {
        About {
            name: "sparsified-margin",
            subject: Subject::Capacity,
            claim: "A classifier of unit norm with the margin γ is replaced by one with about \
                8/γ² weights, chosen at random.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 5.5.1; Arora, Ge, \
                Neyshabur & Zhang (2018)",
            mathematics: "Keep weight cᵢ with chance pᵢ = 8cᵢ²/γ² and then make it cᵢ/pᵢ. The \
                choice ĉ has c as its mean and 8/γ² weights on average, and for each u of unit \
                norm the variance of ⟨ĉ, u⟩ is Σpᵢ(1 − pᵢ)cᵢ²uᵢ²/pᵢ² ≤ γ²/8 (printed with a \
                factor 2, γ²/4), so that by Chebyshev's inequality it is off by γ with a \
                chance of at most 1/8. The printed condition |cᵢ| < γ²/8 is not needed: \
                chances are at most 1 where |cᵢ| ≤ γ/√8. A Gaussian projection M to 8/γ² \
                numbers keeps ⟨c, u⟩ with a variance (1 + ⟨c, u⟩²)γ²/8.",
            refuted_by: "More weights, a larger variance, or answers that are off by the \
                margin more often.",
            seeds: Extent { full: 20, quick: 6 },
            seconds: Extent {
                full: 1.2,
                quick: 0.02,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            DIMENSIONS.parameter(),
            MARGINS.parameter(),
            TRIALS.parameter(),
            SPREAD.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let margins = setup.get(MARGINS);
        let seeds = setup.over_seeds(|streams| {
            let of = |(index, margin): (usize, &f64)| one(setup, *margin, streams, index as u64);
            margins
                .iter()
                .enumerate()
                .map(of)
                .collect::<Result<Vec<Seed>, _>>()
        })?;
        let claims = (0..margins.len()).flat_map(|index| {
            let of_margin: Vec<Seed> = seeds.iter().map(|seed| seed[index].clone()).collect();
            claims(setup, margins[index], &of_margin)
        });
        let claims: Vec<Claim> = claims.collect();
        Ok(Findings::new()
            .claims(claims)
            .figure("sparsity", figure(&margins, &seeds)))
    }
}

fn one(
    setup: &Setup,
    margin: f64,
    streams: Streams,
    counter: u64,
) -> Result<Seed, ExperimentError> {
    let dimensions = setup.get(DIMENSIONS);
    let mut rng = streams.stream("classifier", counter);
    let c = draw::on_sphere(&mut rng, dimensions);
    let u = at_margin(&mut rng, &c, margin);
    let (numbers, counts) = choices(setup, &c, &u, margin, &mut rng)?;
    // A few larger weights: as large as `spread` times γ²/8, but not above γ/√8.
    let large = (setup.get(SPREAD) * margin * margin / 8.0).min(margin / 8f64.sqrt());
    let count = ((0.5 / (large * large)) as usize).clamp(1, dimensions / 2);
    let rest = ((1.0 - count as f64 * large * large).max(0.0) / (dimensions - count) as f64).sqrt();
    let uneven = Col::from_fn(dimensions, |index| if index < count { large } else { rest });
    let other = at_margin(&mut rng, &uneven, margin);
    let (uneven_numbers, _) = choices(setup, &uneven, &other, margin, &mut rng)?;
    let rest = (0.5 / (dimensions - 1) as f64).sqrt();
    let single = Col::from_fn(
        dimensions,
        |index| if index == 0 { 0.5f64.sqrt() } else { rest },
    );
    let (_, beyond) = choices(setup, &single, &single, margin, &mut rng)?;
    let truth = dense::dot(c.as_ref(), u.as_ref());
    let off = |number: &&f64| (*number - truth).abs() >= margin;
    Ok(Seed {
        count: mean(&counts),
        variance: variance(&numbers),
        off: numbers.iter().filter(off).count(),
        uneven: variance(&uneven_numbers),
        largest: large / (margin * margin / 8.0),
        beyond: mean(&beyond),
        projected_off: (0..setup.get(TRIALS))
            .filter(|_| projection_error(&mut rng, truth, margin) >= margin)
            .count(),
    })
}

/// A vector of unit norm at the margin from a classifier.
fn at_margin(rng: &mut StreamRng, c: &Col<f64>, margin: f64) -> Col<f64> {
    let across = draw::on_sphere(rng, c.nrows());
    let across = &across - Scale(dense::dot(across.as_ref(), c.as_ref())) * c;
    let norm = across.norm_l2();
    Scale(margin) * c + Scale((1.0 - margin * margin).sqrt() / norm) * across
}

/// ⟨ĉ, u⟩ and how many weights are left, of several choices.
fn choices(
    setup: &Setup,
    c: &Col<f64>,
    u: &Col<f64>,
    margin: f64,
    rng: &mut StreamRng,
) -> Result<(Vec<f64>, Vec<f64>), ExperimentError> {
    let chances: Vec<f64> = (0..c.nrows())
        .map(|index| (8.0 * c[index] * c[index] / (margin * margin)).min(1.0))
        .collect();
    let (mut numbers, mut counts) = (Vec::new(), Vec::new());
    for _ in 0..setup.get(TRIALS) {
        setup.go_on()?;
        let (mut sum, mut count) = (0.0, 0.0);
        for (index, chance) in chances.iter().enumerate() {
            if rng.random::<f64>() < *chance {
                sum += c[index] / chance * u[index];
                count += 1.0;
            }
        }
        numbers.push(sum);
        counts.push(count);
    }
    Ok((numbers, counts))
}

/// |⟨Mc, Mu⟩ − ⟨c, u⟩| for a Gaussian matrix with 8/γ² rows: its rows give pairs of normal numbers with the correlation ⟨c, u⟩.
fn projection_error(rng: &mut StreamRng, truth: f64, margin: f64) -> f64 {
    let rows = (8.0 / (margin * margin)).ceil() as usize;
    let across = (1.0 - truth * truth).sqrt();
    let products = (0..rows).map(|_| {
        let first = draw::normal(rng);
        first * (truth * first + across * draw::normal(rng))
    });
    (products.sum::<f64>() / rows as f64 - truth).abs()
}

fn claims(setup: &Setup, margin: f64, seeds: &[Seed]) -> Vec<Claim> {
    let id = "theory 5-10";
    let all = |f: fn(&Seed) -> f64| -> Vec<f64> { seeds.iter().map(f).collect() };
    let (weights, trials) = (8.0 / (margin * margin), setup.get(TRIALS) * seeds.len());
    let largest = seeds.first().map_or(f64::NAN, |seed| seed.largest);
    let square = margin * margin;
    vec![
        Claim::printed(
            id,
            format!("γ = {margin}: 8/γ² = {weights:.1} weights are left (mean)"),
            Rule::Equals {
                value: weights,
                tolerance: 0.03 * weights,
            },
            Estimate::mean(&all(|seed| seed.count)),
        ),
        Claim::printed(
            id,
            format!("γ = {margin}: the variance of ⟨ĉ, u⟩ is γ²/4 at most (mean, over γ²)"),
            Rule::Below(0.25),
            Estimate::mean(&all(|seed| seed.variance)).times(1.0 / square),
        ),
        Claim::corrected(
            id,
            format!("γ = {margin}: it is γ²/8, up to a third (mean, over γ²)"),
            Rule::Equals {
                value: 0.125,
                tolerance: 0.125 / 3.0,
            },
            Estimate::mean(&all(|seed| seed.variance)).times(1.0 / square),
        ),
        Claim::printed(
            id,
            format!("γ = {margin}: ⟨ĉ, u⟩ is off by γ with a chance of 1/4 at most (share)"),
            Rule::Below(0.25),
            Estimate::proportion(seeds.iter().map(|seed| seed.off).sum(), trials),
        ),
        Claim::printed(
            id,
            format!(
                "γ = {margin}: the condition |cᵢ| < γ²/8 is needed: with weights {largest:.2} \
                times γ²/8 the variance is above γ²/4 (mean, over γ²)"
            ),
            Rule::Above(0.25),
            Estimate::mean(&all(|seed| seed.uneven)).times(1.0 / square),
        ),
        Claim::corrected(
            id,
            format!(
                "γ = {margin}: |cᵢ| ≤ γ/√8 is enough: with weights {largest:.2} times γ²/8, none \
                above γ/√8, the variance is at most γ²/8, up to a third (mean, over γ²)"
            ),
            Rule::Below(0.125 * 4.0 / 3.0),
            Estimate::mean(&all(|seed| seed.uneven)).times(1.0 / square),
        ),
        Claim::must_fail(
            id,
            format!(
                "γ = {margin}: 8/γ² weights are left where one weight is √½, above γ/√8, too \
                (mean)"
            ),
            Rule::Equals {
                value: weights,
                tolerance: 0.03 * weights,
            },
            Estimate::mean(&all(|seed| seed.beyond)),
        ),
        Claim::printed(
            id,
            format!(
                "γ = {margin}: a Gaussian projection to 8/γ² numbers is off by γ in fewer \
                than 2 % of cases (share)"
            ),
            Rule::Below(0.02),
            Estimate::proportion(seeds.iter().map(|seed| seed.projected_off).sum(), trials),
        ),
    ]
}

fn figure(margins: &[f64], seeds: &[Vec<Seed>]) -> Figure {
    let of = |index: usize, f: fn(&Seed) -> f64| {
        mean(&seeds.iter().map(|seed| f(&seed[index])).collect::<Vec<_>>())
    };
    let column = |f: fn(&Seed) -> f64| {
        (0..margins.len())
            .map(|index| of(index, f))
            .collect::<Vec<f64>>()
    };
    let law = |factor: f64, power: i32| {
        margins
            .iter()
            .map(|margin| factor * margin.powi(power))
            .collect::<Vec<f64>>()
    };
    let reference = |label: &str, y: Vec<f64>, dash: usize| {
        Line::new(label, margins.to_vec(), y).styled(Style { colour: None, dash })
    };
    let counts = Panel::new(
        Axis::new("margin γ", "1").log(),
        Axis::counting(
            "weights that are \
        left",
        )
        .log(),
    )
    .titled("Weights")
    .with(Line::new("measured", margins.to_vec(), column(|seed| seed.count)).with_markers())
    .with(reference("8/γ²", law(8.0, -2), 1));
    let variances = Panel::new(
        Axis::new("margin γ", "1").log(),
        Axis::new(
            "variance of the \
        output",
            "1",
        )
        .log(),
    )
    .titled("Variance")
    .with(Line::new("measured", margins.to_vec(), column(|seed| seed.variance)).with_markers())
    .with(reference("γ²/8", law(0.125, 2), 1))
    .with(reference("γ²/4", law(0.25, 2), 2));
    Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("A classifier with few weights")
    }
    .with(counts)
    .with(variances)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_vectors_are_at_the_margin() {
        let mut rng = Streams::new(0).stream("test", 0);
        let c = draw::on_sphere(&mut rng, 50);
        let u = at_margin(&mut rng, &c, 0.3);
        assert!(
            (u.norm_l2() - 1.0).abs() < 1e-12
                && (dense::dot(c.as_ref(), u.as_ref()) - 0.3).abs() < 1e-12
        );
    }

    #[test]
    fn a_projection_has_the_variance_of_its_rows() {
        let mut rng = Streams::new(0).stream("test", 0);
        let squares = (0..4_000)
            .map(|_| projection_error(&mut rng, 0.0, 0.4).powi(2))
            .sum::<f64>()
            / 4_000.0;
        assert!((squares / (0.16 / 8.0) - 1.0).abs() < 0.1, "{squares}");
    }
}
