//! The fields of a row of `metrics.jsonl` as typed columns.

use lab_common::columns::Values;
use serde_json::Value;

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Count,
    Truth,
}

/// The fields of a row, in the order of the table; what they mean stands in `docs/metrics.schema.json`.
pub(super) const FIELDS: &[(&str, Kind)] = &[
    ("run", Kind::Text),
    ("seed", Kind::Count),
    ("step", Kind::Count),
    ("epoch", Kind::Number),
    ("since", Kind::Count),
    ("name", Kind::Text),
    ("value", Kind::Number),
    ("error", Kind::Text),
    ("stderr", Kind::Number),
    ("residual", Kind::Number),
    ("scale", Kind::Number),
    ("converged", Kind::Truth),
    ("rounding", Kind::Number),
    ("bound", Kind::Text),
    ("matvecs", Kind::Count),
    ("samples", Kind::Count),
    ("norm_mode", Kind::Text),
    ("dropout", Kind::Text),
    ("weights", Kind::Text),
    ("subset", Kind::Count),
    ("block", Kind::Text),
    ("max_matvecs", Kind::Count),
    ("max_seconds", Kind::Number),
    ("algorithm", Kind::Text),
    ("chains", Kind::Text),
    ("seconds", Kind::Number),
    ("error_unknown_because", Kind::Text),
    ("failure", Kind::Text),
    ("reason", Kind::Text),
    ("note", Kind::Text),
    ("dtype", Kind::Text),
    ("wall_time", Kind::Number),
    ("version", Kind::Text),
];

/// A column of a field.
pub(super) fn column<'a>(kind: Kind, values: impl Iterator<Item = Option<&'a Value>>) -> Values {
    let known = values.map(|value| value.filter(|value| !value.is_null()));
    match kind {
        Kind::Text => Values::Text(
            known
                .map(|value| Some(value?.as_str()?.to_owned()))
                .collect(),
        ),
        Kind::Number => Values::Number(known.map(|value| value?.as_f64()).collect()),
        Kind::Count => Values::Count(known.map(|value| value?.as_i64()).collect()),
        Kind::Truth => Values::Truth(known.map(|value| value?.as_bool()).collect()),
    }
}

/// A column of a key of configs: the value of each run, as often as the run has rows. Where runs have values of several types,
/// and for lists, it is text.
pub(super) fn settings(
    values: &[Option<toml::Value>],
    lengths: impl Iterator<Item = usize>,
) -> Values {
    let all = |is: fn(&toml::Value) -> bool| values.iter().flatten().all(is);
    let is_number = |value: &toml::Value| value.is_integer() || value.is_float();
    let lengths: Vec<usize> = lengths.collect();
    if all(toml::Value::is_integer) {
        return Values::Count(repeated(values, &lengths, toml::Value::as_integer));
    }
    if all(is_number) {
        let number = |value: &toml::Value| {
            let whole = value.as_integer().map(|whole| whole as f64);
            value.as_float().or(whole)
        };
        return Values::Number(repeated(values, &lengths, number));
    }
    if all(toml::Value::is_bool) {
        return Values::Truth(repeated(values, &lengths, toml::Value::as_bool));
    }
    let text = |value: &toml::Value| {
        Some(match value {
            toml::Value::String(text) => text.clone(),
            value => value.to_string(),
        })
    };
    Values::Text(repeated(values, &lengths, text))
}

fn repeated<T: Clone>(
    values: &[Option<toml::Value>],
    lengths: &[usize],
    of: impl Fn(&toml::Value) -> Option<T>,
) -> Vec<Option<T>> {
    let pairs = values.iter().zip(lengths);
    let repeat = |(value, length): (&Option<toml::Value>, &usize)| {
        vec![value.as_ref().and_then(&of); *length]
    };
    pairs.flat_map(repeat).collect()
}
