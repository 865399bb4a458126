//! Checks `[[hooks]]`.

use super::range::Held;
use super::{other_kind, range};
use crate::config::choice::SpacingKind;
use crate::config::nearest::nearest;
use crate::config::raw::RawHook;
use crate::config::rule::{Rule, Violation};
use crate::config::valid::{Hook, Spacing, What};

pub(super) fn check(raw: &[RawHook], known_measures: &[&str]) -> Result<Vec<Hook>, Violation> {
    let hooks = raw.iter().enumerate();
    hooks
        .map(|(index, hook)| one(hook, &format!("hooks.{index}"), known_measures))
        .collect()
}

fn one(raw: &RawHook, path: &str, known_measures: &[&str]) -> Result<Hook, Violation> {
    let what = match (raw.preset, &raw.measures) {
        (Some(preset), None) => What::Preset(preset),
        (None, Some(names)) => {
            check_names(names, path, known_measures)?;
            What::Measures(names.clone())
        }
        (Some(_), Some(_)) => {
            return Err(Violation::new(
                format!("{path}.preset"),
                Rule::PresetAndMeasures,
            ));
        }
        (None, None) => return Err(Violation::new(path, Rule::NeitherPresetNorMeasures)),
    };
    Ok(Hook {
        what,
        maps: raw.maps.clone().unwrap_or_default(),
        every: raw.every.map_or(1, |every| every.0),
        unit: raw.unit.unwrap_or_default(),
        spacing: spacing(raw, path)?,
        samples: raw.samples.map(|samples| samples.0),
        warm_start: raw.warm_start.unwrap_or(false),
        norm_mode: raw.norm_mode.unwrap_or_default(),
        dropout: raw.dropout.unwrap_or_default(),
        max_matvecs: raw.max_matvecs.map(|most| most.0),
        max_seconds: match raw.max_seconds {
            None => None,
            most => {
                let key = format!("{path}.max_seconds");
                Some(range::above_zero(&key, most, 1.0, Held::Exactly)?)
            }
        },
    })
}

fn spacing(raw: &RawHook, path: &str) -> Result<Spacing, Violation> {
    let key = format!("{path}.ratio");
    let kind = raw.schedule.unwrap_or_default();
    match kind {
        SpacingKind::Linear if raw.ratio.is_some() => {
            let owner = SpacingKind::Logarithmic.as_str();
            Err(other_kind(
                key,
                &format!("{path}.schedule"),
                &[owner],
                kind.as_str(),
            ))
        }
        SpacingKind::Linear => Ok(Spacing::Linear),
        SpacingKind::Logarithmic => Ok(Spacing::Logarithmic {
            ratio: range::above_one(&key, raw.ratio, 2.0)?,
        }),
    }
}

fn check_names(names: &[String], path: &str, known: &[&str]) -> Result<(), Violation> {
    if names.is_empty() {
        return Err(Violation::new(format!("{path}.measures"), Rule::NoMeasures));
    }
    match names
        .iter()
        .enumerate()
        .find(|(_, name)| !known.contains(&name.as_str()))
    {
        None => Ok(()),
        Some((index, name)) => {
            let rule = Rule::UnknownMeasure {
                found: name.clone(),
                nearest: nearest(name, known).map(str::to_owned),
                known: known.iter().map(|&known| known.to_owned()).collect(),
            };
            Err(Violation::new(format!("{path}.measures.{index}"), rule))
        }
    }
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
