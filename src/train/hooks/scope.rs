//! On what, and how, measurements are taken.

use crate::config::Hook;
use crate::linear::Budget;
use crate::measure::{ChainSettings, Reads, Weights, about};
use crate::model::{DropoutMode, NormMode};

/// On what, and how, a round of measurements is taken.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    /// How many training samples; all of them for `None`.
    pub samples: Option<usize>,
    /// How normalisation layers behave.
    pub norm_mode: NormMode,
    /// What dropout does.
    pub dropout: DropoutMode,
    /// Which weights.
    pub weights: Weights,
    /// The block of the parameters; all of them for `None`.
    pub block: Option<String>,
    /// Bounds on each estimate.
    pub budget: Budget,
    /// How chains of Langevin dynamics run, where not by default.
    pub chains: ChainSettings,
    /// Whether the search for the largest eigenvalues begins with what the last one in this scope has left.
    pub warm_start: bool,
}

impl Scope {
    /// What a hook asks for, about the whole network or a block.
    pub(super) fn of(hook: &Hook, block: Option<&str>) -> Self {
        Self {
            samples: hook.samples,
            norm_mode: hook.norm_mode,
            dropout: hook.dropout,
            weights: hook.weights,
            block: block.map(str::to_owned),
            budget: Budget {
                max_matvecs: hook.max_matvecs,
                max_seconds: hook.max_seconds,
            },
            chains: hook.chains.settings(),
            warm_start: hook.warm_start,
        }
    }

    /// What of it bears on a measure. Hooks that differ in nothing else ask for the same number.
    pub(super) fn bearing_on(self, name: &str) -> Self {
        let Some(measure) = about(name) else {
            return self;
        };
        let mut scope = self;
        if !measure.needs_products() {
            scope.budget = Budget::default();
            scope.warm_start = false;
        }
        if !measure.is_of_chains {
            scope.chains = ChainSettings::default();
        }
        if measure.reads != Reads::Training {
            scope.samples = None;
        }
        if measure.reads == Reads::Parameters {
            scope.norm_mode = NormMode::default();
            scope.dropout = DropoutMode::default();
        }
        scope
    }

    /// The name of the scope in a checkpoint.
    pub fn label(&self) -> String {
        let part = |name: &str, value: Option<String>| {
            value.map_or_else(String::new, |value| format!(",{name}={value}"))
        };
        let Budget {
            max_matvecs,
            max_seconds,
        } = self.budget;
        format!(
            "samples={},norm_mode={},dropout={}{}{}{}{}{}{}",
            self.samples
                .map_or_else(|| "all".to_owned(), |samples| samples.to_string()),
            self.norm_mode.as_str(),
            self.dropout.as_str(),
            part(
                "weights",
                (self.weights != Weights::Last).then(|| self.weights.to_string())
            ),
            part("block", self.block.clone()),
            part("max_matvecs", max_matvecs.map(|bound| bound.to_string())),
            part("max_seconds", max_seconds.map(|bound| bound.to_string())),
            part(
                "chains",
                self.chains.where_set().map(|chains| chains.to_string())
            ),
            if self.warm_start { ",warm_start" } else { "" },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_scope_tells_it_from_every_other() {
        let scope = Scope::default();
        assert_eq!(scope.label(), "samples=all,norm_mode=eval,dropout=off");
        let other = Scope {
            samples: Some(5),
            weights: Weights::Average,
            block: Some("layers.0".to_owned()),
            budget: Budget {
                max_matvecs: Some(7),
                max_seconds: Some(0.5),
            },
            ..scope.clone()
        };
        let label = "samples=5,norm_mode=eval,dropout=off,weights=average,block=layers.0,max_matvecs=7,max_seconds=0.5";
        assert_eq!(other.label(), label);
        let warm = Scope {
            warm_start: true,
            ..scope
        };
        assert_eq!(
            warm.label(),
            "samples=all,norm_mode=eval,dropout=off,warm_start"
        );
    }

    #[test]
    fn what_does_not_bear_on_a_measure_makes_no_other_scope() {
        let asked = Scope {
            samples: Some(5),
            norm_mode: NormMode::Batch,
            dropout: DropoutMode::Fixed,
            weights: Weights::Average,
            block: None,
            budget: Budget {
                max_matvecs: Some(7),
                max_seconds: None,
            },
            chains: ChainSettings {
                draws: Some(30),
                ..ChainSettings::default()
            },
            warm_start: true,
        };
        let of = |name: &str| asked.clone().bearing_on(name);
        assert_eq!(of("learning_coefficient.local"), asked);
        let scope = Scope {
            chains: ChainSettings::default(),
            ..asked.clone()
        };
        assert_eq!(of("hessian.lambda_max"), scope);
        let averaged = Scope {
            weights: Weights::Average,
            ..Scope::default()
        };
        assert_eq!(of("norm.l2"), averaged);
        let light = Scope {
            budget: Budget::default(),
            warm_start: false,
            ..scope.clone()
        };
        assert_eq!(of("loss.train"), light);
        let of_test = Scope {
            samples: None,
            ..light
        };
        assert_eq!(of("loss.test"), of_test);
    }
}
