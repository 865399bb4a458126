//! Tables and event files of rows, and the published schema of a row.

use super::*;
use crate::config;
use crate::linear::Precision;
use crate::measure::{Bound, Circumstances, Failure, Measurement, Weights, names};
use crate::model::{DropoutMode, NormMode};
use field::Kind;
use serde_json::Value;

/// Rows that have every field among them.
fn rows() -> Vec<Row> {
    let row = |step: u64, measurement: Measurement| Row {
        run: "a".to_owned(),
        seed: Some(3),
        step: Some(step),
        epoch: Some(0.5 * step as f64),
        since: (step == 4).then_some(2),
        measurement,
        dtype: Precision::F32,
        wall_time: (step > 0).then_some(1e9 + step as f64),
        version: (step > 0).then(|| "0.1.0".to_owned()),
    };
    let circumstances = Circumstances {
        norm_mode: Some(NormMode::Batch),
        dropout: Some(DropoutMode::Fixed),
        weights: Some(Weights::Average),
        subset: Some(9),
        block: Some("layers.1".to_owned()),
        max_matvecs: Some(7),
        max_seconds: Some(0.5),
        algorithm: Some(crate::measure::Algorithm::WarmDavidson),
        chains: "draws=30".parse().ok(),
        is_unrecorded: false,
    };
    let eigenvalue = Measurement::new("hessian.lambda_2", -0.5).over(9);
    let eigenvalue = Measurement {
        circumstances,
        rounding: Some(1e-6),
        note: Some("a, \"note\"".to_owned()),
        ..eigenvalue
            .with_residual(1e-3, true, 5)
            .relative_to(9.0)
            .bounding(Bound::Lower)
    };
    vec![
        row(
            0,
            Measurement::new("loss.train", 2.0)
                .over(4)
                .with_stderr(0.25),
        ),
        row(
            2,
            Measurement::new("loss.train", 1.0)
                .over(4)
                .with_stderr(f64::NAN),
        ),
        row(2, eigenvalue),
        row(
            2,
            Measurement::new("hessian.lambda_max", 3.0)
                .with_residual(1e-4, true, 5)
                .relative_to(9.0),
        ),
        row(
            2,
            Measurement::failed("margin.mean", Failure::not_defined("there is none")),
        ),
        row(4, Measurement::exact("event.interpolation", 1.0)),
    ]
}

fn run(place: &str, keys: &str) -> ExportedRun {
    let text = format!("optimizer.learning_rate = 0.1\ntrain.epochs = 1\n{keys}");
    let config = config::parse(&text, "x.toml", &[], "x", &names()).unwrap();
    let mut record = RunRecord::begin(&config, &[], "here");
    record.started = "2026-01-01T00:00:00Z".to_owned();
    record.ended = Some("2026-01-01T00:00:40Z".to_owned());
    ExportedRun {
        place: place.to_owned(),
        config,
        record,
        rows: rows(),
    }
}

fn schema() -> Value {
    serde_json::from_str(include_str!("../../docs/metrics.schema.json")).unwrap()
}

/// The types a field may have by the schema, and its words.
fn allowed(property: &Value) -> (Vec<&str>, Vec<&Value>) {
    let words = property["enum"].as_array().into_iter().flatten().collect();
    let types = match &property["type"] {
        Value::String(word) => vec![word.as_str()],
        Value::Array(words) => words.iter().filter_map(Value::as_str).collect(),
        _ => vec!["string", "null"],
    };
    (types, words)
}

#[test]
fn the_schema_has_the_fields_of_a_row_and_their_types() {
    let schema = schema();
    let properties = schema["properties"].as_object().unwrap();
    let columns: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
    let mut published: Vec<&str> = properties.keys().map(String::as_str).collect();
    let mut known = columns.clone();
    published.sort_unstable();
    known.sort_unstable();
    assert_eq!(published, known);
    for (name, kind) in FIELDS {
        let (types, _) = allowed(&properties[*name]);
        let expected = match kind {
            Kind::Text => "string",
            Kind::Number => "number",
            Kind::Count => "integer",
            Kind::Truth => "boolean",
        };
        assert_eq!(types[0], expected, "{name}");
        assert!(properties[*name]["description"].is_string(), "{name}");
    }
}

#[test]
fn rows_are_as_the_schema_says() {
    let schema = schema();
    let (properties, mut seen) = (schema["properties"].as_object().unwrap(), Vec::new());
    for row in rows() {
        let row = serde_json::to_value(&row).unwrap();
        let row = row.as_object().unwrap();
        for name in schema["required"].as_array().unwrap() {
            assert!(row.contains_key(name.as_str().unwrap()), "{name}");
        }
        for (name, value) in row {
            let property = properties
                .get(name)
                .unwrap_or_else(|| panic!("{name} is not published"));
            let (types, words) = allowed(property);
            let found = match value {
                Value::Null => "null",
                Value::Bool(_) => "boolean",
                Value::String(_) => "string",
                Value::Number(number) if number.is_f64() => "number",
                _ => "integer",
            };
            let is_allowed =
                types.contains(&found) || (found == "integer" && types.contains(&"number"));
            assert!(
                is_allowed && (words.is_empty() || words.contains(&value)),
                "{name}: {value}"
            );
            if !value.is_null() {
                seen.push(name.clone());
            }
        }
    }
    // A test of rows that leave a field out would not see it misnamed.
    let unseen: Vec<&String> = properties
        .keys()
        .filter(|name| !seen.contains(name))
        .collect();
    assert!(unseen.is_empty(), "{unseen:?}");
}

#[test]
fn a_table_has_the_run_the_row_and_the_config() {
    let runs = [
        run("runs/a", "model.hidden = [3, 4]"),
        run(
            "runs/b",
            "train.batch_size = 7\nmodel.kind = \"resnet\"\nmodel.width = 2\nmodel.blocks = [1]",
        ),
    ];
    let table = table(&runs);
    assert_eq!(table.rows(), 12);
    let names = table.names();
    assert_eq!(names[..4], ["run_directory", "status", "run", "seed"]);
    for key in [
        "config.train.batch_size",
        "config.model.hidden",
        "config.model.width",
        "config.optimizer.learning_rate",
    ] {
        assert!(names.contains(&key), "{key}: {names:?}");
    }
    let text = table.csv();
    let mut reader = text.lines();
    let header: Vec<&str> = reader.next().unwrap().split(',').collect();
    let place = |name: &str| header.iter().position(|other| *other == name).unwrap();
    let first: Vec<&str> = reader.next().unwrap().split(',').collect();
    assert_eq!(first[place("run_directory")], "runs/a");
    assert_eq!(
        (first[place("value")], first[place("stderr")]),
        ("2.0", "0.25")
    );
    let last: Vec<&str> = text.lines().last().unwrap().split(',').collect();
    assert_eq!(
        (last[0], last[place("name")], last[place("since")]),
        ("runs/b", "event.interpolation", "2")
    );
    assert!(text.contains("\"a, \"\"note\"\"\""));
    // A list is text, and quoted where it has commas; a run without the key has nothing there.
    assert!(text.contains("\"[3, 4]\""), "{text}");
    assert_eq!(
        last[last.len() - (header.len() - place("config.train.batch_size"))],
        "7"
    );
}

#[test]
fn an_event_file_has_each_tag_once_a_step() {
    let mut twice = run("runs/a", "");
    twice.rows.extend(rows());
    // The last of several rows of one tag and step counts; these are equal.
    assert_eq!(event_file(&twice), event_file(&run("runs/a", "")));
    let mut other = run("runs/a", "");
    other.rows[0].measurement.value = Some(3.0);
    assert_ne!(event_file(&other), event_file(&run("runs/a", "")));
}
