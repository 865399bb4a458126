//! Which runs belong together, and in what else they differ.

mod entry;
mod settings;
mod value;

pub(super) use settings::Settings;

use super::{Cause, CompareError, FinishedRun, LeftOut};
use crate::config::Config;
use entry::{BESIDES, DATA_FILES, Entry, distinct};
use std::cmp::Ordering;
use toml::Value;
use value::{PATHS, listed, order_of_optional, text, value_of};

/// Keys that change nothing that is measured: who a run is, where it is computed, when it is looked
/// at. What the hooks measure on stands in each row.
const IMMATERIAL: [&str; 9] = [
    "name",
    "seed",
    "hooks",
    "events.spike_factor",
    "events.spike_window",
    "backend",
    "train.checkpoint_every",
    "train.keep_checkpoints",
    "train.evaluate_every",
];

/// Two keys of one setting: how many samples a step takes.
const BATCH_SIZE: &str = "train.batch_size";

const FULL_BATCH: &str = "train.full_batch";

/// What stands for the folder that runs of all seeds lie in, in the place of a key.
pub(super) const ARM: &str = "arm";

/// The most columns that runs which do not belong together are given.
const MOST: usize = 12;

/// Runs in groups by the values of some keys.
pub(super) struct Grouping<'a> {
    /// What makes the groups: the keys asked for, and those of `unlike`.
    pub keys: Vec<&'a str>,
    /// The groups by ascending value, each by ascending seed.
    pub groups: Vec<Members<'a>>,
    /// What runs of equal keys differed in, so that they are no samples of one thing.
    pub unlike: Vec<Differing>,
    /// What else differs between the groups, and never within one.
    pub confounds: Vec<Differing>,
    /// The same where the groups are arms, which is what makes them.
    pub arms: Vec<Differing>,
    /// Runs whose seed a group has already.
    pub repeated: Vec<LeftOut>,
}

/// The runs of one group.
pub(super) struct Members<'a> {
    /// The values of the keys as text.
    pub label: String,
    /// The same one by one.
    pub values: Vec<String>,
    /// The runs, each of another seed.
    pub runs: Vec<&'a FinishedRun>,
}

/// Something in which runs differ.
#[derive(Debug, PartialEq)]
pub(super) struct Differing {
    /// The key, or words.
    pub key: &'static str,
    /// Its values: all of them, or by group.
    pub values: String,
    /// Its values in each group, of what never differs within one.
    pub by_group: Vec<String>,
}

type Group<'e, 'a> = (Vec<Option<Value>>, Vec<&'e Entry<'a>>);

impl<'a> Grouping<'a> {
    /// Groups runs by keys; runs that these leave together but that differ in anything else that
    /// matters come apart by that too.
    ///
    /// # Errors
    ///
    /// [`CompareError::TooUnlike`] where that would make too many columns to read.
    pub fn new(runs: &'a [FinishedRun], by: &[&'a str]) -> Result<Self, CompareError> {
        let entries: Vec<Entry<'a>> = runs.iter().map(Entry::new).collect();
        let mut keys = by.to_vec();
        let mut groups = grouped(&entries, &keys);
        let others: Vec<&'static str> = Config::keys()
            .iter()
            .chain(&BESIDES)
            .copied()
            .filter(|key| !IMMATERIAL.contains(key) && !by.contains(key))
            .collect();
        let (within, other): (Vec<&'static str>, Vec<&'static str>) =
            others.into_iter().partition(|key| {
                groups
                    .iter()
                    .any(|(_, group)| distinct(group, key).len() > 1)
            });
        let unlike: Vec<Differing> = within
            .into_iter()
            .map(|key| Differing {
                key,
                values: listed(&distinct(&all(&groups), key)),
                by_group: Vec::new(),
            })
            .collect();
        let differing: Vec<Differing> = other
            .into_iter()
            .filter(|key| distinct(&all(&groups), key).len() > 1)
            .filter(|key| !is_consequence(key, by, &groups))
            .map(|key| by_group(key, &groups))
            .collect();
        let (confounds, arms) = match by.contains(&ARM) {
            true => (Vec::new(), differing),
            false => (differing, Vec::new()),
        };
        if !unlike.is_empty() {
            keys.extend(unlike.iter().map(|differing| differing.key));
            groups = grouped(&entries, &keys);
            if groups.len() > MOST {
                return Err(CompareError::TooUnlike {
                    keys: by.join(","),
                    others: unlike
                        .iter()
                        .map(|differing| differing.key)
                        .collect::<Vec<_>>()
                        .join(", "),
                    kinds: groups.len(),
                });
            }
        }
        let mut repeated = Vec::new();
        let groups = groups
            .iter()
            .map(|group| members(group, &mut repeated))
            .collect();
        Ok(Self {
            keys,
            groups,
            unlike,
            confounds,
            arms,
            repeated,
        })
    }
}

impl Grouping<'_> {
    /// The label of the group that a run of this config belongs to, or would; with the first other key that
    /// matters in which it differs from that group. None where that takes more than its config.
    pub fn label_of(&self, config: &Config) -> Option<String> {
        if self.keys.iter().any(|key| BESIDES.contains(key)) {
            return None;
        }
        let table = config.table();
        let value = |key: &str| match key {
            ARM => Some(Value::String(config.name.clone())),
            key => value_of(key, config, &table),
        };
        let labels: Vec<String> = self
            .keys
            .iter()
            .map(|key| text(value(key).as_ref()))
            .collect();
        let label = labels.join(" · ");
        let mut groups = self.groups.iter();
        let known = groups.find(|group| group.label == label);
        let differing = known.and_then(|group| {
            let known = &group.runs.first()?.config;
            let table = known.table();
            let differs = |key: &&&str| value_of(key, known, &table) != value(key);
            let mut keys = Config::keys()
                .iter()
                .filter(|key| !IMMATERIAL.contains(key));
            keys.find(differs)
        });
        Some(match differing {
            None => label,
            Some(key) => format!("{label} with {key} = {}", text(value(key).as_ref())),
        })
    }
}

/// Runs by the values of keys, in ascending order; each group's by seed.
fn grouped<'e, 'a>(entries: &'e [Entry<'a>], keys: &[&str]) -> Vec<Group<'e, 'a>> {
    let values = |entry: &Entry| keys.iter().map(|key| entry.value(key)).collect::<Vec<_>>();
    let mut sorted: Vec<_> = entries.iter().map(|entry| (values(entry), entry)).collect();
    sorted.sort_by(|(a, one), (b, other)| {
        let mut orders = a
            .iter()
            .zip(b)
            .map(|(a, b)| order_of_optional(a.as_ref(), b.as_ref()));
        orders
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
            .then_with(|| one.run.config.seed.cmp(&other.run.config.seed))
            .then_with(|| one.run.place.cmp(&other.run.place))
    });
    let mut groups: Vec<Group> = Vec::new();
    for (values, entry) in sorted {
        match groups.last_mut() {
            Some((last, group)) if *last == values => group.push(entry),
            _ => groups.push((values, vec![entry])),
        }
    }
    groups
}

/// The group's runs, without those whose seed it has already.
fn members<'a>((values, entries): &Group<'_, 'a>, repeated: &mut Vec<LeftOut>) -> Members<'a> {
    let labels: Vec<String> = values.iter().map(|value| text(value.as_ref())).collect();
    let label = labels.join(" · ");
    let mut runs: Vec<&FinishedRun> = Vec::new();
    for entry in entries {
        let seed = entry.run.config.seed;
        match runs.iter().find(|run| run.config.seed == seed) {
            Some(first) => repeated.push(LeftOut {
                place: entry.run.place.clone(),
                cause: Cause::Repeated,
                reason: format!(
                    "{} has the seed ({seed}) and, in all that matters, the config of {}: a copy \
                     is no second sample",
                    entry.run.place, first.place
                ),
                diverged: None,
            }),
            None => runs.push(entry.run),
        }
    }
    Members {
        label,
        values: labels,
        runs,
    }
}

fn all<'e, 'a>(groups: &[Group<'e, 'a>]) -> Vec<&'e Entry<'a>> {
    groups
        .iter()
        .flat_map(|(_, entries)| entries.iter().copied())
        .collect()
}

fn by_group(key: &'static str, groups: &[Group]) -> Differing {
    let values = groups.iter().map(|(labels, entries)| {
        let labels: Vec<String> = labels.iter().map(|value| text(value.as_ref())).collect();
        format!(
            "{}: {}",
            labels.join(" · "),
            listed(&distinct(entries, key))
        )
    });
    Differing {
        key,
        values: values.collect::<Vec<_>>().join("; "),
        by_group: groups
            .iter()
            .map(|(_, entries)| listed(&distinct(entries, key)))
            .collect(),
    }
}

/// Whether a key differs because one compared does: a network of another kind has other keys, other data
/// come from other files, and steps over all samples have no batch size.
fn is_consequence(key: &str, by: &[&str], groups: &[Group]) -> bool {
    let entries = all(groups);
    by.iter()
        .any(|compared| match compared.strip_suffix(".kind") {
            Some(section) => {
                let is_beside = key
                    .strip_prefix(section)
                    .is_some_and(|rest| rest.starts_with('.'));
                is_beside && entries.iter().any(|entry| entry.value(key).is_none())
            }
            None if key == DATA_FILES => *compared == "data.dataset" || PATHS.contains(compared),
            None => {
                let of_steps = [BATCH_SIZE, FULL_BATCH];
                of_steps.contains(&key) && of_steps.contains(compared)
            }
        })
}
