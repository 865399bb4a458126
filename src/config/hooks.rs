//! `[[hooks]]`: what to measure while training, and when.

use super::error::Violation;
use super::schedule::{Schedule, Shape, Unit};
use super::section::Reader;
use crate::data::Task;
use crate::measure::{ChainSettings, LINE_MEASURES, Preset, Weights, about};
use crate::model::{DropoutMode, NormMode};
use crate::nearest::{families, nearest};
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
        /// How the chains of `learning_coefficient.*` run.
        chains: LangevinChains = part();
        /// Products after which each estimate ends.
        max_matvecs: Option<usize> = optional("no bound");
        /// Seconds after which each estimate ends.
        max_seconds: Option<f64> = optional("no bound") in AboveZero;
    }
}

section! {
    /// How the chains of `learning_coefficient.*` run (Lau et al. 2023), where not by default.
    #[derive(Copy)]
    pub struct LangevinChains {
        /// How many chains find the local learning coefficient, two at least.
        chains: Option<usize> = optional("10");
        /// Steps of each chain that are thrown away.
        burn_in: Option<u64> = optional("2 / (step_size localisation), 200 to 500");
        /// Steps of each chain that are kept, 20 at least.
        draws: Option<usize> = optional("as many as burn_in");
        /// How strongly chains are held at the parameters, γ of ½γ‖w − w*‖².
        localisation: Option<f64> = optional("100") in AboveZero;
        /// What multiplies the loss, nβ of exp(−nβ L).
        inverse_temperature: Option<f64> = optional("samples / ln samples") in AboveZero;
        /// The variance of the noise of a step, ε.
        step_size: Option<f64> = optional("0.2 over the largest curvature of what is sampled") in AboveZero;
    }
}

impl LangevinChains {
    /// The same for measures.
    pub fn settings(self) -> ChainSettings {
        ChainSettings {
            chains: self.chains,
            burn_in: self.burn_in.map(|steps| steps as usize),
            draws: self.draws,
            localisation: self.localisation,
            inverse_temperature: self.inverse_temperature,
            step_size: self.step_size,
        }
    }
}

words! {
    /// What a hook fires on, beside or instead of its schedule (`hooks.on`).
    Trigger {
        /// The training accuracy is 1 at an evaluation, for the first time.
        #[default]
        Interpolation = "interpolation",
        /// The measured curvature has crossed the line of stability, either way.
        StabilityCrossing = "stability-crossing",
        /// A loss spike has begun; the hook measures after the step that follows.
        LossSpike = "loss-spike",
        /// The learning rate has risen to its full height: before the first step at it.
        WarmupEnd = "warmup-end",
        /// The learning rate falls: before the first step at the lower one.
        Decay = "decay",
    }
}

impl Trigger {
    /// Whether nobody knows beforehand when it comes.
    pub fn is_event(self) -> bool {
        matches!(
            self,
            Self::Interpolation | Self::StabilityCrossing | Self::LossSpike
        )
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

impl Hook {
    /// The names in `blocks`, of which [`EACH_LAYER`] stands for every layer.
    pub fn block_names(&self) -> impl Iterator<Item = &str> {
        let names = self.blocks.iter().flat_map(|names| names.split(','));
        names.map(str::trim)
    }

    /// Whether it measures something by name or as part of its preset.
    fn measures_one_of(&self, names: &[&str]) -> bool {
        // What is asked for here does not depend on what is predicted.
        let preset = self
            .preset
            .iter()
            .flat_map(|preset| preset.measures(Task::Classification));
        let listed = self.measures.iter().flatten().map(String::as_str);
        preset.chain(listed).any(|name| names.contains(&name))
    }
}

fn measures_something_sometime(hook: &mut Hook, reader: &Reader<'_>) -> Result<(), Violation> {
    measures_something(hook, reader)?;
    chains_are_for_something(hook, reader)?;
    if hook.on.is_empty() {
        hook.every.get_or_insert(1);
    }
    let (key, found) = match (hook.every, hook.unit, hook.spacing.kind()) {
        (None, unit @ Unit::Steps, _) => ("unit", unit.as_str()),
        (None, _, spacing @ SpacingKind::Logarithmic) => ("schedule", spacing.as_str()),
        _ => return Ok(()),
    };
    let rule = format!(
        "= {found:?} spaces the moments of `every`, which is absent: with `on` alone a hook has no schedule; add `every`, or leave `{key}` out"
    );
    Err(Violation::new(reader.path(key), rule))
}

/// Refuses settings of chains that no estimate comes of, or that no measure of the hook reads.
fn chains_are_for_something(hook: &Hook, reader: &Reader<'_>) -> Result<(), Violation> {
    let settings = hook.chains.settings();
    let refused = |key: &str, rule: String| Err(Violation::new(reader.path(key), rule));
    if let Some((key, rule)) = settings.too_few() {
        return refused(key, rule);
    }
    let Some(key) = settings.first_set() else {
        return Ok(());
    };
    let listed = hook.measures.iter().flatten();
    let are_of_chains = listed
        .filter_map(|name| about(name))
        .any(|measure| measure.is_of_chains);
    match are_of_chains {
        true => Ok(()),
        false => {
            let rule = "is for learning_coefficient.*, and this hook measures none of it: add \
                        \"learning_coefficient.local\" to `measures`, or leave the key out";
            refused(key, rule.to_owned())
        }
    }
}

fn measures_something(hook: &Hook, reader: &Reader<'_>) -> Result<(), Violation> {
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

/// Refuses triggers that cannot come, for the learning rate or for want of who would tell.
pub(super) fn can_fire(hooks: &[Hook], schedule: &Schedule) -> Result<(), Violation> {
    let tells_the_line = |hook: &Hook| {
        hook.every.is_some() && hook.blocks.is_none() && hook.measures_one_of(&LINE_MEASURES)
    };
    let is_told = hooks.iter().any(tells_the_line);
    let falls = matches!(schedule.shape, Shape::Step(_) | Shape::Exponential(_));
    for (index, hook) in hooks.iter().enumerate() {
        for (place, trigger) in hook.on.iter().enumerate() {
            let (other, needed) = match trigger {
                Trigger::WarmupEnd if schedule.warmup == 0 => {
                    ("schedule.warmup", "schedule.warmup above 0".to_owned())
                }
                Trigger::Decay if !falls => {
                    let found = schedule.shape.kind();
                    let needed = format!(
                        "a learning rate that falls at certain steps, schedule.kind = \"step\" or \"exponential\"; this config has \"{found}\""
                    );
                    ("schedule.kind", needed)
                }
                Trigger::StabilityCrossing if !is_told => {
                    let measures = LINE_MEASURES.join(", or ");
                    let needed = format!(
                        "a hook with a schedule (`every`) and without `blocks` that measures {measures}: crossings are told by its rows"
                    );
                    ("hooks", needed)
                }
                _ => continue,
            };
            let rule = format!("= \"{trigger}\" needs {needed}");
            let key = format!("hooks.{index}.on.{place}");
            return Err(Violation::new(key, rule).against(other));
        }
    }
    Ok(())
}

/// Refuses measures that are not known.
pub(super) fn check_measures(hooks: &[Hook], known: &[&str]) -> Result<(), Violation> {
    for (index, hook) in hooks.iter().enumerate() {
        let mut names = hook.measures.iter().flatten().enumerate();
        if let Some((place, name)) = names.find(|(_, name)| !known.contains(&name.as_str())) {
            let hint = match (under_map(name, known), nearest(name, known)) {
                (Some((map, measure)), _) => {
                    format!(": put {measure:?} here and the map {map:?} into `maps`")
                }
                (None, Some(nearest)) => format!("; did you mean {nearest:?}?"),
                (None, None) => format!(
                    "; `lab measure --help` lists all, of the families {}",
                    families(known).join(", ")
                ),
            };
            let key = format!("hooks.{index}.measures.{place}");
            let rule = format!("must be the name of a measure, found {name:?}{hint}");
            return Err(Violation::new(key, rule));
        }
    }
    Ok(())
}

/// The map and the measure of a row of `maps`, if that is what the name is of.
fn under_map<'n>(name: &'n str, known: &[&str]) -> Option<(&'n str, &'n str)> {
    let (map, measure) = name.strip_prefix("reparam.")?.split_once('.')?;
    let is_map = MapKind::ALL.iter().any(|kind| kind.as_str() == map);
    (is_map && known.contains(&measure)).then_some((map, measure))
}
