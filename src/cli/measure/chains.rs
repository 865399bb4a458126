//! How the chains of `learning_coefficient.*` run.

use crate::cli::CommandError;
use crate::measure::{ChainSettings, find};
use clap::Args;

/// The settings of chains as flags.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Chains of learning_coefficient.* (other settings make another row)")]
pub struct ChainArgs {
    /// How many chains, 2 at least [default: 10]
    #[arg(long, value_name = "N")]
    chains: Option<usize>,
    /// Steps of each that are thrown away [default: 2 / (step size times localisation), 200 to 500]
    #[arg(long, value_name = "N")]
    burn_in: Option<usize>,
    /// Steps of each that are kept, 20 at least [default: as many as are thrown away]
    #[arg(long, value_name = "N")]
    draws: Option<usize>,
    /// γ of ½γ‖w − w*‖², which holds them at the parameters [default: 100]
    #[arg(long, value_name = "GAMMA", value_parser = above_zero)]
    localisation: Option<f64>,
    /// nβ of exp(−nβ L) [default: samples over their logarithm]
    #[arg(long, value_name = "N_BETA", value_parser = above_zero)]
    inverse_temperature: Option<f64>,
    /// The variance of the noise of a step [default: 0.2 over the largest curvature of what is sampled]
    #[arg(long, value_name = "EPSILON", value_parser = above_zero)]
    step_size: Option<f64>,
}

fn above_zero(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|value: &f64| *value > 0.0 && value.is_finite())
        .ok_or_else(|| "must be a number above 0".to_owned())
}

impl ChainArgs {
    /// The same for measures, which must be among these names.
    pub fn settings(self, names: &[&'static str]) -> Result<ChainSettings, CommandError> {
        let settings = ChainSettings {
            chains: self.chains,
            burn_in: self.burn_in,
            draws: self.draws,
            localisation: self.localisation,
            inverse_temperature: self.inverse_temperature,
            step_size: self.step_size,
        };
        let flag = |key: &str| format!("--{}", key.replace('_', "-"));
        if let Some((key, rule)) = settings.too_few() {
            return Err(CommandError::Input(format!("{} {rule}", flag(key))));
        }
        let is_of_chains = |name: &&str| find(name).is_some_and(|measure| measure.is_of_chains);
        match settings.first_set() {
            Some(key) if !names.iter().any(is_of_chains) => Err(CommandError::Input(format!(
                "{} is for learning_coefficient.*, which is not measured here: add --measures \
                 learning_coefficient.local",
                flag(key)
            ))),
            _ => Ok(settings),
        }
    }
}
