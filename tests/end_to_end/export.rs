//! `lab export`: what other programs read of it. Tests that need Python with a package, or R, say that they are skipped where
//! there is none; `LAB_PYTHON` names a Python to take.

use crate::lab::{CONFIG, Finished, Lab};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

/// A Python that has some packages, if there is one.
fn python(test: &str, packages: &[&str]) -> Option<String> {
    let python = std::env::var("LAB_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let imports = format!("import {}", packages.join(", "));
    let tried = Command::new(&python).args(["-c", &imports]).output();
    if tried.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    eprintln!(
        "{test}: skipped: {python} has not all of {}; LAB_PYTHON may name one that has",
        packages.join(", ")
    );
    None
}

fn execute(lab: &Lab, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .current_dir(lab.path(""))
        .args(arguments)
        .output()
        .unwrap();
    Finished::of(output).success()
}

/// Small and large batches, some seeds of each.
fn trained(seeds: &str) -> Lab {
    let lab = Lab::new();
    let classes: Vec<String> = (0..10)
        .map(|class| format!("\"margin.class.{class}\""))
        .collect();
    let classes = classes.join(", ");
    lab.write(
        "small.toml",
        &format!("{CONFIG}\n[[hooks]]\nmeasures = [{classes}]\nevery = 2\n"),
    );
    for (name, batch) in [("sgd_b32", "32"), ("sgd_b512", "150")] {
        let name = format!("name={name}");
        let batch = format!("train.batch_size={batch}");
        let train = [
            "train",
            "--config",
            "small.toml",
            "--seeds",
            seeds,
            "--set",
            &name,
            "--set",
            &batch,
            "--set",
            "train.epochs=2",
        ];
        lab.run(&train).success();
    }
    lab
}

/// Scalars and histograms as TensorBoard's own package reads them, the hyperparameters and how the run ended.
const READ_EVENTS: &str = r#"
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata, plugin_data_pb2
events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "histograms": 0, "tensors": 0})
events.Reload()
tags = events.Tags()
scalars = {tag: [[e.step, e.wall_time, e.value] for e in events.Scalars(tag)] for tag in tags["scalars"]}
histograms = {}
for tag in tags["histograms"]:
    histograms[tag] = [[e.step, e.histogram_value.num, e.histogram_value.min, e.histogram_value.max,
                        sum(e.histogram_value.bucket)] for e in events.Histograms(tag)]
contents = events.SummaryMetadata
def session(tag):
    return plugin_data_pb2.HParamsPluginData.FromString(contents(tag).plugin_data.content)
start = session(metadata.SESSION_START_INFO_TAG).session_start_info
end = session(metadata.SESSION_END_INFO_TAG).session_end_info
def value(v):
    return getattr(v, v.WhichOneof("kind"))
hparams = {key: value(v) for key, v in start.hparams.items()}
print(json.dumps({"scalars": scalars, "histograms": histograms, "hparams": hparams, "status": end.status,
                  "group": start.group_name}))
"#;

/// Takes a run back to an earlier checkpoint than its last rows, and lets it go on from there.
fn go_on_from_an_earlier_checkpoint(lab: &Lab, run: &str) {
    std::fs::remove_file(lab.path(&format!("{run}/summary.json"))).unwrap();
    let mut checkpoints: Vec<_> = std::fs::read_dir(lab.path(&format!("{run}/checkpoints")))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    checkpoints.sort();
    assert!(checkpoints.len() > 1);
    std::fs::remove_file(checkpoints.last().unwrap()).unwrap();
    lab.run(&["train", "--resume", run]).success();
}

/// Values and errors of a run's rows by tag and step.
fn expected_scalars(lab: &Lab, run: &str) -> BTreeMap<(String, u64), f64> {
    let mut expected: BTreeMap<(String, u64), f64> = BTreeMap::new();
    let lines = lab.read(&format!("{run}/metrics.jsonl"));
    let rows: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for row in &rows {
        let (Some(value), Some(step)) = (row["value"].as_f64(), row["step"].as_u64()) else {
            continue;
        };
        let tag = row["name"].as_str().unwrap().replacen('.', "/", 1);
        if let Some(error) = row["stderr"].as_f64() {
            expected.insert((format!("{tag}.error"), step), error);
        }
        expected.insert((tag, step), value);
    }
    expected
}

/// Steps ascend, times are times, and values are those of the rows; how many were found there.
fn check_scalars(
    scalars: &serde_json::Map<String, Value>,
    expected: &BTreeMap<(String, u64), f64>,
) -> usize {
    let started = 1.7e9;
    let mut found = 0;
    for (tag, points) in scalars {
        let points = points.as_array().unwrap();
        let steps: Vec<u64> = points
            .iter()
            .map(|point| point[0].as_u64().unwrap())
            .collect();
        assert!(
            steps.windows(2).all(|pair| pair[0] < pair[1]),
            "{tag}: {steps:?}"
        );
        for point in points {
            assert!(point[1].as_f64().unwrap() > started, "{tag}: {point}");
            // Names with what they were taken under are not made again here.
            let key = (tag.clone(), point[0].as_u64().unwrap());
            let Some(value) = expected.get(&key) else {
                continue;
            };
            found += 1;
            let value = f64::from(*value as f32);
            assert_eq!(point[2].as_f64().unwrap(), value, "{tag}");
        }
    }
    found
}

#[test]
fn tensorboard_reads_what_is_exported_each_step_once_also_of_resumed_runs() {
    let Some(python) = python("tensorboard", &["tensorboard"]) else {
        return;
    };
    let lab = trained("0..1");
    let run = "runs/sgd_b32/seed-0";
    go_on_from_an_earlier_checkpoint(&lab, run);
    // Twice: what is exported again takes the place of what was there.
    for _ in 0..2 {
        lab.run(&["export", "tensorboard", "runs"]).success();
    }
    let read = execute(
        &lab,
        &python,
        &["-c", READ_EVENTS, "tensorboard/sgd_b32/seed-0"],
    );
    let read: Value = serde_json::from_str(read.lines().last().unwrap()).unwrap();
    let scalars = read["scalars"].as_object().unwrap();
    let found = check_scalars(scalars, &expected_scalars(&lab, run));
    assert!(
        found > 100
            && scalars.contains_key("loss/train")
            && scalars.contains_key("loss/train.error"),
        "{found}"
    );
    let margins = &read["histograms"]["margin/classes"][0];
    assert_eq!(
        (margins[1].as_f64(), margins[4].as_f64()),
        (Some(10.0), Some(10.0)),
        "{margins}"
    );
    assert!(
        read["histograms"]["hessian/eigenvalues"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    );
    assert_eq!(
        (
            read["hparams"]["train.batch_size"].as_f64(),
            read["hparams"]["model.kind"].as_str()
        ),
        (Some(32.0), Some("mlp"))
    );
    assert_eq!(
        (read["status"].as_u64(), read["group"].as_str()),
        (Some(1), Some("sgd_b32"))
    );
}

/// Counts and a sum of each column, by three readers of Parquet, and the same of the CSV.
const READ_PARQUET: &str = r#"
import pandas as pd, polars as pl, pyarrow.parquet as pq, duckdb
table = pq.read_table("rows.parquet")
csv = pd.read_csv("rows.csv", low_memory=False, keep_default_na=False, na_values={c: [""] for c in table.column_names})
polars = pl.read_parquet("rows.parquet")
duck = duckdb.sql("select * from 'rows.parquet'").df()
assert table.num_rows == len(csv) == len(polars) == len(duck) > 100, (table.num_rows, len(csv))
assert table.column_names == list(csv.columns) == polars.columns == list(duck.columns)
for name in table.column_names:
    there = table[name].to_pylist()
    assert there == polars[name].to_list(), name
    known = [x for x in there if x is not None]
    assert len(known) == int(duck[name].notna().sum()), name
    of_csv = [x for x in csv[name] if not pd.isna(x)]
    assert len(known) == len(of_csv), (name, len(known), len(of_csv))
    for a, b in zip(known, of_csv):
        assert a == b or str(a) == str(b) or str(a).lower() == str(b).lower(), (name, a, b)
print(table.schema.field("value").type, table.schema.field("step").type, table.schema.field("converged").type, table.schema.field("name").type)
"#;

#[test]
fn parquet_is_read_by_pyarrow_polars_and_duckdb_as_the_csv_is() {
    let Some(python) = python("parquet", &["pandas", "polars", "pyarrow", "duckdb"]) else {
        return;
    };
    let lab = trained("0..1");
    for format in ["csv", "parquet"] {
        let out = format!("rows.{format}");
        lab.run(&["export", format, "runs", "--out", &out])
            .success();
    }
    assert_eq!(
        execute(&lab, &python, &["-c", READ_PARQUET]).trim(),
        "double int64 bool string"
    );
}

/// Without the rows that make histograms of margins, the command says how they are had, and that command adds them.
#[test]
fn what_makes_histograms_of_margins_is_said() {
    let lab = Lab::new();
    let train = ["train", "--config", "small.toml", "--set", "train.epochs=1"];
    lab.run(&train).success();
    let export = ["export", "tensorboard", "runs/small"];
    let said = lab.run(&export);
    let note = "note: no histograms of margins: no run has rows margin.class.*. `lab measure runs/small --measures \
                margin.class.0,";
    assert!(said.stderr.contains(note), "{said:?}");
    let command = said.stderr.split('`').nth(1).unwrap().to_owned();
    let words: Vec<&str> = command.split_whitespace().skip(1).collect();
    lab.run(&words).success();
    let said = lab.run(&export);
    assert!(!said.stderr.contains("note: "), "{said:?}");
    let help = lab.run(&["export", "tensorboard", "--help"]).success();
    assert!(help.contains("margin.class.*"), "{help}");
}

#[test]
fn unfinished_runs_are_exported_and_damaged_ones_left_out() {
    let lab = trained("0..2");
    let printed = lab.run(&["export", "csv", "runs/sgd_b32"]).success();
    lab.run(&["export", "csv", "runs/sgd_b32", "--out", "rows.csv"])
        .success();
    assert_eq!(printed.trim_end(), lab.read("rows.csv").trim_end());
    std::fs::remove_file(lab.path("runs/sgd_b32/seed-0/summary.json")).unwrap();
    let again = lab.run(&["export", "csv", "runs/sgd_b32"]).success();
    assert_eq!(again, printed);
    lab.write("runs/sgd_b32/seed-1/metrics.jsonl", "[1]\n");
    let message = lab.run(&["export", "csv", "runs/sgd_b32"]).failure(2);
    assert!(
        message.contains("metrics.jsonl, line 1, is no row"),
        "{message}"
    );
    let left = lab.run(&["export", "csv", "runs/sgd_b32", "--allow", "damaged"]);
    assert!(
        left.stderr.contains("seed-1 is left out: "),
        "{}",
        left.stderr
    );
    assert!(left.success().lines().count() < printed.lines().count());
    let message = lab
        .run(&["export", "parquet", "runs/none", "--out", "a.parquet"])
        .failure(2);
    assert!(message.contains("no runs found in runs/none"), "{message}");
    let message = lab
        .run(&[
            "export",
            "parquet",
            "runs/sgd_b512",
            "--out",
            "none/a.parquet",
        ])
        .failure(2);
    assert!(message.contains("none/a.parquet: "), "{message}");
    assert!(!lab.exists("a.parquet"));
}

/// The programs of a language on the page.
fn programs(language: &str) -> Vec<String> {
    let page = include_str!("../../docs/analysis.md");
    let begin = format!("```{language}\n");
    let parts = page.split(&begin).skip(1);
    parts
        .map(|part| part.split("```").next().unwrap().to_owned())
        .collect()
}

/// The means of the exported table must be those of `lab compare`.
fn assert_compared(lab: &Lab, table: &str, columns: [&str; 3]) {
    let compared = lab
        .run(&["compare", "runs", "--all", "--format", "json"])
        .success();
    let compared: Value = serde_json::from_str(&compared).unwrap();
    let text = lab.read(table);
    let mut lines = text.lines();
    let unquoted = |line: &str| -> Vec<String> {
        line.split(',')
            .map(|field| field.trim_matches('"').to_owned())
            .collect()
    };
    let header = unquoted(lines.next().unwrap());
    let place = |name: &str| {
        header
            .iter()
            .position(|other| other == name)
            .unwrap_or_else(|| panic!("{name}: {header:?}"))
    };
    let places = columns.map(place);
    let mut rows: BTreeMap<String, Vec<[f64; 3]>> = BTreeMap::new();
    for line in lines {
        let fields = unquoted(line);
        let numbers = places.map(|place| fields[place].parse().unwrap_or(f64::NAN));
        rows.entry(fields[place("name")].clone())
            .or_default()
            .push(numbers);
    }
    let mut same = 0;
    for line in compared["lines"].as_array().unwrap() {
        let name = line["name"].as_str().unwrap();
        let Some([numbers]) = rows.get(name).map(Vec::as_slice) else {
            continue;
        };
        let cell = |index: usize, key: &str| line["cells"][index][key].as_f64();
        let expected = [cell(0, "mean"), cell(0, "error"), cell(1, "mean")];
        for (found, expected) in numbers.iter().zip(expected) {
            let Some(expected) = expected else { continue };
            assert!(
                (found - expected).abs() <= 1e-9 * expected.abs(),
                "{table}: {name}: {found} {expected}"
            );
            same += 1;
        }
    }
    assert!(same > 60, "{table}: {same} numbers compared");
}

#[test]
fn the_page_of_python_makes_the_table_of_small_against_large_batches() {
    let Some(python) = python("page of Python", &["pandas", "polars", "duckdb"]) else {
        return;
    };
    let lab = trained("0..3");
    for format in ["csv", "parquet"] {
        lab.run(&["export", format, "runs", "--out", &format!("rows.{format}")])
            .success();
    }
    for program in programs("python") {
        execute(&lab, &python, &["-c", &program]);
    }
    let columns = ["mean at 32", "sem at 32", "mean at 150"];
    assert_compared(&lab, "table.pandas.csv", columns);
    assert_compared(&lab, "table.polars.csv", columns);
}

#[test]
fn the_page_of_r_makes_the_same_table() {
    if !Command::new("Rscript")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
    {
        eprintln!("page of R: skipped: there is no Rscript");
        return;
    }
    let lab = trained("0..3");
    lab.run(&["export", "csv", "runs", "--out", "rows.csv"])
        .success();
    for program in programs("r") {
        execute(&lab, "Rscript", &["-e", &program]);
    }
    assert_compared(
        &lab,
        "table.r.csv",
        ["mean_small", "sem_small", "mean_large"],
    );
}

#[test]
fn rows_are_as_the_published_schema_says() {
    let Some(python) = python("schema", &["jsonschema"]) else {
        return;
    };
    let lab = trained("0..1");
    lab.write(
        "schema.json",
        include_str!("../../docs/metrics.schema.json"),
    );
    let check = "import json, jsonschema\n\
        schema = json.load(open('schema.json'))\n\
        jsonschema.Draft202012Validator.check_schema(schema)\n\
        rows = [json.loads(line) for line in open('runs/sgd_b32/seed-0/metrics.jsonl')]\n\
        [jsonschema.Draft202012Validator(schema).validate(row) for row in rows]\n\
        print(len(rows))";
    let rows: usize = execute(&lab, &python, &["-c", check])
        .trim()
        .parse()
        .unwrap();
    assert!(rows > 100, "{rows}");
}
