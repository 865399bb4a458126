//! The effective rank of data, and how well the least-norm fit of low-rank data generalises.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Style, Width};
use crate::problem::linear_class::solve_all;
use crate::problem::{dense, draw};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule, mean};
use faer::Scale;

const SAMPLES: Count = Count::new("samples", "m, training samples", 100)
    .quick(60)
    .allowed(10.0, 1e3);
const FEATURES: Count = Count::new("features", "features of the data", 500)
    .quick(200)
    .allowed(20.0, 5e3);
const RANKS: Numbers = Numbers::new(
    "ranks",
    "ranks of the data without noise, ascending",
    &[5.0, 20.0, 80.0],
)
.quick(&[5.0, 15.0, 40.0])
.allowed(1.0, 1e3);
const NOISE: Number = Number::new(
    "noise",
    "standard deviation of the noise of data and labels",
    0.1,
)
.allowed(1e-4, 10.0);
const RIDGE: Number = Number::new("ridge", "ridge of the fit", 1e-4).allowed(1e-8, 1e3);

/// What one seed gives for one rank.
#[derive(Clone, Debug)]
struct Fit {
    singular: Vec<f64>,
    rank: f64,
    stable_rank: f64,
    error: f64,
    relative: f64,
}

/// Exercise C.14 of the course text.
#[derive(Debug)]
pub struct EffectiveRank;

impl Experiment for EffectiveRank {
    fn about(&self) -> About {
        About {
            name: "effective-rank",
            subject: Subject::Capacity,
            claim: "The number of singular values with 90 % of the energy is the rank of the \
                data, and data of a lower one are easier.",
            source: "Implicit Bias, Flat vs Sharp Minima, and Generalization (course text), \
                Exercise C.14",
            mathematics: "The data are X = UVᵀ with m × r and n × r Gaussian factors, plus \
                noise, and y = ⟨w, x⟩ plus noise. The effective rank is the least number of \
                squared singular values with 90 % of their sum; as those of a Gaussian UVᵀ are \
                not equal, it is below r. The fit is ridge regression with next to no ridge. \
                As the power of y grows with r, the squared error is also given over that of \
                predicting zero.",
            refuted_by: "Effective ranks that are not those of the data, or errors that do not \
                grow with them.",
            seeds: Extent { full: 12, quick: 4 },
            seconds: Extent {
                full: 0.2,
                quick: 0.01,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            FEATURES.parameter(),
            RANKS.parameter(),
            NOISE.parameter(),
            RIDGE.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let ranks: Vec<usize> = setup.get(RANKS).iter().map(|rank| *rank as usize).collect();
        if ranks.iter().any(|rank| *rank > setup.get(SAMPLES)) {
            return Err(ExperimentError::because("ranks cannot be above samples"));
        }
        let seeds = setup.over_seeds(|streams| {
            ranks
                .iter()
                .map(|rank| fit(setup, *rank, streams))
                .collect::<Result<Vec<Fit>, _>>()
        })?;
        Ok(Findings::new()
            .claims(claims(&ranks, &seeds))
            .figure("spectra-and-errors", figure(&ranks, &seeds)))
    }
}

fn fit(setup: &Setup, rank: usize, streams: Streams) -> Result<Fit, ExperimentError> {
    const TESTS: usize = 200;
    let (samples, features, noise) = (setup.get(SAMPLES), setup.get(FEATURES), setup.get(NOISE));
    let mut rng = streams.stream("data", rank as u64);
    let (v, w) = (
        draw::gaussian(&mut rng, features, rank),
        draw::gaussian(&mut rng, features, 1),
    );
    let mut draw = |count: usize| {
        let u = draw::gaussian(&mut rng, count, rank);
        let x = &u * v.transpose() + draw::gaussian(&mut rng, count, features) * Scale(noise);
        let y = &x * &w + draw::gaussian(&mut rng, count, 1) * Scale(noise);
        (x, y)
    };
    let ((x, y), (test, targets)) = (draw(samples), draw(TESTS));
    let gram = &x * x.transpose();
    let values = dense::eigenvalues(gram.as_ref())?;
    let singular: Vec<f64> = values
        .iter()
        .rev()
        .map(|value| value.max(0.0).sqrt())
        .collect();
    let solved = solve_all(
        &(gram + dense::scaled_identity(samples, setup.get(RIDGE))),
        &y,
    )?;
    let outputs = &test * (x.transpose() * solved);
    let error = (&outputs - &targets).squared_norm_l2() / TESTS as f64;
    Ok(Fit {
        rank: effective_rank(&singular, 0.9),
        stable_rank: singular.iter().map(|s| s * s).sum::<f64>() / (singular[0] * singular[0]),
        error,
        relative: error / (targets.squared_norm_l2() / TESTS as f64),
        singular,
    })
}

/// The least number of squared singular values with a share of their sum.
fn effective_rank(singular: &[f64], share: f64) -> f64 {
    let all: f64 = singular.iter().map(|s| s * s).sum();
    let mut sum = 0.0;
    let enough = singular.iter().position(|s| {
        sum += s * s;
        sum >= share * all
    });
    enough.map_or(f64::NAN, |index| index as f64 + 1.0)
}

fn claims(ranks: &[usize], seeds: &[Vec<Fit>]) -> Vec<Claim> {
    let id = "flat-vs-sharp C.14";
    let all = |index: usize, f: fn(&Fit) -> f64| -> Vec<f64> {
        seeds.iter().map(|seed| f(&seed[index])).collect()
    };
    let arms = |f: fn(&Fit) -> f64| -> Vec<Vec<f64>> {
        (0..ranks.len()).map(|index| all(index, f)).collect()
    };
    let last = ranks.len() - 1;
    let each = ranks.iter().enumerate().map(|(index, rank)| {
        let rank = *rank as f64;
        Claim::printed(
            id,
            format!("Data of rank {rank} have the effective rank {rank}, to a tenth (mean)"),
            Rule::Equals {
                value: rank,
                tolerance: 0.1 * rank,
            },
            Estimate::mean(&all(index, |fit| fit.rank)),
        )
    });
    let stable = arms(|fit| fit.stable_rank);
    let mut claims: Vec<Claim> = each.collect();
    claims.extend([
        Claim::corrected(
            id,
            format!(
                "It is below the rank for the rank {}, whose singular values are not equal \
                (mean)",
                ranks[last]
            ),
            Rule::Below(0.8 * ranks[last] as f64),
            Estimate::mean(&all(last, |fit| fit.rank)),
        ),
        Claim::printed(
            id,
            "The test error grows with the effective rank (smallest step of mean squared errors)",
            Rule::Above(0.0),
            Estimate::smallest_step(&arms(|fit| fit.error)),
        ),
        Claim::printed(
            id,
            "So does the test error over that of predicting zero (smallest step)",
            Rule::Above(0.0),
            Estimate::smallest_step(&arms(|fit| fit.relative)),
        ),
        Claim::printed(
            id,
            format!(
                "The test error of the rank {} is near 0.02 (mean, to a factor 2)",
                ranks[0]
            ),
            Rule::Between(0.01, 0.04),
            Estimate::mean(&all(0, |fit| fit.error)),
        ),
        Claim::must_fail(
            id,
            "The stable rank ‖X‖_F²/‖X‖₂² of the data of the largest rank is their rank, too \
             (mean ratio)",
            Rule::Equals {
                value: 1.0,
                tolerance: 0.1,
            },
            Estimate::mean(&stable[last]).times(1.0 / ranks[last] as f64),
        ),
    ]);
    claims
}

fn figure(ranks: &[usize], seeds: &[Vec<Fit>]) -> Figure {
    let spectra = Panel::new(
        Axis::counting("place"),
        Axis::new("singular value", "1").log(),
    )
    .titled(
        "Singular \
        values, seed 0",
    );
    let spectra = ranks
        .iter()
        .enumerate()
        .fold(spectra, |panel, (index, rank)| {
            let singular = seeds[0][index].singular.iter();
            // Where there are fewer features than samples, some vanish.
            let singular: Vec<f64> = singular
                .map(|value| if *value > 0.0 { *value } else { f64::NAN })
                .collect();
            let places = (1..=singular.len()).map(|place| place as f64).collect();
            panel.with(
                Line::new(format!("rank {rank}"), places, singular).styled(Style {
                    colour: Some(index),
                    dash: 0,
                }),
            )
        });
    let x: Vec<f64> = ranks.iter().map(|rank| *rank as f64).collect();
    let of = |f: fn(&Fit) -> f64| {
        (0..ranks.len())
            .map(|index| mean(&seeds.iter().map(|seed| f(&seed[index])).collect::<Vec<_>>()))
            .collect::<Vec<_>>()
    };
    let errors = Panel::new(
        Axis::counting("rank of the data").log(),
        Axis::new("mean test error", "1").log(),
    )
    .titled("Test error")
    .with(
        Line::new("squared error", x.clone(), of(|fit| fit.error))
            .with_markers()
            .styled(Style {
                colour: Some(4),
                dash: 0,
            }),
    )
    .with(
        Line::new("over that of zero", x.clone(), of(|fit| fit.relative))
            .with_markers()
            .styled(Style {
                colour: Some(5),
                dash: 1,
            }),
    );
    let effective = Panel::new(
        Axis::counting("rank of the data"),
        Axis::counting("effective rank"),
    )
    .titled("Effective rank")
    .with(
        Line::new("90 % of the energy", x.clone(), of(|fit| fit.rank))
            .with_markers()
            .styled(Style {
                colour: Some(3),
                dash: 0,
            }),
    )
    .with(Line::new("equal", x.clone(), x).styled(Style::REFERENCE));
    Figure {
        columns: 3,
        width: Width::Page,
        ..Figure::new("Effective rank and generalisation")
    }
    .with(spectra)
    .with(effective)
    .with(errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_effective_rank_counts_energy() {
        assert_eq!(
            effective_rank(&[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0], 0.9),
            9.0
        );
        assert_eq!(effective_rank(&[10.0, 1.0], 0.9), 1.0);
    }
}
