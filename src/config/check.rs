//! What a document must satisfy key by key, as the keys are declared: no unknown key, no wrong type, no
//! key of another kind, no number out of its range, no required key absent.

use super::document::{Node, Value as Found};
use super::fault::{Fault, FaultAt};
use super::key::{Absent, KEYS, PATHS};
use super::kind::{in_f32, with_type};
use super::lookup::{applicable, word};
use super::nearest::nearest_key;
use super::rule::{Rule, Violation};

/// Refuses unknown keys and wrong types.
pub(super) fn shapes(root: &Node) -> Result<(), FaultAt> {
    for (name, node) in entries(root) {
        let found = match &node.value {
            _ if !KEYS.is_table(name) => key(None, name, node),
            Found::Array(items) if KEYS.is_array(name) => {
                items.iter().enumerate().try_for_each(|(index, item)| {
                    table(name, item).map_err(|fault| fault.under(index.to_string()))
                })
            }
            other if KEYS.is_array(name) => Err(wrong(other, "an array")),
            _ => table(name, node),
        };
        found.map_err(|fault| fault.under(name))?;
    }
    Ok(())
}

fn table(name: &str, node: &Node) -> Result<(), FaultAt> {
    if !matches!(node.value, Found::Table(_)) {
        return Err(wrong(&node.value, "a table"));
    }
    entries(node).iter().try_for_each(|(entry, node)| {
        key(Some(name), entry, node).map_err(|fault| fault.under(entry))
    })
}

/// A fault unless some declaration of the key accepts the value: which of them applies is seen later.
fn key(table: Option<&str>, name: &str, node: &Node) -> Result<(), FaultAt> {
    let path = table.map_or_else(|| name.to_owned(), |table| format!("{table}.{name}"));
    let mut refused = None;
    for key in KEYS.entries(&path) {
        match key.kind.check(node) {
            Ok(()) => return Ok(()),
            Err(fault) => refused = refused.or(Some(fault)),
        }
    }
    Err(refused.unwrap_or_else(|| {
        let allowed = KEYS.names(table);
        FaultAt::new(Fault::UnknownKey {
            nearest: nearest_key(table, name, &allowed, &PATHS),
            allowed: allowed.into_iter().map(str::to_owned).collect(),
        })
    }))
}

fn wrong(found: &Found, expected: &str) -> FaultAt {
    FaultAt::new(Fault::WrongValue {
        found: with_type(found),
        expected: expected.to_owned(),
        nearest: None,
    })
}

fn entries(node: &Node) -> &[(String, Node)] {
    match &node.value {
        Found::Table(entries) => entries,
        _ => &[],
    }
}

/// Refuses keys that do not apply, numbers out of range, and the absence of required keys, in the
/// order in which keys are declared.
pub(super) fn rules(root: &Node) -> Result<(), Violation> {
    let mut seen: Vec<&str> = Vec::new();
    for key in &KEYS.list {
        if seen.contains(&key.path.as_str()) {
            continue;
        }
        seen.push(&key.path);
        for place in places(root, &key.path) {
            rule_of(root, &place)?;
        }
    }
    Ok(())
}

/// The places of a document where a declared key stands or could stand.
fn places(root: &Node, path: &str) -> Vec<String> {
    match path.split_once('.') {
        Some((array, name)) if KEYS.is_array(array) => {
            let count = match root.get([array]).map(|node| &node.value) {
                Some(Found::Array(items)) => items.len(),
                _ => 0,
            };
            (0..count)
                .map(|index| format!("{array}.{index}.{name}"))
                .collect()
        }
        _ => vec![path.to_owned()],
    }
}

/// Whether the table of a place is one that need not be there, and is not.
fn is_left_out(root: &Node, place: &str) -> bool {
    let table = place.split_once('.').map(|(table, _)| table);
    table.is_some_and(|table| KEYS.is_optional(table) && root.get([table]).is_none())
}

fn rule_of(root: &Node, place: &str) -> Result<(), Violation> {
    let Some(node) = root.get(place.split('.')) else {
        if is_left_out(root, place) {
            return Ok(());
        }
        return match applicable(root, place).map(|key| &key.absent) {
            Ok(Absent::Required(what)) => Err(Violation::new(place, Rule::Missing { what })),
            _ => Ok(()),
        };
    };
    let key = applicable(root, place)?;
    if let Err(fault) = key.kind.check(node) {
        return Err(Violation::new(place, Rule::Shape(fault.fault)));
    }
    let found = match node.value {
        Found::Integer(value) => value as f64,
        Found::Float(value) => value,
        _ => return Ok(()),
    };
    let range = key.range;
    if !range.contains(found) {
        return Err(Violation::new(place, Rule::Range { range, found }));
    }
    // Update rules and initial weights are computed in the run's precision.
    let is_f32 = key.in_run && word(root, "precision", "").as_deref() == Some("f32");
    match range.lost_in_f32(found).filter(|_| is_f32) {
        None => Ok(()),
        Some(limit) => {
            let kept = in_f32(found);
            Err(Violation::new(place, Rule::NotHeld { found, kept, limit }))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::samples::{PLAIN, message};

    #[test]
    fn numbers_keep_to_their_ranges() {
        let cases = [
            (
                "data.label_noise = 1.5",
                "data.label_noise",
                "in [0, 1], found 1.5",
            ),
            (
                "data.label_noise = -1",
                "data.label_noise",
                "in [0, 1], found -1.0",
            ),
            (
                "model.init_scale = 0",
                "model.init_scale",
                "above 0, found 0.0",
            ),
            (
                "optimizer.momentum = 1",
                "optimizer.momentum",
                "in [0, 1), found 1.0",
            ),
            (
                "optimizer.momentum = -0.1",
                "optimizer.momentum",
                "in [0, 1), found -0.1",
            ),
            (
                "optimizer.weight_decay = -1e-4",
                "optimizer.weight_decay",
                "at least 0, found -0.0001",
            ),
            (
                "train.stop_at_train_loss = 0",
                "train.stop_at_train_loss",
                "above 0, found 0.0",
            ),
            (
                "schedule = {kind = \"step\", every = 1, factor = 0}",
                "schedule.factor",
                "in (0, 1], found 0.0",
            ),
            (
                "schedule = {kind = \"exponential\", decay = 1.5}",
                "schedule.decay",
                "in (0, 1], found 1.5",
            ),
            (
                "schedule = {kind = \"cosine\", final_fraction = -0.5}",
                "schedule.final_fraction",
                "in [0, 1], found -0.5",
            ),
            (
                "hooks = [{preset = \"light\", schedule = \"logarithmic\", ratio = 1}]",
                "hooks.0.ratio",
                "above 1, found 1.0",
            ),
        ];
        for (line, key, range) in cases {
            assert_eq!(
                message(&format!(
                    "{line}\noptimizer.learning_rate = 0.1\ntrain.epochs = 3"
                )),
                format!("x.toml: `{key}` (line 1) must be {range}")
            );
        }
    }

    #[test]
    fn the_learning_rate_is_above_0() {
        assert_eq!(
            message(&PLAIN.replace("0.1", "0")),
            "x.toml: `optimizer.learning_rate` (line 2) must be above 0, found 0.0"
        );
    }

    #[test]
    fn the_numbers_of_adam_keep_to_their_ranges() {
        let cases = [
            ("beta1 = 1", "beta1", "in [0, 1), found 1.0"),
            ("beta2 = -1", "beta2", "in [0, 1), found -1.0"),
            ("epsilon = 0", "epsilon", "above 0, found 0.0"),
        ];
        for (line, key, range) in cases {
            assert_eq!(
                message(&PLAIN.replace("0.1", &format!("0.1\nkind = \"adam\"\n{line}"))),
                format!("x.toml: `optimizer.{key}` (line 4) must be {range}")
            );
        }
    }

    /// The message about `key` with `value` in a run of this kind and precision, if there is one.
    fn held(precision: &str, kind: &str, key: &str, value: &str) -> Option<String> {
        let rate = match key {
            "optimizer.learning_rate" => "",
            _ => "optimizer.learning_rate = 0.1\n",
        };
        let text = format!(
            "{key} = {value}\nprecision = \"{precision}\"\noptimizer.kind = \"{kind}\"\n{rate}train.epochs = 3"
        );
        let read = crate::config::parse(&text, "x.toml", &[], "x", &[]);
        read.err().map(|error| error.to_string())
    }

    #[test]
    fn a_number_that_the_runs_precision_does_not_hold_is_refused() {
        for key in [
            "optimizer.learning_rate",
            "model.init_scale",
            "train.stop_at_train_loss",
        ] {
            for (value, kept) in [("1e-50", "0.0"), ("1e-40", "0.0"), ("1e39", "inf")] {
                let message = held("f32", "sgd", key, value);
                let value: f64 = value.parse().unwrap();
                assert_eq!(
                    message.as_deref(),
                    Some(format!("x.toml: `{key}` (line 1) = {value:?} cannot be held in f32, which makes {kept} of it: give one from 1.2e-38 to 3.4e38, or set precision = \"f64\"").as_str())
                );
            }
            for value in ["1e-50", "1e-40", "1e39"] {
                assert_eq!(held("f64", "sgd", key, value), None, "{key} = {value}");
            }
            for value in ["1.2e-38", "3.4e38", "0.99999999"] {
                assert_eq!(held("f32", "sgd", key, value), None, "{key} = {value}");
            }
        }
    }

    #[test]
    fn a_constant_of_an_update_rule_is_held_in_the_runs_precision() {
        let refused = [
            (
                "sgd",
                "weight_decay",
                "1e-50",
                "0.0",
                "from 1.2e-38 to 3.4e38",
            ),
            (
                "adamw",
                "weight_decay",
                "1e39",
                "inf",
                "from 1.2e-38 to 3.4e38",
            ),
            ("adam", "epsilon", "1e-46", "0.0", "from 1.2e-38 to 3.4e38"),
            ("adam", "beta1", "1e-46", "0.0", "from 1.2e-38 to 3.4e38"),
            (
                "adamw",
                "beta2",
                "0.999999999",
                "1.0",
                "of at most 0.9999997",
            ),
            (
                "gd",
                "momentum",
                "0.99999999",
                "1.0",
                "of at most 0.9999997",
            ),
            // Its distance from 1 changes by a fifth.
            (
                "sgd",
                "momentum",
                "0.9999999",
                "0.9999998807907104",
                "of at most 0.9999997",
            ),
        ];
        for (kind, key, value, kept, allowed) in refused {
            let key = format!("optimizer.{key}");
            assert_eq!(held("f64", kind, &key, value), None, "{key} = {value}");
            let message = held("f32", kind, &key, value);
            let value: f64 = value.parse().unwrap();
            let expected = format!(
                "x.toml: `{key}` (line 1) = {value:?} cannot be held in f32, which makes {kept} of it: give one {allowed}, or set precision = \"f64\""
            );
            assert_eq!(message, Some(expected));
        }
        let held_well = [
            ("sgd", "momentum", "0"),
            ("sgd", "momentum", "0.9999997"),
            ("adam", "beta2", "0.999999"),
            ("adam", "epsilon", "1e-37"),
            ("sgd", "weight_decay", "0"),
            ("sgd", "weight_decay", "1e-30"),
        ];
        for (kind, key, value) in held_well {
            let key = format!("optimizer.{key}");
            assert_eq!(held("f32", kind, &key, value), None, "{key}");
        }
    }

    #[test]
    fn a_schedule_does_not_end_the_learning_rate_by_rounding() {
        let cases = [
            ("kind = \"step\", every = 1, factor = 1e-45", "factor"),
            (
                "kind = \"cosine\", final_fraction = 1e-45",
                "final_fraction",
            ),
            ("kind = \"exponential\", decay = 1e-45", "decay"),
        ];
        for (schedule, key) in cases {
            let read = |precision: &str| {
                let text =
                    format!("schedule = {{{schedule}}}\nprecision = \"{precision}\"\n{PLAIN}");
                crate::config::parse(&text, "x.toml", &[], "x", &[])
            };
            assert_eq!(
                read("f32").unwrap_err().to_string(),
                format!(
                    "x.toml: `schedule.{key}` (line 1) = 1e-45 makes a learning rate of 1e-46, which f32 cannot hold: give a larger number, or set precision = \"f64\""
                )
            );
            assert!(read("f64").is_ok());
        }
        let zero = format!("schedule = {{kind = \"cosine\", final_fraction = 0}}\n{PLAIN}");
        assert!(crate::config::parse(&zero, "x.toml", &[], "x", &[]).is_ok());
    }
}
