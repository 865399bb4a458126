//! What a lesson has shown, in a sentence, from the files that its commands left.

use super::Shown;
use crate::measure::invariance::Verdict;
use crate::report::significant;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a lesson has no sentence.
#[derive(Debug, Error)]
pub enum SentenceError {
    /// A file is not there.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file holds something else.
    #[error("{}: {source}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A file does not hold the measure that the sentence is about.
    #[error("{}: has no value of {measure}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The measure.
        measure: &'static str,
    },
}

/// The sentence of a lesson whose commands have run in this folder.
///
/// # Errors
///
/// [`SentenceError`] where a file is missing or does not hold what it should.
pub fn sentence(shown: Shown, folder: &Path) -> Result<String, SentenceError> {
    match shown {
        Shown::Experiment { result } => experiment(&folder.join(result)),
        Shown::Comparison { file, measures } => comparison(&folder.join(file), measures),
        Shown::Invariance { file, measures } => invariance(&folder.join(file), measures),
        Shown::LastThird {
            rows,
            measure,
            name,
            meaning,
        } => last_third(&folder.join(rows), measure, [name, meaning]),
    }
}

fn read(path: &Path) -> Result<String, SentenceError> {
    fs::read_to_string(path).map_err(|source| SentenceError::Read {
        path: path.to_owned(),
        source,
    })
}

fn parse<'t, T: Deserialize<'t>>(text: &'t str, path: &Path) -> Result<T, SentenceError> {
    serde_json::from_str(text).map_err(|source| SentenceError::Parse {
        path: path.to_owned(),
        source,
    })
}

fn missing(path: &Path, measure: &'static str) -> SentenceError {
    SentenceError::Missing {
        path: path.to_owned(),
        measure,
    }
}

#[derive(Deserialize)]
struct Experiment {
    claim: String,
    finding: String,
}

/// The claim, and how many of its parts hold.
fn experiment(path: &Path) -> Result<String, SentenceError> {
    let text = read(path)?;
    let Experiment { claim, finding } = parse(&text, path)?;
    Ok(format!("{} Of this, {finding}", claim.trim()))
}

#[derive(Deserialize)]
struct Comparison {
    groups: Vec<Group>,
    lines: Vec<Line>,
}

#[derive(Deserialize)]
struct Group {
    label: String,
    runs: usize,
}

#[derive(Deserialize)]
struct Line {
    name: String,
    cells: Vec<Option<Cell>>,
    verdict: String,
}

#[derive(Deserialize)]
struct Cell {
    mean: f64,
    deviation: Option<f64>,
}

/// The measures of the groups, with the verdict on each.
fn comparison(path: &Path, measures: &[&'static str]) -> Result<String, SentenceError> {
    let text = read(path)?;
    let Comparison { groups, lines } = parse(&text, path)?;
    let mut parts = Vec::new();
    for &measure in measures {
        let line = lines.iter().find(|line| line.name == measure);
        let line = line.ok_or_else(|| missing(path, measure))?;
        let cells = line.cells.iter().zip(&groups);
        let cells: Vec<String> = cells
            .map(|(cell, group)| match cell {
                Some(cell) => format!("{} for {}", cell.text(), group.label),
                None => format!("unknown for {}", group.label),
            })
            .collect();
        let verdict = match (line.verdict.as_str(), groups.as_slice()) {
            ("first_larger", [first, ..]) => format!(": {} is larger", first.label),
            ("second_larger", [_, second, ..]) => format!(": {} is larger", second.label),
            ("given" | "none", _) => String::new(),
            (verdict, _) => format!(": {}", verdict.replace('_', " ")),
        };
        parts.push(format!("{measure} is {}{verdict}", cells.join(" and ")));
    }
    let runs: Vec<String> = groups.iter().map(|group| group.runs.to_string()).collect();
    Ok(format!(
        "{} (means ± a standard deviation over {} runs).",
        parts.join("; "),
        runs.join(" and ")
    ))
}

impl Cell {
    fn text(&self) -> String {
        let mean = significant(self.mean);
        match self.deviation {
            Some(deviation) => format!("{mean} ± {}", crate::report::two_digits(deviation)),
            None => mean,
        }
    }
}

#[derive(Deserialize)]
struct Map {
    map: String,
    lines: Vec<MapLine>,
}

#[derive(Deserialize)]
struct MapLine {
    measure: String,
    ratio: Option<f64>,
    claimed: bool,
    verdict: String,
}

/// What each map makes of the measures, and how many claims to survive were kept.
fn invariance(path: &Path, measures: &[&'static str]) -> Result<String, SentenceError> {
    let text = read(path)?;
    let maps: Vec<Map> = parse(&text, path)?;
    let mut parts = Vec::new();
    for map in &maps {
        let mut factors = Vec::new();
        for &measure in measures {
            let line = map.lines.iter().find(|line| line.measure == measure);
            let ratio = line.and_then(|line| line.ratio);
            let ratio = ratio.ok_or_else(|| missing(path, measure))?;
            factors.push(format!("{measure} by {}", significant(ratio)));
        }
        parts.push(format!("{} multiplies {}", map.map, factors.join(", ")));
    }
    let claims = maps.iter().flat_map(|map| &map.lines);
    let claims: Vec<&MapLine> = claims.filter(|line| line.claimed).collect();
    let kept = Verdict::Kept.to_string();
    let kept = claims.iter().filter(|line| line.verdict == kept).count();
    Ok(format!(
        "The function stays the same, while {}; {kept} of {} claims to survive a map were kept.",
        parts.join("; "),
        claims.len()
    ))
}

#[derive(Deserialize)]
struct Row {
    name: String,
    step: Option<u64>,
    value: Option<f64>,
}

/// The median and the range of a measure over the last third of a run.
fn last_third(
    path: &Path,
    measure: &'static str,
    [name, meaning]: [&str; 2],
) -> Result<String, SentenceError> {
    let text = read(path)?;
    let mut course = Vec::new();
    for line in text.lines() {
        let row: Row = parse(line, path)?;
        if row.name == measure
            && let (Some(step), Some(value)) = (row.step, row.value)
        {
            course.push((step, value));
        }
    }
    let last = course.iter().map(|(step, _)| *step).max();
    let last = last.ok_or_else(|| missing(path, measure))?;
    let begin = last - last / 3;
    let mut values: Vec<f64> = course
        .iter()
        .filter(|(step, _)| *step >= begin)
        .map(|(_, value)| *value)
        .collect();
    values.sort_by(f64::total_cmp);
    let (first, count) = (course[0].1, values.len());
    Ok(format!(
        "{name} goes from {} at the start to {}, the median over the last third of {last} steps, where it is from {} to {}. \
         {meaning}.",
        significant(first),
        significant(values[count / 2]),
        significant(values[0]),
        significant(values[count - 1]),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn a_comparison_is_told_with_its_verdicts() {
        let text = r#"{"groups": [{"label": "labels", "runs": 3}, {"label": "random", "runs": 3}], "lines": [
            {"name": "accuracy.test", "cells": [{"mean": 0.9667, "deviation": 0.0042}, {"mean": 0.1067, "deviation": 0.016}],
             "verdict": "first_larger"},
            {"name": "steps", "cells": [{"mean": 217.0, "deviation": null}, null], "verdict": "given"}]}"#;
        let (_folder, path) = written(text);
        let told = comparison(&path, &["accuracy.test", "steps"]).unwrap();
        insta::assert_snapshot!(told, @"accuracy.test is 0.9667 ± 0.0042 for labels and 0.1067 ± 0.016 for random: labels is larger; steps is 217.0 for labels and unknown for random (means ± a standard deviation over 3 and 3 runs).");
        let error = comparison(&path, &["loss.test"]).unwrap_err().to_string();
        assert!(error.ends_with("has no value of loss.test"), "{error}");
    }

    #[test]
    fn the_last_third_is_counted_in_steps() {
        let row = |step: u64, value: f64| {
            format!("{{\"name\": \"stability.gd\", \"step\": {step}, \"value\": {value}}}\n")
        };
        let text: String = (0..10).map(|i| row(10 * i, f64::from(i as u32))).collect();
        let (_folder, path) = written(&text);
        let told = last_third(&path, "stability.gd", ["The curvature", "The edge is 1"]).unwrap();
        insta::assert_snapshot!(told, @"The curvature goes from 0 at the start to 8.000, the median over the last third of 90 steps, where it is from 6.000 to 9.000. The edge is 1.");
    }

    #[test]
    fn what_maps_make_of_measures_is_told_for_each() {
        let text = r#"[{"map": "layer-rescaling", "lines": [
            {"measure": "hessian.lambda_max", "ratio": 32.6, "claimed": false, "verdict": "moved"},
            {"measure": "sharpness.asam", "ratio": 1.0, "claimed": true, "verdict": "kept"}]}]"#;
        let (_folder, path) = written(text);
        let told = invariance(&path, &["hessian.lambda_max", "sharpness.asam"]).unwrap();
        insta::assert_snapshot!(told, @"The function stays the same, while layer-rescaling multiplies hessian.lambda_max by 32.60, sharpness.asam by 1.000; 1 of 1 claims to survive a map were kept.");
    }

    #[test]
    fn a_file_that_is_missing_or_damaged_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let shown = Shown::Experiment { result: "r.json" };
        let error = sentence(shown, folder.path()).unwrap_err().to_string();
        assert!(error.contains("r.json: cannot be read"), "{error}");
        fs::write(folder.path().join("r.json"), "{").unwrap();
        let error = sentence(shown, folder.path()).unwrap_err().to_string();
        assert!(error.contains("r.json: EOF"), "{error}");
    }
}
