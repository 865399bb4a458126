//! A table in text, of which a column or several are to be predicted.

use super::labels::{self, Found as FoundLabels};
use super::{Found, Named, check_alike, last};
use crate::config::{Csv, Data, Predicted};
use crate::data::DataError;
use crate::data::samples::{Answers, Inputs, Samples};
use crate::data::words::Task;
use lab_formats::csv::{CsvError, Table};

/// Reads the tables that `csv` names.
///
/// # Errors
/// A file cannot be read, a column is not there, or a field that should be a number is none.
pub(super) fn read(csv: &Csv, plan: &Data) -> Result<Found, DataError> {
    let predicted = plan.predicted.unwrap_or_default();
    let mut files = vec![Named::read("file", &csv.file)?];
    if let Some(path) = &csv.test_file {
        files.push(Named::read("test_file", path)?);
    }
    let mut parts = Vec::new();
    for file in &files {
        let part = Part::of(file, csv, predicted.task).map_err(|reason| file.unusable(reason))?;
        if let Some(first) = parts.first() {
            part.check_columns(first)
                .map_err(|reason| file.unusable(reason))?;
        }
        parts.push(part);
    }
    let answers = answers(&parts, predicted).map_err(|reason| files[0].unusable(reason))?;
    let samples = parts
        .into_iter()
        .zip(answers)
        .map(|(part, answers)| Samples {
            shape: [part.features, 1, 1],
            inputs: Inputs::Numbers(part.inputs),
            answers,
        });
    let mut samples = samples.collect::<Vec<_>>().into_iter();
    let train = samples.next().ok_or(DataError::NothingToTest)?;
    let test = samples.next();
    if let (Some(test), [first, second]) = (&test, &files[..]) {
        let names = [&first.path, &second.path].map(|path| last(path));
        check_alike([&train, test], [&names[0], &names[1]])
            .map_err(|reason| second.unusable(reason))?;
    }
    Ok(Found {
        train,
        test,
        sources: files.iter().map(Named::source).collect(),
    })
}

/// A table's columns, apart.
struct Part {
    names: Option<Vec<String>>,
    features: usize,
    inputs: Vec<f64>,
    targets: Targets,
}

enum Targets {
    Labels(FoundLabels),
    Numbers { values: Vec<f64>, outputs: usize },
}

impl Part {
    fn of(file: &Named, csv: &Csv, task: Task) -> Result<Self, String> {
        let told = |error: CsvError| format!("{error}.");
        let table = Table::open(&file.bytes, csv.header).map_err(told)?;
        let all = table.names().len();
        let targets = match &csv.target.0[..] {
            // The last one.
            [] => vec![all - 1],
            names => {
                let columns = names.iter().map(|name| table.column(name).map_err(told));
                columns.collect::<Result<Vec<_>, _>>()?
            }
        };
        if let (Task::Classification, true) = (task, targets.len() > 1) {
            return Err(format!(
                "data.target names {} columns, and a class is one; for numbers that are to be predicted set \
                 data.task = \"regression\" and train.loss = \"square\".",
                targets.len()
            ));
        }
        let inputs: Vec<usize> = (0..all)
            .filter(|column| !targets.contains(column))
            .collect();
        if inputs.is_empty() {
            return Err(format!(
                "it has {all} columns, and none is left besides what is to be predicted (data.target)."
            ));
        }
        let numbers = table.numbers(&inputs).map_err(|error| match error {
            CsvError::Number { .. } => {
                format!("{error}; every field but labels must be a finite number.")
            }
            error => told(error),
        })?;
        let targets = match (task, &targets[..]) {
            (Task::Regression, columns) => Targets::Numbers {
                values: table.numbers(columns).map_err(told)?,
                outputs: columns.len(),
            },
            (Task::Classification, columns) => Targets::Labels(match table.numbers(columns) {
                Ok(numbers) => FoundLabels::Numbers(numbers),
                Err(error @ CsvError::Number { .. }) => {
                    let texts = table.texts(targets[0]).map_err(told)?;
                    // What is missing is no class.
                    if texts.iter().any(String::is_empty) {
                        return Err(told(error));
                    }
                    FoundLabels::Texts(texts)
                }
                Err(error) => return Err(told(error)),
            }),
        };
        Ok(Self {
            names: table.has_header().then(|| table.names().to_vec()),
            features: inputs.len(),
            inputs: numbers,
            targets,
        })
    }

    /// Refuses a table whose columns are others, or in another order.
    fn check_columns(&self, first: &Self) -> Result<(), String> {
        let (Some(ours), Some(theirs)) = (&self.names, &first.names) else {
            return Ok(());
        };
        match (0..ours.len().max(theirs.len())).find(|&place| ours.get(place) != theirs.get(place))
        {
            None => Ok(()),
            Some(place) => Err(format!(
                "its column {} is {:?}, and that of data.file is {:?}: both must have the same columns in one order.",
                place + 1,
                ours.get(place).map_or("", String::as_str),
                theirs.get(place).map_or("", String::as_str),
            )),
        }
    }
}

fn answers(parts: &[Part], plan: Predicted) -> Result<Vec<Answers>, String> {
    let labels = parts.iter().filter_map(|part| match &part.targets {
        Targets::Labels(labels) => Some(labels.clone()),
        Targets::Numbers { .. } => None,
    });
    let labels: Vec<FoundLabels> = labels.collect();
    if !labels.is_empty() {
        return labels::classes(&labels, plan);
    }
    let numbers = parts.iter().filter_map(|part| match &part.targets {
        Targets::Numbers { values, outputs } => Some(Answers::Numbers {
            values: values.clone(),
            outputs: *outputs,
        }),
        Targets::Labels(_) => None,
    });
    Ok(numbers.collect())
}
