//! How chains of Langevin dynamics run, where a user has said so.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Chains of which differences can be told.
pub(super) const FEWEST_CHAINS: usize = 2;

/// Draws of a chain from which an error can be told.
pub(super) const FEWEST_DRAWS: usize = 20;

/// The settings of the chains of `learning_coefficient.*` that are not those of the measure. Other settings make
/// another number, so that a row carries them; it does so as text, `draws=2000 localisation=10`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ChainSettings {
    /// How many chains, two at least.
    pub chains: Option<usize>,
    /// Steps of each that are thrown away.
    pub burn_in: Option<usize>,
    /// Steps of each that are kept.
    pub draws: Option<usize>,
    /// `γ`, which ties the chains to the parameters.
    pub localisation: Option<f64>,
    /// `nβ`, which multiplies the loss.
    pub inverse_temperature: Option<f64>,
    /// `ε`, the variance of the noise of a step.
    pub step_size: Option<f64>,
}

impl ChainSettings {
    /// None where nothing is set.
    pub fn where_set(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }

    /// The first key that is set.
    pub fn first_set(&self) -> Option<&'static str> {
        let mut parts = self.parts().into_iter();
        parts.find_map(|(name, value)| value.is_some().then_some(name))
    }

    /// The key of a number from which no error could be told, and what it must be.
    pub fn too_few(&self) -> Option<(&'static str, String)> {
        let bounds = [
            ("chains", self.chains, FEWEST_CHAINS),
            ("draws", self.draws, FEWEST_DRAWS),
        ];
        let is_below = |&(_, value, fewest): &(_, Option<usize>, usize)| {
            value.is_some_and(|value| value < fewest)
        };
        let (key, value, fewest) = bounds.into_iter().find(is_below)?;
        let found = value.unwrap_or_default();
        Some((key, format!("must be at least {fewest}, found {found}")))
    }

    fn parts(&self) -> [(&'static str, Option<String>); 6] {
        let count = |value: Option<usize>| value.map(|value| value.to_string());
        let number = |value: Option<f64>| value.map(|value| value.to_string());
        [
            ("chains", count(self.chains)),
            ("burn_in", count(self.burn_in)),
            ("draws", count(self.draws)),
            ("localisation", number(self.localisation)),
            ("inverse_temperature", number(self.inverse_temperature)),
            ("step_size", number(self.step_size)),
        ]
    }

    fn set(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "chains" => self.chains = Some(value.parse().ok()?),
            "burn_in" => self.burn_in = Some(value.parse().ok()?),
            "draws" => self.draws = Some(value.parse().ok()?),
            "localisation" => self.localisation = Some(value.parse().ok()?),
            "inverse_temperature" => self.inverse_temperature = Some(value.parse().ok()?),
            "step_size" => self.step_size = Some(value.parse().ok()?),
            _ => return None,
        }
        Some(())
    }
}

impl fmt::Display for ChainSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.parts().into_iter();
        let parts: Vec<String> = parts
            .filter_map(|(name, value)| Some(format!("{name}={}", value?)))
            .collect();
        formatter.write_str(&parts.join(" "))
    }
}

impl FromStr for ChainSettings {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut settings = Self::default();
        for part in text.split_whitespace() {
            let set = part
                .split_once('=')
                .and_then(|(name, value)| settings.set(name, value));
            set.ok_or_else(|| format!("{part:?} is no setting of chains"))?;
        }
        Ok(settings)
    }
}

impl From<ChainSettings> for String {
    fn from(settings: ChainSettings) -> Self {
        settings.to_string()
    }
}

impl TryFrom<String> for ChainSettings {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_back_from_their_words() {
        let some = ChainSettings {
            draws: Some(2000),
            localisation: Some(0.1),
            ..ChainSettings::default()
        };
        assert_eq!(some.to_string(), "draws=2000 localisation=0.1");
        let all = ChainSettings {
            chains: Some(4),
            burn_in: Some(0),
            inverse_temperature: Some(1e-3),
            step_size: Some(2.5e-7),
            ..some
        };
        for settings in [ChainSettings::default(), some, all] {
            assert_eq!(settings.to_string().parse(), Ok(settings));
        }
        assert_eq!(ChainSettings::default().where_set(), None);
        let wrong: Result<ChainSettings, _> = "draw=3".parse();
        assert!(wrong.unwrap_err().contains("\"draw=3\""));
    }
}
