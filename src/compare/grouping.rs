//! Which runs belong together, and in what else they differ.

use super::{Cause, CompareError, FinishedRun, LeftOut};
use crate::config::Config;
use sha2::{Digest, Sha256};
use std::cmp::Ordering;
use std::path::Path;
use toml::Value;

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

/// What runs can differ in besides the keys of their configs.
const BESIDES: [&str; 2] = [DATA_FILES, MEASURED_DROPOUT];
const DATA_FILES: &str = "the data files";
/// Keys that may be paths of files.
const PATHS: [&str; 7] = [
    "data.file",
    "data.test_file",
    "data.folder",
    "data.inputs",
    "data.targets",
    "data.test_inputs",
    "data.test_targets",
];
const MEASURED_DROPOUT: &str = "hooks.dropout";

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

/// A run with the values of its config at hand.
struct Entry<'a> {
    run: &'a FinishedRun,
    table: toml::Table,
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

impl<'a> Entry<'a> {
    fn new(run: &'a FinishedRun) -> Self {
        Self {
            run,
            table: run.config.table(),
        }
    }

    fn value(&self, key: &str) -> Option<Value> {
        match key {
            DATA_FILES => Some(Value::String(self.digest())),
            MEASURED_DROPOUT => self.measured_dropout(),
            ARM => Some(Value::String(self.run.config.name.clone())),
            key => value_of(key, &self.run.config, &self.table),
        }
    }

    /// The beginning of a digest of all data files.
    fn digest(&self) -> String {
        let mut digest = Sha256::new();
        for file in &self.run.data {
            digest.update(format!("{} {}\n", file.name, file.sha256));
        }
        digest.finalize()[..4]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// What the hooks did with dropout, in a network that has any.
    fn measured_dropout(&self) -> Option<Value> {
        self.value("model.dropout")?
            .as_float()
            .filter(|share| *share > 0.0)?;
        let mut modes: Vec<&str> = self
            .run
            .config
            .hooks
            .iter()
            .map(|hook| hook.dropout.as_str())
            .collect();
        modes.sort_unstable();
        modes.dedup();
        Some(Value::String(modes.join(" and ")))
    }
}

/// The value of a key of a config, written out as a table.
fn value_of(key: &str, config: &Config, table: &toml::Table) -> Option<Value> {
    if key == BATCH_SIZE && config.train.full_batch {
        return Some(Value::String("all".to_owned()));
    }
    let (first, rest) = key.split_once('.').unwrap_or((key, ""));
    let value = table.get(first)?;
    let mut inner = rest.split('.').filter(|part| !part.is_empty());
    let value = inner.try_fold(value, |value, part| value.get(part))?;
    // Where a file lies is no part of what it is; what is in it is told by its digest.
    let path = value.as_str().map(Path::new);
    let name = path.filter(|path| path.is_absolute() && PATHS.contains(&key));
    let name = name.and_then(|path| path.file_name()?.to_str());
    Some(name.map_or_else(|| value.clone(), |name| Value::String(name.to_owned())))
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

/// The values of a key among runs, in ascending order.
fn distinct(entries: &[&Entry], key: &str) -> Vec<Option<Value>> {
    let mut values: Vec<_> = entries.iter().map(|entry| entry.value(key)).collect();
    values.sort_by(|a, b| order_of_optional(a.as_ref(), b.as_ref()));
    values.dedup();
    values
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

/// In what runs differ, whatever they are grouped by.
pub(super) struct Settings {
    /// The keys in which they do.
    pub keys: Vec<&'static str>,
    /// For each run the place of its value among those of each key, in ascending order.
    pub places: Vec<Vec<usize>>,
}

impl Settings {
    /// Those of some runs.
    pub fn of(runs: &[&FinishedRun]) -> Self {
        let entries: Vec<Entry> = runs.iter().map(|run| Entry::new(run)).collect();
        let entries: Vec<&Entry> = entries.iter().collect();
        let values = |key: &&'static str| distinct(&entries, key);
        let has_batch_size = values(&BATCH_SIZE).len() > 1;
        let differing = Config::keys()
            .iter()
            .copied()
            .filter(|key| !IMMATERIAL.contains(key))
            .filter(|key| !(has_batch_size && *key == FULL_BATCH))
            .map(|key| (key, values(&key)))
            .filter(|(_, values)| values.len() > 1);
        let differing: Vec<_> = differing.collect();
        let place = |entry: &&Entry, key: &str, values: &[Option<Value>]| {
            let own = entry.value(key);
            values.iter().position(|value| *value == own).unwrap_or(0)
        };
        let places = entries.iter().map(|entry| {
            let places = differing.iter();
            places
                .map(|(key, values)| place(entry, key, values))
                .collect()
        });
        Self {
            places: places.collect(),
            keys: differing.iter().map(|(key, _)| *key).collect(),
        }
    }

    /// How many kinds of runs there are.
    pub fn kinds(&self) -> usize {
        let mut kinds = self.places.clone();
        kinds.sort_unstable();
        kinds.dedup();
        kinds.len()
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

fn listed(values: &[Option<Value>]) -> String {
    let texts: Vec<String> = values.iter().map(|value| text(value.as_ref())).collect();
    texts.join(", ")
}

fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => "unset".to_owned(),
    }
}

/// What is not set comes last: a batch size that is not set is the whole data set.
fn order_of_optional(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => order_of(a, b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}

/// Booleans, then numbers by size, then words, then lists by their elements.
fn order_of(a: &Value, b: &Value) -> Ordering {
    let number = |value: &Value| match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    };
    let rank = |value: &Value| match value {
        Value::Boolean(_) => 0,
        Value::Integer(_) | Value::Float(_) => 1,
        Value::String(_) => 2,
        Value::Datetime(_) => 3,
        Value::Array(_) => 4,
        Value::Table(_) => 5,
    };
    match (a, b) {
        (Value::Boolean(a), Value::Boolean(b)) => a.cmp(b),
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) => {
            let mut orders = a.iter().zip(b).map(|(a, b)| order_of(a, b));
            let first = orders.find(|order| order.is_ne());
            first.unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        (a, b) => match (number(a), number(b)) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => rank(a)
                .cmp(&rank(b))
                .then_with(|| a.to_string().cmp(&b.to_string())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(list: &str) -> String {
        let table: toml::Table = format!("values = {list}").parse().unwrap();
        let mut values: Vec<Option<Value>> = table["values"]
            .as_array()
            .unwrap()
            .iter()
            .cloned()
            .map(Some)
            .collect();
        values.insert(0, None);
        values.sort_by(|a, b| order_of_optional(a.as_ref(), b.as_ref()));
        listed(&values)
    }

    #[test]
    fn values_are_ordered_by_what_they_are() {
        let cases = [
            ("[1000, 32, 512.5]", "32, 512.5, 1000, unset"),
            ("[true, false]", "false, true, unset"),
            (
                "[[128], [16, 16], [64], [16], [9, 2], [64, 1]]",
                "[9, 2], [16], [16, 16], [64], [64, 1], [128], unset",
            ),
            (
                "[\"wide\", 3, [2], true, \"thin\", 0.5]",
                "true, 0.5, 3, thin, wide, [2], unset",
            ),
            (
                "[[\"flip\", \"crop\"], [], [\"crop\"]]",
                "[], [\"crop\"], [\"flip\", \"crop\"], unset",
            ),
        ];
        for (list, expected) in cases {
            assert_eq!(sorted(list), expected);
        }
    }
}
