//! The arms of a sweep: every named arm with every point that the axes span.

use super::file::SweepFile;
use super::{Matching, RateRule};
use crate::config::is_folder_name;
use crate::data::sha256_hex;
use std::collections::BTreeSet;
use toml::Value as Toml;

/// A key of the config with the value that a sweep gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The key, such as `train.batch_size`.
    pub key: String,
    /// Its value; nothing where the key of the base is taken out.
    pub value: Option<Toml>,
    /// Where the sweep says so, for messages.
    pub origin: String,
}

/// One arm: what its members have in common besides the base.
#[derive(Clone, Debug, PartialEq)]
pub struct Arm {
    /// The folder of its runs, and their name.
    pub label: String,
    /// What it sets.
    pub settings: Vec<Setting>,
}

/// A place on an axis: a part of the label and what it sets.
#[derive(Clone, Debug)]
struct Place {
    label: String,
    settings: Vec<Setting>,
}

/// The most arms of a sweep.
const MOST_ARMS: usize = 100_000;

/// Labels above this length are cut, with a digest at their end.
const LONGEST_LABEL: usize = 100;

/// Every arm of a sweep, the last axis moving fastest. `stem` names the only arm of a sweep that has neither arms nor
/// axes.
///
/// # Errors
///
/// What is wrong with arms and axes.
pub(super) fn arms(file: &SweepFile, stem: &str) -> Result<Vec<Arm>, String> {
    let dimensions = dimensions(file)?;
    let count = dimensions.iter().map(Vec::len);
    let count = count.fold(1_usize, usize::saturating_mul);
    if count > MOST_ARMS {
        return Err(format!(
            "arms and axes span {count} points, at most {MOST_ARMS} are allowed"
        ));
    }
    let start = Place {
        label: String::new(),
        settings: settings_of("every arm", &file.set, &file.unset),
    };
    let mut places = vec![start];
    for dimension in &dimensions {
        let with = |place: &Place| dimension.iter().map(|next| place.and(next)).collect();
        places = places
            .iter()
            .flat_map(|place| -> Vec<Place> { with(place) })
            .collect();
    }
    for place in &places {
        check_keys(file, &place.settings)?;
    }
    Ok(labelled(places, stem))
}

impl Place {
    fn and(&self, next: &Self) -> Self {
        let parts = [&self.label, &next.label].into_iter();
        let parts: Vec<&str> = parts
            .filter(|part| !part.is_empty())
            .map(String::as_str)
            .collect();
        let settings = self.settings.iter().chain(&next.settings);
        Self {
            label: parts.join("_"),
            settings: settings.cloned().collect(),
        }
    }
}

/// The named arms, the axes that move together, and each of the others.
fn dimensions(file: &SweepFile) -> Result<Vec<Vec<Place>>, String> {
    let mut dimensions = Vec::new();
    if !file.arms.is_empty() {
        let arms = file.arms.iter().map(|arm| Place {
            label: arm.name.clone(),
            settings: settings_of(&format!("arm {:?}", arm.name), &arm.set, &arm.unset),
        });
        dimensions.push(arms.collect());
    }
    let zipped = lists("zip", &file.zip)?;
    let axes = lists("axes", &file.axes)?;
    let keys: Vec<String> = zipped
        .iter()
        .chain(&axes)
        .map(|(key, _)| key.clone())
        .collect();
    let place = |table: &str, key: &String, value: &Toml| Place {
        label: format!("{}-{}", short(key, &keys), word(value)),
        settings: vec![Setting {
            key: key.clone(),
            value: Some(value.clone()),
            origin: format!("[{table}] {key} = {value}"),
        }],
    };
    if let Some((first, values)) = zipped.first() {
        if let Some((key, others)) = zipped.iter().find(|(_, other)| other.len() != values.len()) {
            return Err(format!(
                "the lists of [zip] move together and must have one length: `{first}` has {} values, `{key}` has {}",
                values.len(),
                others.len()
            ));
        }
        let together = (0..values.len()).map(|index| {
            let each = zipped
                .iter()
                .map(|(key, values)| place("zip", key, &values[index]));
            each.reduce(|all, next| all.and(&next))
                .expect("there is a list")
        });
        dimensions.push(together.collect());
    }
    for (key, values) in &axes {
        for (index, value) in values.iter().enumerate() {
            if values[..index].contains(value) {
                return Err(format!("`axes.{key}` has {value} twice"));
            }
        }
        dimensions.push(
            values
                .iter()
                .map(|value| place("axes", key, value))
                .collect(),
        );
    }
    Ok(dimensions)
}

/// The keys of a table of lists, dotted.
fn lists(table: &str, entries: &toml::Table) -> Result<Vec<(String, Vec<Toml>)>, String> {
    let mut leaves = Vec::new();
    flatten("", entries, &mut leaves);
    let lists = leaves.into_iter().map(|(key, value)| match value {
        Toml::Array(values) if !values.is_empty() => Ok((key, values)),
        Toml::Array(_) => Err(format!(
            "`{table}.{key}` must have a value at least, found []"
        )),
        other => Err(format!(
            "`{table}.{key}` must be a list of values, such as [{other}], found {other}"
        )),
    });
    lists.collect()
}

fn settings_of(arm: &str, set: &toml::Table, unset: &[String]) -> Vec<Setting> {
    let mut leaves = Vec::new();
    flatten("", set, &mut leaves);
    let settings = leaves.into_iter().map(|(key, value)| Setting {
        origin: format!("{arm}, {key} = {value}"),
        key,
        value: Some(value),
    });
    let unset = unset.iter().map(|key| Setting {
        key: key.clone(),
        value: None,
        origin: format!("{arm}, unset {key}"),
    });
    settings.chain(unset).collect()
}

/// The values of a tree by their dotted keys.
fn flatten(above: &str, entries: &toml::Table, leaves: &mut Vec<(String, Toml)>) {
    for (name, value) in entries {
        let key = match above {
            "" => name.clone(),
            above => format!("{above}.{name}"),
        };
        match value {
            Toml::Table(inner) => flatten(&key, inner, leaves),
            other => leaves.push((key, other.clone())),
        }
    }
}

/// The last part of a key; more of it where another key ends in the same.
fn short<'k>(key: &'k str, keys: &[String]) -> &'k str {
    let last = |key: &'k str| key.rsplit('.').next().unwrap_or(key);
    let same = keys
        .iter()
        .filter(|other| other.rsplit('.').next() == Some(last(key)));
    match same.count() {
        0 | 1 => last(key),
        _ => key,
    }
}

/// A value as a part of a folder's name.
fn word(value: &Toml) -> String {
    let parts = |values: Vec<String>| values.join("-");
    match value {
        Toml::String(text) => plain(text),
        Toml::Array(items) => parts(items.iter().map(word).collect()),
        Toml::Table(entries) => {
            let entries = entries.iter();
            parts(
                entries
                    .map(|(key, value)| format!("{}-{}", plain(key), word(value)))
                    .collect(),
            )
        }
        other => plain(&other.to_string()),
    }
}

fn plain(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    text.chars()
        .map(|c| if is_plain(c) { c } else { '-' })
        .collect()
}

/// Refuses keys that are set twice, and keys that the sweep itself decides.
fn check_keys(file: &SweepFile, settings: &[Setting]) -> Result<(), String> {
    for (index, Setting { key, origin, .. }) in settings.iter().enumerate() {
        let overlaps = |other: &&Setting| {
            let within = |a: &str, b: &str| format!("{b}.").starts_with(&format!("{a}."));
            within(key, &other.key) || within(&other.key, key)
        };
        if let Some(other) = settings[..index].iter().find(overlaps) {
            let other = &other.origin;
            return Err(format!("{origin} contradicts {other}: a key is set once"));
        }
        if let Some(who) = decided_by(file, key) {
            return Err(format!("{origin} contradicts {who}"));
        }
    }
    Ok(())
}

/// What of the sweep decides a key itself.
fn decided_by(file: &SweepFile, key: &str) -> Option<&'static str> {
    let length = [
        "train",
        "train.epochs",
        "train.steps",
        "train.stop_at_train_loss",
    ];
    let is_length = length.contains(&key);
    match (key, file.matching, file.learning_rate_rule) {
        ("seed", ..) => Some("`seeds`, which says the seeds of every arm"),
        ("name", ..) => Some("the folders of a sweep, which are named by arm"),
        (_, Some(Matching::Epochs), _) if is_length => {
            Some("match = \"epochs\", which decides the length")
        }
        (_, Some(Matching::Steps), _) if is_length => {
            Some("match = \"steps\", which decides the length")
        }
        (_, Some(Matching::CumulativeLearningRate), _) if is_length => {
            Some("match = \"cumulative_learning_rate\", which decides the length")
        }
        ("train.stop_at_train_loss", Some(Matching::TrainLoss), _) => {
            Some("match = \"train_loss\", which decides where runs end")
        }
        (_, _, RateRule::Linear | RateRule::Sqrt)
            if key == "learning_rate_rule" || key.starts_with("learning_rate_rule.") =>
        {
            Some("`learning_rate_rule` of the sweep")
        }
        _ => None,
    }
}

/// Arms with labels that are folders' names, each its own.
fn labelled(places: Vec<Place>, stem: &str) -> Vec<Arm> {
    let mut taken = BTreeSet::new();
    let arms = places.into_iter().map(|Place { label, settings }| {
        let label = match label.as_str() {
            "" => stem.to_owned(),
            _ => label,
        };
        let is_fine = label.len() <= LONGEST_LABEL && is_folder_name(&label);
        let label = if is_fine && taken.insert(label.clone()) {
            label
        } else {
            let said: Vec<String> = settings.iter().map(|s| s.origin.clone()).collect();
            let digest = sha256_hex(said.join("\n").as_bytes());
            let start: String = label.chars().take(LONGEST_LABEL - 9).collect();
            let label = format!("{start}-{}", &digest[..8]);
            taken.insert(label.clone());
            label
        };
        Arm { label, settings }
    });
    arms.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Result<Vec<String>, String> {
        let file = SweepFile::parse(&format!("base = \"x\"\n{text}"), "s.toml");
        let arms = arms(&file.map_err(|error| error.to_string())?, "only")?;
        Ok(arms.into_iter().map(|arm| arm.label).collect())
    }

    #[test]
    fn labels_say_what_differs_and_are_each_their_own() {
        let found = |text: &str| labels(text).unwrap();
        assert_eq!(found(""), ["only"]);
        assert_eq!(
            found("[axes]\na.x = [1, 0.5]\nb.y = [\"p q\", [3, 4]]"),
            ["x-1_y-p-q", "x-1_y-3-4", "x-0.5_y-p-q", "x-0.5_y-3-4"]
        );
        // Keys with the same last part are told apart.
        assert_eq!(
            found("[axes]\na.kind = [1]\nb.kind = [2]"),
            ["a.kind-1_b.kind-2"]
        );
        assert_eq!(
            found(
                "[[arms]]\nname = \"one\"\n[[arms]]\nname = \"two\"\n[zip]\na.x = [1, 2]\na.y = [3, 4]"
            ),
            ["one_x-1_y-3", "one_x-2_y-4", "two_x-1_y-3", "two_x-2_y-4"]
        );
        let alike = found("[axes]\na.x = [\"p q\", \"p-q\"]");
        assert_eq!(alike[0], "x-p-q");
        assert!(
            alike[1].starts_with("x-p-q-") && alike[1].len() == 14,
            "{alike:?}"
        );
        let long = found(&format!("[axes]\na.x = [\"{}\"]", "y".repeat(300)));
        assert_eq!(long[0].len(), LONGEST_LABEL);
    }

    #[test]
    fn a_key_is_set_once() {
        let refused = |text: &str| labels(text).unwrap_err();
        let message = refused("[set]\na.x = 1\n[axes]\na.x = [1]");
        assert_eq!(
            message,
            "[axes] a.x = 1 contradicts every arm, a.x = 1: a key is set once"
        );
        let message = refused("[[arms]]\nname = \"n\"\nunset = [\"a\"]\n[axes]\na.x = [1]");
        assert!(
            message.contains("contradicts arm \"n\", unset a"),
            "{message}"
        );
        assert!(refused("axes.name = [\"a\"]").contains("folders"));
        assert!(
            refused("learning_rate_rule = \"linear\"\naxes.learning_rate_rule.rule = [\"sqrt\"]")
                .contains("of the sweep")
        );
        let many: Vec<String> = (0..400).map(|number| number.to_string()).collect();
        let many = many.join(", ");
        assert!(refused(&format!("[axes]\na = [{many}]\nb = [{many}]")).contains("160000 points"));
    }
}
