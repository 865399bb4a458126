//! What `lab measure` prints: rows of one or several runs, of layers, or of the checkpoints of a run.

use super::Report;
use super::measurements::{ERRORS, records, table, title};
use crate::measure::{Bound, Measurement};
use crate::run::Row;
use crate::table::{Cell, Column, Page, Table};

/// Rows in the order in which they were asked for, with how they are set out.
#[derive(Clone, Debug)]
pub struct Measured {
    /// What was measured, of each run and moment.
    pub parts: Vec<Part>,
    /// How it is set out.
    pub arrangement: Arrangement,
}

/// The rows of one moment of a run.
#[derive(Clone, Debug)]
pub struct Part {
    /// The run's folder; none of weights made elsewhere.
    pub place: Option<String>,
    /// The step.
    pub step: Option<u64>,
    /// The same in epochs.
    pub epoch: Option<f64>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// How rows are set out for reading; for machines they are one under another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrangement {
    /// A row each, with all that is known of its error.
    Rows,
    /// Layers down, measures across.
    Layers,
    /// Moments of a run beside each other.
    Checkpoints,
    /// Solutions beside each other.
    Solutions,
}

/// What numbers of single solutions beside each other do not tell.
const ONE_OF_EACH: &str = "each is measured on its own data; one solution in each place: how far another seed's would lie from it is not known; `lab compare` of runs \
                           with several seeds decides";

/// What a cell of several numbers beside each other leaves out.
const IN_CELLS: &str = "± one standard error, or the residual of an eigenvalue in its own units; no ± is exact, or its error is \
                        told below or not known. --format csv and json have each row whole";

impl Part {
    /// When it was, in words.
    pub fn moment(&self) -> Option<String> {
        let epoch = |epoch: f64| format!("epoch {}", (100.0 * epoch).round() / 100.0);
        self.epoch.map(epoch)
    }
}

impl Measured {
    /// The parts by run, and those of a run from its beginning to its end.
    fn ordered(&self) -> Vec<&Part> {
        let place = |part: &Part| {
            self.parts
                .iter()
                .position(|other| other.place == part.place)
        };
        let mut parts: Vec<&Part> = self.parts.iter().collect();
        parts.sort_by_key(|part| (place(part), part.step));
        parts
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.ordered().into_iter().flat_map(|part| &part.rows)
    }

    /// What stands above a table, where there are several.
    fn caption(&self, part: &Part, has_moment: bool) -> Option<String> {
        let is_only = self.parts.iter().all(|other| other.place == part.place);
        let place = part.place.clone().filter(|_| !is_only);
        let moment = part.moment().filter(|_| has_moment);
        let words: Vec<String> = place.into_iter().chain(moment).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }

    fn has_moments(&self) -> bool {
        self.parts
            .windows(2)
            .any(|pair| pair[0].place == pair[1].place && pair[0].step != pair[1].step)
    }
}

impl Report for Measured {
    fn page(&self) -> Page {
        let parts = self.ordered();
        let mut page = Page::default();
        match self.arrangement {
            Arrangement::Rows => {
                for part in parts {
                    let rows = part.rows.iter().map(|row| &row.measurement);
                    page = page.table(captioned(table(rows), self.caption(part, false)));
                }
                page.paragraph(ERRORS)
            }
            Arrangement::Layers => {
                for part in parts {
                    let caption = self.caption(part, self.has_moments());
                    page = page.table(captioned(layers(part), caption));
                    page = page.list(notes(&[part], |_, row| layer(row)));
                }
                page.paragraph(IN_CELLS)
            }
            Arrangement::Checkpoints => {
                for run in parts.chunk_by(|one, other| one.place == other.place) {
                    let caption = self.caption(run[0], false);
                    page = page.table(captioned(checkpoints(run), caption));
                    let moment = |part: &Part, _: &Measurement| part.moment().unwrap_or_default();
                    page = page.list(notes(run, moment));
                }
                page.paragraph(IN_CELLS)
            }
            Arrangement::Solutions => {
                let name = |part: &Part| part.place.clone().unwrap_or_default();
                page = page.table(beside(
                    &parts,
                    name,
                    || vec![Column::text("solution")],
                    |part| vec![Cell::Text(name(part))],
                ));
                page = page.list(notes(&parts, |part, _| name(part)));
                page = page.list(unlike_samples(&parts, name));
                page.paragraph(IN_CELLS).paragraph(ONE_OF_EACH)
            }
        }
    }

    fn records(&self) -> Table {
        records(self.rows())
    }

    fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(&self.rows().collect::<Vec<_>>())
    }
}

fn captioned(table: Table, caption: Option<String>) -> Table {
    match caption {
        Some(caption) => table.captioned(caption),
        None => table,
    }
}

/// The layer that a row is of.
fn layer(row: &Measurement) -> String {
    row.circumstances.block.clone().unwrap_or_default()
}

/// A value with its error, where that is a number.
fn cell(row: Option<&Measurement>) -> Cell {
    match row.and_then(|row| Some((row.value?, row))) {
        Some((value, row)) => Cell::estimate(value, row.absolute_error()),
        None => Cell::Missing,
    }
}

/// Layers down, measures across.
fn layers(part: &Part) -> Table {
    let rows = || part.rows.iter().map(|row| &row.measurement);
    let names = distinct(rows().map(|row| row.name.clone()));
    let blocks = distinct(rows().map(layer));
    let columns = [Column::text("layer")].into_iter();
    let columns = columns.chain(names.iter().map(Column::estimate));
    let line = |block: &String| {
        let of = |name: &String| cell(rows().find(|row| row.name == *name && layer(row) == *block));
        let cells = [Cell::Text(block.clone())].into_iter();
        cells.chain(names.iter().map(of)).collect()
    };
    Table::new(columns).with_rows(blocks.iter().map(line))
}

/// The moments of a run beside each other.
fn checkpoints(run: &[&Part]) -> Table {
    let heads = || vec![Column::number("epoch"), Column::number("step")];
    let head = |part: &Part| vec![part.epoch.into(), part.step.into()];
    beside(run, |part| part.moment().unwrap_or_default(), heads, head)
}

/// Parts and their measures, the more of the two down, the fewer across: parts across by their names, and down by their heads.
fn beside(
    parts: &[&Part],
    name: impl Fn(&Part) -> String,
    heads: impl Fn() -> Vec<Column>,
    head: impl Fn(&Part) -> Vec<Cell>,
) -> Table {
    let all = parts.iter().flat_map(|part| &part.rows);
    let titles = distinct(all.map(|row| title(&row.measurement)));
    let of = |part: &Part, name: &str| {
        let mut rows = part.rows.iter().map(|row| &row.measurement);
        cell(rows.find(|row| title(row) == name))
    };
    if parts.len() > titles.len() {
        let columns = heads().into_iter();
        let columns = columns.chain(titles.iter().map(Column::estimate));
        return Table::new(columns).with_rows(parts.iter().map(|part| {
            let cells = head(part).into_iter();
            cells
                .chain(titles.iter().map(|name| of(part, name)))
                .collect()
        }));
    }
    let columns = [Column::text("measure")].into_iter();
    let columns = columns.chain(parts.iter().map(|part| Column::estimate(name(part))));
    Table::new(columns).with_rows(titles.iter().map(|title| {
        let cells = [Cell::Text(title.clone())].into_iter();
        cells
            .chain(parts.iter().map(|part| of(part, title)))
            .collect()
    }))
}

fn distinct(all: impl Iterator<Item = String>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for one in all {
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

/// What a reader must know of single cells: why there is no number, and what it is where it is no plain estimate; each once, with where it
/// holds.
fn notes(parts: &[&Part], place: impl Fn(&Part, &Measurement) -> String) -> Vec<String> {
    let mut notes: Vec<(String, String, Vec<String>)> = Vec::new();
    for (part, row) in parts
        .iter()
        .flat_map(|part| part.rows.iter().map(move |row| (part, row)))
    {
        let row = &row.measurement;
        for said in said(row) {
            let mut known = notes.iter_mut();
            match known.find(|(name, text, _)| *name == row.name && *text == said) {
                Some((_, _, places)) => places.push(place(part, row)),
                None => notes.push((row.name.clone(), said, vec![place(part, row)])),
            }
        }
    }
    let all = parts.iter().flat_map(|part| &part.rows);
    let names: Vec<&str> = all.map(|row| row.measurement.name.as_str()).collect();
    let line = |(name, said, places): (String, String, Vec<String>)| {
        let everywhere = names.iter().filter(|other| **other == name).count();
        match places.len() == everywhere {
            true => format!("{name}: {said}"),
            false => format!("{name} ({}): {said}", places.join(", ")),
        }
    };
    notes.into_iter().map(line).collect()
}

/// Which measures are over unlike numbers of samples, and so not to be set against each other.
fn unlike_samples(parts: &[&Part], name: impl Fn(&Part) -> String) -> Vec<String> {
    let all = parts.iter().flat_map(|part| &part.rows);
    let titles = distinct(all.map(|row| title(&row.measurement)));
    let counts = |measure: &String| -> Vec<(String, Option<usize>)> {
        let of = |part: &&Part| {
            let mut rows = part.rows.iter().map(|row| &row.measurement);
            let row = rows.find(|row| title(row) == *measure)?;
            Some((name(part), row.samples))
        };
        parts.iter().filter_map(of).collect()
    };
    let mut lines: Vec<(String, Vec<String>)> = Vec::new();
    for measure in titles {
        let counts = counts(&measure);
        if counts.windows(2).all(|pair| pair[0].1 == pair[1].1) {
            continue;
        }
        let count = |(name, samples): &(String, Option<usize>)| {
            let samples = samples.map_or_else(|| "none".to_owned(), |samples| samples.to_string());
            format!("{name} {samples}")
        };
        let counts: Vec<String> = counts.iter().map(count).collect();
        let counts = counts.join(", ");
        match lines.iter_mut().find(|(other, _)| *other == counts) {
            Some((_, measures)) => measures.push(measure),
            None => lines.push((counts, vec![measure])),
        }
    }
    let line = |(counts, measures): (String, Vec<String>)| {
        format!(
            "over unlike numbers of samples ({counts}): {}",
            measures.join(", ")
        )
    };
    lines.into_iter().map(line).collect()
}

fn said(row: &Measurement) -> Vec<String> {
    if let Some(reason) = row.reason() {
        return vec![reason.to_owned()];
    }
    let bound = row.bound().map(|bound| match bound {
        Bound::Lower => "a lower bound".to_owned(),
        Bound::Upper => "an upper bound".to_owned(),
    });
    let unknown = match &row.error {
        crate::measure::Error::Unknown(reason) => Some(format!("error not known: {reason}")),
        _ => None,
    };
    let unfinished = (row.converged == Some(false)).then(|| "not converged".to_owned());
    let all = [bound, unknown, unfinished, row.note.clone()];
    all.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::Precision;
    use crate::measure::Failure;
    use crate::table::{Markdown, Renderer};

    fn part(place: &str, step: u64, rows: Vec<Measurement>) -> Part {
        let row = |measurement| Row {
            run: "small".to_owned(),
            seed: Some(0),
            step: Some(step),
            epoch: Some(step as f64 / 10.0),
            since: None,
            measurement,
            dtype: Precision::F32,
            wall_time: None,
            version: None,
        };
        Part {
            place: Some(place.to_owned()),
            step: Some(step),
            epoch: Some(step as f64 / 10.0),
            rows: rows.into_iter().map(row).collect(),
        }
    }

    fn page(parts: Vec<Part>, arrangement: Arrangement) -> String {
        let page = Markdown.page(&Measured { parts, arrangement }.page());
        // What stands below every table.
        let below = [ONE_OF_EACH, IN_CELLS, ERRORS].into_iter();
        let only = below.fold(page, |page, text| page.replace(text, ""));
        only.trim_end().to_owned()
    }

    fn of_layer(name: &str, layer: &str, value: f64) -> Measurement {
        let mut row = Measurement::exact(name, value);
        row.circumstances.block = Some(layer.to_owned());
        row
    }

    #[test]
    fn layers_stand_below_each_other_with_what_their_cells_do_not_say() {
        let failed = Measurement {
            value: None,
            failure: Some(Failure::not_known("no such thing")),
            ..of_layer("hessian.trace", "layers.1", 0.0)
        };
        let rows = vec![
            of_layer("norm.l2", "layers.0", 2.0),
            of_layer("hessian.trace", "layers.0", 3.0).with_stderr(0.1),
            of_layer("norm.l2", "layers.1", 4.0),
            failed,
        ];
        insta::assert_snapshot!(page(vec![part("a", 10, rows)], Arrangement::Layers), @r"
        | layer    | norm.l2 | hessian.trace |
        |----------|---------|---------------|
        | layers.0 |   2.000 |  3.000 ± 0.10 |
        | layers.1 |   4.000 |             - |

        - hessian.trace (layers.1): no such thing
        ");
    }

    #[test]
    fn checkpoints_stand_beside_each_other_until_there_are_more_of_them_than_measures() {
        let rows = |value: f64| {
            let eigenvalue = Measurement::new("hessian.lambda_max", 10.0 * value);
            vec![
                Measurement::exact("norm.l2", value),
                eigenvalue.with_residual(0.01, value < 2.5, 7),
            ]
        };
        // The end is measured first.
        let two = vec![part("a", 20, rows(3.0)), part("a", 10, rows(2.0))];
        insta::assert_snapshot!(page(two.clone(), Arrangement::Checkpoints), @r"
        | measure            |      epoch 1 |      epoch 2 |
        |--------------------|--------------|--------------|
        | norm.l2            |        2.000 |        3.000 |
        | hessian.lambda_max | 20.00 ± 0.20 | 30.00 ± 0.30 |

        - hessian.lambda_max (epoch 2): not converged
        ");
        let three = [two, vec![part("a", 5, rows(1.0))]].concat();
        let table = page(three, Arrangement::Checkpoints);
        let heads: Vec<&str> = table
            .lines()
            .next()
            .unwrap()
            .split('|')
            .map(str::trim)
            .collect();
        assert_eq!(
            heads[1..5],
            ["epoch", "step", "norm.l2", "hessian.lambda_max"]
        );
        let steps = table
            .lines()
            .skip(2)
            .take(3)
            .map(|line| line.split('|').nth(2).unwrap().trim());
        assert_eq!(steps.collect::<Vec<_>>(), ["5", "10", "20"]);
    }

    #[test]
    fn several_solutions_stand_beside_each_other_and_under_one_another_as_records() {
        let rows = |value| vec![Measurement::exact("norm.l2", value)];
        let parts = vec![part("a", 10, rows(2.0)), part("b", 10, rows(3.0))];
        let measured = Measured {
            parts: parts.clone(),
            arrangement: Arrangement::Solutions,
        };
        assert_eq!(measured.records().rows().len(), 2);
        // More solutions than measures.
        insta::assert_snapshot!(page(parts, Arrangement::Solutions), @r"
        | solution | norm.l2 |
        |----------|---------|
        | a        |   2.000 |
        | b        |   3.000 |
        ");
        let failed = Measurement {
            value: None,
            failure: Some(Failure::not_known("no such thing")),
            ..Measurement::exact("hessian.trace", 0.0)
        };
        let known = Measurement::exact("hessian.trace", 3.0).with_stderr(0.1);
        let of = |value, trace| [rows(value), vec![trace]].concat();
        let parts = vec![
            part("a", 10, of(2.0, known.clone())),
            part("b", 20, of(3.0, failed)),
        ];
        insta::assert_snapshot!(page(parts, Arrangement::Solutions), @r"
        | measure       |            a |     b |
        |---------------|--------------|-------|
        | norm.l2       |        2.000 | 3.000 |
        | hessian.trace | 3.000 ± 0.10 |     - |

        - hessian.trace (b): no such thing
        ");
        let over = |samples| known.clone().over(samples);
        let parts = vec![
            part("a", 10, of(2.0, over(300))),
            part("b", 10, of(3.0, over(1000))),
        ];
        let found = page(parts, Arrangement::Solutions);
        let said = "- over unlike numbers of samples (a 300, b 1000): hessian.trace";
        assert!(found.contains(said), "{found}");
    }
}
