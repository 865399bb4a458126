//! `[[hooks]]`: what to measure while training, and when.

use super::error::Violation;
use super::section::Reader;
use crate::measure::Preset;
use crate::model::{DropoutMode, NormMode};
use crate::nearest::nearest;
use crate::reparam::MapKind;

section! {
    /// One item of `[[hooks]]`: what to measure while training, and when.
    checked by measures_something;
    pub struct Hook {
        /// A ready-made set of measures; exactly one of `preset` and `measures`.
        preset: Option<Preset> = optional("`measures` instead");
        /// The measures; exactly one of `preset` and `measures`.
        measures: Option<Vec<String>> = optional("`preset` instead");
        /// Maps that leave the function alone, after each of which the measures are taken again
        /// (rows `reparam.{map}.{measure}`).
        maps: Vec<MapKind> = default(Vec::new());
        /// Units between two measurements.
        every: usize = default(1);
        /// What `every` counts.
        unit: Unit = default(Unit::Epochs);
        /// How the moments are spaced.
        spacing: Spacing = part();
        /// How many training samples to measure on.
        samples: Option<usize> = optional("all");
        /// Start the search for the largest eigenvalues from what the last one has left: fewer
        /// products, and blind to a newcomer.
        warm_start: bool = default(false);
        /// How normalisation layers behave.
        norm_mode: NormMode = default(NormMode::Eval);
        /// What dropout does.
        dropout: DropoutMode = default(DropoutMode::Off);
        /// Products after which each estimate ends.
        max_matvecs: Option<usize> = optional("no bound");
        /// Seconds after which each estimate ends.
        max_seconds: Option<f64> = optional("no bound") in AboveZero;
    }
}

words! {
    /// What a hook counts (`hooks.unit`).
    Unit {
        /// Passes over the training part; the default.
        #[default]
        Epochs = "epochs",
        /// Updates of the parameters.
        Steps = "steps",
    }
}

kinds! {
    /// When a hook fires.
    #[derive(Copy)]
    pub enum Spacing: SpacingKind in "schedule", "How the moments are spaced." {
        /// Evenly, at every multiple of `every`; the default.
        #[default]
        Linear = "linear",
        /// At 0 and then ever further apart, at `every`·ratioᵏ for k = 0, 1, 2, …
        Logarithmic(Logarithmic) = "logarithmic",
    }
}

section! {
    /// Ever further apart.
    #[derive(Copy)]
    pub struct Logarithmic {
        /// The ratio of successive moments.
        ratio: f64 = default(2.0) in AboveOne;
    }
}

fn measures_something(hook: &mut Hook, reader: &Reader<'_>) -> Result<(), Violation> {
    let (key, rule) = match (&hook.preset, &hook.measures) {
        (Some(_), Some(_)) => (
            reader.path("preset"),
            "and `measures` cannot both be set in one hook",
        ),
        (None, None) => (
            reader.place().to_owned(),
            "needs something to measure: exactly one of `preset` and `measures`",
        ),
        (_, Some(names)) if names.is_empty() => {
            (reader.path("measures"), "must name at least one measure")
        }
        _ => return Ok(()),
    };
    Err(Violation::new(key, rule))
}

/// Refuses measures that are not known.
pub(super) fn check_measures(hooks: &[Hook], known: &[&str]) -> Result<(), Violation> {
    for (index, hook) in hooks.iter().enumerate() {
        let mut names = hook.measures.iter().flatten().enumerate();
        if let Some((place, name)) = names.find(|(_, name)| !known.contains(&name.as_str())) {
            let hint = match nearest(name, known) {
                Some(nearest) => format!("did you mean {nearest:?}?"),
                None => format!("known: {}", known.join(", ")),
            };
            let key = format!("hooks.{index}.measures.{place}");
            let rule = format!("must be the name of a measure, found {name:?}; {hint}");
            return Err(Violation::new(key, rule));
        }
    }
    Ok(())
}
