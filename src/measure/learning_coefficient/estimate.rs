//! What chains say of the local learning coefficient.

use super::langevin::{Chain, Langevin};
use crate::statistics::chains::{ChainSummary, summary};
use crate::statistics::{mean, stated_error};

/// The split-R̂ above which chains have not met (Gelman & Rubin 1992); that of short chains is 1.05 by chance.
const SAME: f64 = 1.1;

/// A number with its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Told {
    pub value: f64,
    pub standard_error: f64,
}

/// The estimate with what tells whether to believe it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LearningCoefficient {
    /// `λ̂ = nβ (E L(w) − L(w*))` (Lau et al. 2023, definition 2), with its error and R̂.
    pub lambda: ChainSummary,
    /// `∂λ̂ / ∂ ln γ`: by how much the estimate moves when the localisation is `e` times as strong, to first order.
    pub sensitivity: Told,
    /// `E (w − w*)·∇L / (2 E (L − L*))`: 1 where the loss is quadratic about the point, `k/2` where it is homogeneous
    /// of degree `k`.
    pub order: Told,
    /// The mean probability with which steps would be accepted.
    pub acceptance: Told,
    /// Draws of each chain.
    pub draws: usize,
    /// Steps thrown away.
    pub burn_in: usize,
    /// Whether chains were long enough, and have met.
    pub converged: bool,
}

impl LearningCoefficient {
    /// From chains that ran as `langevin` says; those may have ended early. None where they hold too little to tell an
    /// error.
    pub fn of(langevin: &Langevin, chains: &[Chain]) -> Option<Self> {
        let draws = chains.first().map_or(0, |chain| chain.rises.len());
        if draws < super::FEWEST_DRAWS || chains.len() < 2 {
            return None;
        }
        let rises: Vec<Vec<f64>> = chains.iter().map(|chain| chain.rises.clone()).collect();
        let lambda = summary(&rises);
        // Directions that the localisation alone holds forget where they began at a rate of ½εγ a step.
        let relaxation = 1.0 / (langevin.step * langevin.localisation);
        let is_long = draws == langevin.draws && langevin.burn_in as f64 >= relaxation;
        Some(Self {
            sensitivity: sensitivity(langevin.localisation, chains, lambda.mean),
            order: order(chains, lambda.mean),
            acceptance: acceptance(chains),
            draws,
            burn_in: langevin.burn_in,
            converged: is_long && lambda.r_hat < SAME,
            lambda,
        })
    }
}

/// Under `exp(−nβL − ½γr²)` the derivative of a mean of `f` in `γ` is `−½ Cov(f, r²)`.
fn sensitivity(localisation: f64, chains: &[Chain], centre: f64) -> Told {
    let squares: Vec<f64> = chains.iter().map(|chain| mean(&chain.squares)).collect();
    let square = mean(&squares);
    let of_chain = |chain: &Chain| {
        let pairs = chain.rises.iter().zip(&chain.squares);
        let products = pairs.map(|(rise, own)| (rise - centre) * (own - square));
        -0.5 * localisation * mean(&products.collect::<Vec<_>>())
    };
    told(&chains.iter().map(of_chain).collect::<Vec<_>>())
}

/// A ratio of means; its error is that of the chains' differences from it, to first order.
fn order(chains: &[Chain], lambda: f64) -> Told {
    let slopes: Vec<f64> = chains.iter().map(|chain| mean(&chain.slopes)).collect();
    let value = mean(&slopes) / (2.0 * lambda);
    let rests = chains
        .iter()
        .zip(&slopes)
        .map(|(chain, slope)| (slope - 2.0 * value * mean(&chain.rises)) / (2.0 * lambda));
    Told {
        value,
        standard_error: stated_error(&rests.collect::<Vec<_>>()),
    }
}

fn acceptance(chains: &[Chain]) -> Told {
    told(
        &chains
            .iter()
            .map(|chain| mean(&chain.accepted))
            .collect::<Vec<_>>(),
    )
}

fn told(values: &[f64]) -> Told {
    Told {
        value: mean(values),
        standard_error: stated_error(values),
    }
}
