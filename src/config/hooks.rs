//! `[[hooks]]`: what to measure while training, and when.

use super::choice::{SpacingKind, Trigger, Unit};
use super::nearest::nearest;
use super::rule::{Rule, Violation};
use super::schedule::{Schedule, Shape};
use super::section::Reader;
use crate::measure::{LINE_MEASURES, Preset, Weights};
use crate::model::{DropoutMode, NormMode};
use crate::reparam::MapKind;

/// The word of `hooks.blocks` for every layer in turn.
pub const EACH_LAYER: &str = "layers";

section! {
    /// One item of `[[hooks]]`: what to measure while training, and when.
    checked by measures_something_sometime;
    pub struct Hook {
        /// A ready-made set of measures; exactly one of `preset` and `measures`.
        preset: Option<Preset> = optional("`measures` instead");
        /// The measures; exactly one of `preset` and `measures`.
        measures: Option<Vec<String>> = optional("`preset` instead");
        /// Maps that leave the function alone, after each of which the measures are taken again
        /// (rows `reparam.{map}.{measure}`).
        maps: Vec<MapKind> = default(Vec::new());
        /// Units between two measurements; with `on` and without `every` there is no schedule.
        every: Option<usize> = optional("1; none with `on`");
        /// What `every` counts.
        unit: Unit = default(Unit::Epochs);
        /// How the moments are spaced.
        spacing: Spacing = part();
        /// Events and changes of the learning rate to measure at, besides the moments of `every`.
        on: Vec<Trigger> = default(Vec::new());
        /// Take what is of a block for each layer ("layers"), or for these layers or parameters, with commas
        /// between them; what is of the whole network is taken once.
        blocks: Option<String> = optional("the whole network");
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

impl Hook {
    /// The names in `blocks`, of which [`EACH_LAYER`] stands for every layer.
    pub fn block_names(&self) -> impl Iterator<Item = &str> {
        let names = self.blocks.iter().flat_map(|names| names.split(','));
        names.map(str::trim)
    }

    /// Whether it measures something by name or as part of its preset.
    fn measures_one_of(&self, names: &[&str]) -> bool {
        let preset = self.preset.iter().flat_map(|preset| preset.measures());
        let listed = self.measures.iter().flatten().map(String::as_str);
        preset.chain(listed).any(|name| names.contains(&name))
    }
}

fn measures_something_sometime(hook: &mut Hook, reader: &Reader<'_>) -> Result<(), Violation> {
    measures_something(hook, reader)?;
    if hook.on.is_empty() {
        hook.every.get_or_insert(1);
    }
    if hook.every.is_some() {
        return Ok(());
    }
    let (unit, spacing) = (hook.unit, hook.spacing.kind());
    let without = |key, found| {
        let rule = Rule::SpacingWithoutEvery { key, found };
        Err(Violation::new(reader.path(key), rule))
    };
    match (unit, spacing) {
        (Unit::Steps, _) => without("unit", unit.as_str()),
        (_, SpacingKind::Logarithmic) => without("schedule", spacing.as_str()),
        _ => Ok(()),
    }
}

fn measures_something(hook: &Hook, reader: &Reader<'_>) -> Result<(), Violation> {
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

/// Refuses triggers that cannot come, for the learning rate or for want of who would tell.
pub(super) fn can_fire(hooks: &[Hook], schedule: &Schedule) -> Result<(), Violation> {
    let tells_the_line = |hook: &Hook| {
        hook.every.is_some() && hook.blocks.is_none() && hook.measures_one_of(&LINE_MEASURES)
    };
    for (index, hook) in hooks.iter().enumerate() {
        for (place, trigger) in hook.on.iter().enumerate() {
            let refused = |rule, other: &str| {
                let key = format!("hooks.{index}.on.{place}");
                Err(Violation::new(key, rule).against(other))
            };
            match trigger {
                Trigger::WarmupEnd if schedule.warmup == 0 => {
                    return refused(Rule::NoWarmup, "schedule.warmup");
                }
                Trigger::Decay
                    if !matches!(schedule.shape, Shape::Step(_) | Shape::Exponential(_)) =>
                {
                    let found = schedule.shape.kind().as_str();
                    return refused(Rule::NoDecay { found }, "schedule.kind");
                }
                Trigger::StabilityCrossing if !hooks.iter().any(tells_the_line) => {
                    return refused(Rule::NoLine, "hooks");
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Refuses measures that are not known.
pub(super) fn check_measures(hooks: &[Hook], known: &[&str]) -> Result<(), Violation> {
    for (index, hook) in hooks.iter().enumerate() {
        let names = hook.measures.iter().flatten().enumerate();
        for (place, name) in names {
            if known.contains(&name.as_str()) {
                continue;
            }
            let rule = under_map(name, known).unwrap_or_else(|| Rule::UnknownMeasure {
                found: name.clone(),
                nearest: nearest(name, known).map(str::to_owned),
                known: known.iter().map(|&known| known.to_owned()).collect(),
            });
            return Err(Violation::new(
                format!("hooks.{index}.measures.{place}"),
                rule,
            ));
        }
    }
    Ok(())
}

/// What is wrong with the name of a row of `maps` where a measure is to stand, if it is one.
fn under_map(name: &str, known: &[&str]) -> Option<Rule> {
    let (map, measure) = name.strip_prefix("reparam.")?.split_once('.')?;
    let is_map = MapKind::ALL.iter().any(|kind| kind.as_str() == map);
    (is_map && known.contains(&measure)).then(|| Rule::MeasureUnderMap {
        found: name.to_owned(),
        map: map.to_owned(),
        measure: measure.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use crate::config::choice::Trigger;
    use crate::config::parse;
    use crate::config::samples::{KNOWN, PLAIN, message};

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
            "x.toml: `hooks.0.measures.0` (line 6) must be the name of a measure, found \"zzz\"; `lab measure --help` lists all, of the families hessian, norm, loss"
        );
        assert_eq!(
            hook("measures = [\"reparam.permutation.norm.l2\"]"),
            "x.toml: `hooks.0.measures.0` (line 6) must be the name of a measure, found \"reparam.permutation.norm.l2\": put \"norm.l2\" here and the map \"permutation\" into `maps`"
        );
    }

    #[test]
    fn a_ratio_belongs_to_logarithmic_hooks() {
        assert_eq!(
            hook("preset = \"full\"\nratio = 3"),
            "x.toml: `hooks.0.ratio` (line 7) only applies to hooks.0.schedule = \"logarithmic\"; this config has \"linear\""
        );
    }

    #[test]
    fn a_hook_has_a_schedule_or_triggers_or_both() {
        let read = |keys: &str| {
            let text = format!("{PLAIN}\n[[hooks]]\nmeasures = [\"norm.l2\"]\n{keys}");
            let config = parse(&text, "x.toml", &[], "x", KNOWN).unwrap();
            // What is written out means the same when it is read again.
            let again = parse(&config.to_toml(), "x.toml", &[], "x", KNOWN).unwrap();
            assert_eq!(again, config);
            (config.hooks[0].every, config.hooks[0].on.clone())
        };
        let spike = vec![Trigger::LossSpike];
        assert_eq!(read(""), (Some(1), Vec::new()));
        assert_eq!(read("on = [\"loss-spike\"]"), (None, spike.clone()));
        let both = "on = [\"loss-spike\"]\nevery = 3\nunit = \"steps\"";
        assert_eq!(read(both), (Some(3), spike));
    }

    #[test]
    fn triggers_without_a_schedule_have_no_spacing() {
        let on = |keys: &str| {
            hook(&format!(
                "preset = \"full\"\non = [\"interpolation\"]\n{keys}"
            ))
        };
        assert_eq!(
            on("unit = \"steps\""),
            "x.toml: `hooks.0.unit` (line 8) = \"steps\" spaces the moments of `every`, which is absent: with `on` alone a hook has no schedule; add `every`, or leave `unit` out"
        );
        assert_eq!(
            on("schedule = \"logarithmic\""),
            "x.toml: `hooks.0.schedule` (line 8) = \"logarithmic\" spaces the moments of `every`, which is absent: with `on` alone a hook has no schedule; add `every`, or leave `schedule` out"
        );
    }

    #[test]
    fn a_trigger_that_cannot_come_is_refused() {
        assert_eq!(
            hook("measures = [\"norm.l2\"]\non = [\"warmup-end\"]"),
            "x.toml: `hooks.0.on.0` (line 7) = \"warmup-end\" needs schedule.warmup above 0"
        );
        assert_eq!(
            hook("measures = [\"norm.l2\"]\non = [\"loss-spike\", \"decay\"]"),
            "x.toml: `hooks.0.on.1` (line 7) = \"decay\" needs a learning rate that falls at certain steps, schedule.kind = \"step\" or \"exponential\"; this config has \"constant\""
        );
        let line = |more: &str| {
            let own = "measures = [\"hessian.lambda_max\"]\non = [\"stability-crossing\"]";
            let text = format!("{PLAIN}\n[[hooks]]\n{own}\n{more}");
            parse(&text, "x.toml", &[], "x", KNOWN).map_err(|error| error.to_string())
        };
        assert_eq!(
            line("").unwrap_err(),
            "x.toml: `hooks.0.on.0` (line 7) = \"stability-crossing\" needs a hook with a schedule (`every`) and without `blocks` that measures hessian.lambda_max, or stability.momentum, or stability.adam: crossings are told by its rows"
        );
        let other = "[[hooks]]\nmeasures = [\"hessian.lambda_max\"]";
        assert!(line("every = 2").is_ok() && line(other).is_ok());
        assert!(line(&format!("{other}\nblocks = \"layers\"")).is_err());
        let changing = "schedule = { kind = \"step\", every = 1, warmup = 2 }\n";
        let both = "[[hooks]]\nmeasures = [\"norm.l2\"]\non = [\"warmup-end\", \"decay\"]";
        assert!(
            parse(
                &format!("{changing}{PLAIN}\n{both}"),
                "x.toml",
                &[],
                "x",
                KNOWN
            )
            .is_ok()
        );
    }
}
