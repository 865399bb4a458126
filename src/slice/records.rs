//! A slice as a table: a row for each place.

use super::{Slice, Value};
use crate::report::Report;
use crate::table::{Cell, Column, Page, Table};

impl Report for Slice {
    fn page(&self) -> Page {
        let columns = [
            Column::text("quantity"),
            Column::number("value"),
            Column::text("error"),
        ];
        let rows = self.told().into_iter().map(|(quantity, value, error)| {
            vec![quantity.into(), Cell::number(value), error.into()]
        });
        Page::from(Table::new(columns).with_rows(rows)).list(self.notes.iter().cloned())
    }

    fn records(&self) -> Table {
        let is_several = self.series.len() > 1;
        let mut columns = Vec::new();
        if is_several {
            columns.push(Column::text("series"));
        }
        columns.extend(
            ["a", "b"]
                .into_iter()
                .take(self.axes.len())
                .map(Column::number),
        );
        columns.extend([Column::estimate("loss"), Column::estimate("change")]);
        if self.has_accuracy() {
            columns.push(Column::estimate("accuracy"));
        }
        if self.quadratic.is_some() {
            columns.push(Column::estimate("quadratic"));
        }
        columns.push(Column::text("failure"));
        let rows = self.series.iter().flat_map(|series| {
            let label = is_several.then(|| Cell::from(series.label.as_str()));
            series.values.iter().map(move |value| {
                let mut row: Vec<Cell> = label.iter().cloned().collect();
                row.extend(self.cells(value));
                row
            })
        });
        Table::new(columns).with_rows(rows)
    }

    fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }
}

impl Slice {
    /// Whether classes are predicted, or nothing is known.
    fn has_accuracy(&self) -> bool {
        let mut values = self.series.iter().flat_map(|series| &series.values);
        let is_known = values.clone().any(|value| value.accuracy.is_some());
        is_known || values.all(|value| value.loss.is_none())
    }

    fn cells(&self, value: &Value) -> Vec<Cell> {
        let estimate = |number: Option<f64>, error| {
            number.map_or(Cell::Missing, |number| Cell::estimate(number, error))
        };
        let mut row: Vec<Cell> = value
            .coordinates
            .iter()
            .map(|place| Cell::number(*place))
            .collect();
        row.extend([
            estimate(value.loss, value.loss_error),
            estimate(value.change, value.change_error),
        ]);
        if self.has_accuracy() {
            row.push(estimate(value.accuracy, value.accuracy_error));
        }
        if let Some(quadratic) = &self.quadratic {
            let error = quadratic.error_at(&value.coordinates);
            let error = (error > 0.0).then_some(error);
            row.push(Cell::estimate(quadratic.at(&value.coordinates), error));
        }
        row.push(value.failure.as_deref().map_or(Cell::Empty, Cell::from));
        row
    }

    /// The numbers of a slice that are not of its grid: name, value, error in words.
    fn told(&self) -> Vec<(String, f64, String)> {
        let mut told = Vec::new();
        let error = |error: Option<f64>| {
            error.map_or_else(
                || "-".to_owned(),
                |error| format!("± {}", crate::table::two_digits(error)),
            )
        };
        for series in &self.series {
            let of = |what: &str| match series.label.as_str() {
                "" => what.to_owned(),
                label => format!("{what}, {label}"),
            };
            let known = series.values.iter().filter(|value| value.loss.is_some());
            let least = known.clone().min_by(|a, b| {
                a.loss
                    .unwrap_or(f64::INFINITY)
                    .total_cmp(&b.loss.unwrap_or(f64::INFINITY))
            });
            let most = known.max_by(|a, b| a.loss.unwrap_or(0.0).total_cmp(&b.loss.unwrap_or(0.0)));
            for (word, value) in [("smallest", least), ("largest", most)] {
                if let Some(value) = value {
                    let what = of(&format!("{word} loss, at {}", place(&value.coordinates)));
                    told.push((
                        what,
                        value.loss.unwrap_or(f64::NAN),
                        error(value.loss_error),
                    ));
                }
            }
            if let Some(barrier) = series.barrier {
                let what = of(&format!(
                    "barrier, at {}",
                    crate::table::significant(barrier.at)
                ));
                told.push((what, barrier.height, error(barrier.error)));
            }
        }
        if let Some(quadratic) = &self.quadratic {
            for (index, axis) in self.axes.iter().enumerate() {
                told.push((
                    format!("slope along {}", axis.label),
                    quadratic.slopes[index],
                    "exact".to_owned(),
                ));
                let (what, error) = match quadratic.eigenvalues[index] {
                    Some(found) => ("eigenvalue", residual(found.residual, found.converged)),
                    None => ("curvature", "exact".to_owned()),
                };
                told.push((
                    format!("{what} along {}", axis.label),
                    quadratic.curvatures[index][index],
                    error,
                ));
            }
        }
        if let Some(cosine) = self.cosine {
            told.push((
                "cosine between the directions".to_owned(),
                cosine,
                "exact".to_owned(),
            ));
        }
        told
    }
}

fn residual(residual: f64, converged: bool) -> String {
    let note = if converged { "" } else { ", not converged" };
    format!("residual {}{note}", crate::table::two_digits(residual))
}

fn place(coordinates: &[f64]) -> String {
    let texts: Vec<String> = coordinates
        .iter()
        .map(|place| crate::table::significant(*place))
        .collect();
    texts.join(", ")
}
