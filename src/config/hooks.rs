//! `[[hooks]]`: what to measure while training, and when.

use super::choice::{SpacingKind, Unit};
use super::nearest::nearest;
use super::rule::{Rule, Violation};
use super::section::Reader;
use crate::measure::{Preset, Weights};
use crate::model::{DropoutMode, NormMode};
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
        /// Which weights: the last ones, or their average (`average.kind`).
        weights: Weights = default(Weights::Last);
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

kinds! {
    /// When a hook fires.
    #[derive(Copy)]
    pub enum Spacing: SpacingKind in "schedule", "How the moments are spaced." {
        /// At every multiple of `every`.
        Linear,
        /// At 0 and at `every`·ratioᵏ for k = 0, 1, 2, …
        Logarithmic(Logarithmic),
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
    match (&hook.preset, &hook.measures) {
        (Some(_), Some(_)) => Err(Violation::new(
            reader.path("preset"),
            Rule::PresetAndMeasures,
        )),
        (None, None) => Err(Violation::new(
            reader.place(),
            Rule::NeitherPresetNorMeasures,
        )),
        (_, Some(names)) if names.is_empty() => {
            Err(Violation::new(reader.path("measures"), Rule::NoMeasures))
        }
        _ => Ok(()),
    }
}

/// Refuses measures that are not known.
pub(super) fn check_measures(hooks: &[Hook], known: &[&str]) -> Result<(), Violation> {
    for (index, hook) in hooks.iter().enumerate() {
        let names = hook.measures.iter().flatten().enumerate();
        for (place, name) in names {
            if known.contains(&name.as_str()) {
                continue;
            }
            let rule = Rule::UnknownMeasure {
                found: name.clone(),
                nearest: nearest(name, known).map(str::to_owned),
                known: known.iter().map(|&known| known.to_owned()).collect(),
            };
            return Err(Violation::new(
                format!("hooks.{index}.measures.{place}"),
                rule,
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::config::samples::{PLAIN, message};

    fn hook(keys: &str) -> String {
        message(&format!("{PLAIN}\n[[hooks]]\n{keys}"))
    }

    #[test]
    fn a_hook_has_a_preset_or_measures_and_not_both() {
        assert_eq!(
            hook("preset = \"light\"\nmeasures = [\"norm.l2\"]"),
            "x.toml: `hooks.0.preset` (line 6) and `measures` cannot both be set in one hook"
        );
    }

    #[test]
    fn a_hook_measures_something() {
        assert_eq!(
            hook("every = 2"),
            "x.toml: `hooks.0` (line 5) needs something to measure: exactly one of `preset` and `measures`"
        );
        assert_eq!(
            hook("measures = []"),
            "x.toml: `hooks.0.measures` (line 6) must name at least one measure"
        );
    }

    #[test]
    fn an_unknown_measure_suggests_the_nearest_or_lists_all() {
        assert_eq!(
            hook("measures = [\"norm.l2\",\n\"hessian.lamda_max\"]"),
            "x.toml: `hooks.0.measures.1` (line 7) must be the name of a measure, found \"hessian.lamda_max\"; did you mean \"hessian.lambda_max\"?"
        );
        assert_eq!(
            hook("measures = [\"zzz\"]"),
            "x.toml: `hooks.0.measures.0` (line 6) must be the name of a measure, found \"zzz\"; known: hessian.lambda_max, norm.l2, loss.train"
        );
    }

    #[test]
    fn a_ratio_belongs_to_logarithmic_hooks() {
        assert_eq!(
            hook("preset = \"full\"\nratio = 3"),
            "x.toml: `hooks.0.ratio` (line 7) only applies to hooks.0.schedule = \"logarithmic\"; this config has \"linear\""
        );
    }
}
