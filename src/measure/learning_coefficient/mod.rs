//! The local learning coefficient `λ`: how fast the volume of parameters whose loss is within `t` of that at a point
//! shrinks with `t`, as `t^λ` (Lau et al. 2023). Half the number of parameters at a regular minimum, less at a
//! degenerate one.
//!
//! It is estimated from chains of Langevin dynamics that begin at the point: where nothing else is said
//! ([`ChainSettings`]) ten, with `γ = 100`, as in `devinterp`, and `nβ = n / ln n` as in the paper (`devinterp` has the
//! samples of a batch in the place of `n`). The step follows from the curvature, and the length of the chains from the
//! step. As there, the estimate depends on `γ` and `nβ`: rows say how much on the former.

mod estimate;
mod langevin;

#[cfg(test)]
mod tests;

use super::chain_settings::{ChainSettings, FEWEST_CHAINS, FEWEST_DRAWS};
use super::declaration::{Family, Measure, RoundingLaw, Take};
use super::failure::Failure;
use super::measurement::{Error, Measurement};
use super::session::Session;
use crate::curvature::Matrix;
use crate::linear::{LanczosOptions, LinearError, Spending, lanczos};
use crate::objective::Batch;
use crate::params::Parameters;
use estimate::{LearningCoefficient, Told};
use langevin::{Langevin, Visit};
use rand::seq::index;
use std::rc::Rc;

/// Chains.
const CHAINS: usize = 10;

/// `γ`.
const LOCALISATION: f64 = 100.0;

/// `ε` times the largest curvature of what is sampled: widens the distribution by no more than a twentieth.
const STEP: f64 = 0.2;

/// Steps of a chain that are thrown away, and as many that are kept: so many times `1/(εγ)`, within bounds.
const RELAXATIONS: f64 = 2.0;
const FEWEST_STEPS: usize = 200;
const MOST_STEPS: usize = 500;

/// Samples of a mini-batch, at most.
const BATCH: usize = 128;

/// One of so many draws is tried as a proposal.
const TRIED_EVERY: usize = 10;

/// The residual to which the largest curvature is wanted.
const TOLERANCE: f64 = 0.05;

pub(super) const FAMILY: Family = &[
    coefficient(
        "learning_coefficient.local",
        "local learning coefficient by SGLD: n beta (E L(w) - L(w*)) over chains about the parameters, where nothing \
         else is said 10, beta = 1/ln n, localisation 100",
        |session, name| session.local_learning_coefficient(name),
    ),
    coefficient(
        "learning_coefficient.sensitivity",
        "its change when the localisation is e times as strong, to first order",
        |session, name| session.of_chains(name, |found| found.sensitivity),
    ),
    coefficient(
        "learning_coefficient.order",
        "E (w - w*)'grad L / (2 E (L - L*)) over its chains: 1 where the loss is quadratic about the parameters",
        |session, name| session.of_chains(name, |found| found.order),
    ),
    coefficient(
        "learning_coefficient.acceptance",
        "mean probability with which the Metropolis rule would accept steps of its chains: near 1 where they are \
         short enough",
        |session, name| session.of_chains(name, |found| found.acceptance),
    ),
    coefficient(
        "learning_coefficient.r_hat",
        "split-R of its chains: near 1 where they have forgotten where they began",
        |session, name| session.spread_of_chains(name),
    )
    // A statistic of these chains alone: other chains have another.
    .invariant(&[]),
];

const fn coefficient(name: &'static str, description: &'static str, take: Take) -> Measure {
    Measure::new(name, description, take)
        .from("Lau et al. 2023, \"The local learning coefficient\"")
        .of_flatness()
        .of_block()
        .of_chains()
        .multiplying(&[Matrix::Hessian])
        .rounded(RoundingLaw::Told)
}

impl Session<'_> {
    fn local_learning_coefficient(&mut self, name: &str) -> Result<Measurement, Failure> {
        let found = self.langevin_chains()?;
        let row = self.row_of_chains(
            name,
            &found,
            Told {
                value: found.estimate.lambda.mean,
                standard_error: found.estimate.lambda.standard_error,
            },
        );
        let row = Measurement {
            note: Some(found.note()),
            ..row
        };
        Ok(match self.states_rounding {
            true => {
                let rise = row.value.unwrap_or(0.0) / found.inverse_temperature;
                let rounding = self.rounding_of_rise(false, false, rise)?;
                row.with_rounding(found.inverse_temperature * rounding)
            }
            false => row,
        })
    }

    fn of_chains(
        &mut self,
        name: &str,
        of: impl FnOnce(&LearningCoefficient) -> Told,
    ) -> Result<Measurement, Failure> {
        let found = self.langevin_chains()?;
        Ok(self.row_of_chains(name, &found, of(&found.estimate)))
    }

    fn spread_of_chains(&mut self, name: &str) -> Result<Measurement, Failure> {
        let found = self.langevin_chains()?;
        let told = Told {
            value: found.estimate.lambda.r_hat,
            standard_error: f64::NAN,
        };
        let unknown = "it is a statistic of these chains alone".to_owned();
        Ok(self
            .row_of_chains(name, &found, told)
            .with_error(Error::Unknown(unknown)))
    }

    fn row_of_chains(&self, name: &str, found: &Found, told: Told) -> Measurement {
        Measurement {
            converged: Some(found.estimate.converged),
            ..Measurement::new(name, told.value)
                .over(self.subject.train.samples())
                .taking(found.matvecs)
                .with_stderr(told.standard_error)
        }
    }

    fn langevin_chains(&mut self) -> Result<Rc<Found>, Failure> {
        self.once("learning coefficient", |session| session.run_chains())
    }

    fn run_chains(&mut self) -> Result<Found, Failure> {
        let subject = self.subject;
        let samples = subject.train.samples();
        if samples < 3 {
            return Err(Failure::not_defined(
                "n / ln n takes three samples at least",
            ));
        }
        let mut spending = Spending::new(subject.budget, subject.interrupt);
        let curvature = self.largest_curvature(&mut spending)?;
        let langevin = Langevin::about(samples, curvature, subject.chains).within(&spending)?;
        let (range, values) = (subject.range()?, self.values()?);
        let loss = self.train()?.mean_loss();
        let mut at = values.to_vec();
        let chains = langevin.run(
            &values[range.clone()],
            loss,
            |chain| subject.stream(&format!("learning_coefficient.chain.{chain}")),
            &mut spending,
            |place, visit| {
                at[range.clone()].copy_from_slice(place);
                let (loss, gradient) = self.loss_on_batch(&at, visit)?;
                Ok((loss, gradient[range.clone()].to_vec()))
            },
        )?;
        let estimate = LearningCoefficient::of(&langevin, &chains);
        let estimate = estimate.ok_or(LinearError::TooFewProducts {
            allowed: spending.matvecs,
            fewest: langevin.fewest_products(),
        })?;
        Ok(Found {
            estimate,
            chains: langevin.chains,
            localisation: langevin.localisation,
            inverse_temperature: langevin.inverse_temperature,
            matvecs: spending.matvecs,
        })
    }

    /// The largest eigenvalue of the Hessian, roughly.
    fn largest_curvature(&self, spending: &mut Spending<'_>) -> Result<f64, Failure> {
        let subject = self.subject;
        let mut rng = subject.stream("learning_coefficient.curvature");
        let options = LanczosOptions {
            tolerance: TOLERANCE,
            ..self.lanczos_options(1, 0)
        };
        let spectrum = subject.with_operator(Matrix::Hessian, |hessian| {
            lanczos(hessian, None, &mut rng, options, subject.interrupt)
        })?;
        spending.matvecs += spectrum.matvecs;
        let none = || Failure::not_found("the largest curvature was not found");
        Ok(spectrum.largest.first().ok_or_else(none)?.value)
    }

    /// The mean loss of the mini-batch of a visit, and its gradient.
    fn loss_on_batch(&self, at: &[f64], visit: Visit) -> Result<(f64, Vec<f64>), LinearError> {
        let subject = self.subject;
        let (objective, layout) = (subject.objective, subject.parameters.layout());
        let batch = self.batch_of(visit);
        let parameters = Parameters::from_host(layout, at, objective.compute());
        let weight = 1.0 / batch.samples() as f64;
        let raw = crate::objective::Outputs::Raw;
        let (losses, gradient) = objective.losses_and_gradient(&parameters, &batch, weight, raw);
        let losses = crate::backend::read(&losses).map_err(LinearError::Device)?;
        let gradient = gradient.into_host().map_err(LinearError::Device)?;
        Ok((crate::statistics::mean(&losses), gradient))
    }

    /// Samples drawn without replacement, others at each visit.
    fn batch_of(&self, visit: Visit) -> Batch {
        let subject = self.subject;
        let samples = subject.train.samples();
        let Visit { chain, step } = visit;
        let mut rng = subject.stream(&format!("learning_coefficient.batch.{chain}.{step}"));
        let mut places = index::sample(&mut rng, samples, samples.min(BATCH)).into_vec();
        places.sort_unstable();
        subject.train.pick(&places, subject.objective.compute()).0
    }
}

impl Langevin {
    /// The settings about a point with a largest curvature, but for those that a user has made.
    fn about(samples: usize, curvature: f64, made: ChainSettings) -> Self {
        let samples = samples as f64;
        let usual = || samples / samples.ln();
        let inverse_temperature = made.inverse_temperature.unwrap_or_else(usual);
        let localisation = made.localisation.unwrap_or(LOCALISATION);
        let usual = || STEP / (inverse_temperature * curvature.max(0.0) + localisation);
        let step = made.step_size.unwrap_or_else(usual);
        let steps = (RELAXATIONS / (step * localisation)).ceil() as usize;
        let burn_in = made.burn_in;
        let burn_in = burn_in.unwrap_or_else(|| steps.clamp(FEWEST_STEPS, MOST_STEPS));
        Self {
            chains: made.chains.unwrap_or(CHAINS).max(FEWEST_CHAINS),
            burn_in,
            draws: made.draws.unwrap_or(burn_in).max(FEWEST_DRAWS),
            inverse_temperature,
            localisation,
            step,
            tried_every: TRIED_EVERY,
        }
    }

    /// The fewest products from which there is an estimate: of as many steps as are kept, so many are thrown away as of
    /// a whole run.
    fn fewest_products(&self) -> usize {
        let kept = FEWEST_DRAWS + FEWEST_DRAWS / TRIED_EVERY;
        let thrown_away = (FEWEST_DRAWS * self.burn_in).div_ceil(self.draws);
        self.chains * (kept + thrown_away + 8)
    }

    /// With chains so short that a budget of products lets them end.
    fn within(self, spending: &Spending<'_>) -> Result<Self, LinearError> {
        let Some(most) = spending.most() else {
            return Ok(self);
        };
        let fewest = self.fewest_products();
        if most < fewest {
            return Err(LinearError::TooFewProducts {
                allowed: most,
                fewest,
            });
        }
        // Of the kept steps some take two gradients; the last two are not begun for certain.
        let rounds = (most - spending.matvecs.min(most)) / self.chains;
        let rounds = rounds.saturating_sub(2) as f64;
        let whole = self.burn_in as f64 + self.draws as f64 * (1.0 + 1.0 / TRIED_EVERY as f64);
        let share = (rounds / whole).min(1.0);
        let cut = |steps: usize| (share * steps as f64) as usize;
        Ok(Self {
            burn_in: cut(self.burn_in),
            draws: cut(self.draws),
            ..self
        })
    }
}

/// What chains on the loss of a network have found.
struct Found {
    estimate: LearningCoefficient,
    chains: usize,
    localisation: f64,
    inverse_temperature: f64,
    matvecs: usize,
}

impl Found {
    /// What a reader of the coefficient must know.
    fn note(&self) -> String {
        let LearningCoefficient {
            lambda,
            sensitivity,
            order,
            acceptance,
            draws,
            burn_in,
            ..
        } = &self.estimate;
        let mut note = format!(
            "{:+.2e} ± {:.1e} for a localisation e times as strong as {}; {} chains of {draws} \
             draws after {burn_in}, as good as {:.0} independent ones; R-hat {:.3}, acceptance {:.2}, order {:.2}",
            sensitivity.value,
            sensitivity.standard_error,
            self.localisation,
            self.chains,
            lambda.effective,
            lambda.r_hat,
            acceptance.value,
            order.value,
        );
        if lambda.mean < 0.0 {
            note += "; below 0 because the parameters are no minimum of the loss: chains have found lower ones";
        }
        note
    }
}
