//! Runs of one config and several seeds: a line for each, and a table of means.

use super::{counted, significant};
use crate::measure::{Circumstances, Measurement};
use crate::run::Summary;
use crate::statistics::{mean, standard_error};
use crate::table::{Cell, Column, Page, Table};

/// The end of one run of several, in a line.
pub fn seed_line(summary: &Summary, place: &str) -> String {
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), significant);
    let seconds = summary.training_seconds + summary.measuring_seconds;
    let degenerate = if summary.degenerate.is_some() {
        ", DEGENERATE"
    } else {
        ""
    };
    let judged = match value(summary, "r2.test") {
        Some(found) => format!("test R² {}", significant(found)),
        None => format!("test accuracy {}", number(value(summary, "accuracy.test"))),
    };
    format!(
        "{} seed {}: {}, ended by {}, training loss {}, {judged}, {seconds:.1} s, \
         {place}{degenerate}",
        summary.run,
        summary.seed,
        counted(summary.steps as usize, "step"),
        summary.stopped_by,
        number(summary.train_loss),
    )
}

fn value(summary: &Summary, name: &str) -> Option<f64> {
    let mut rows = summary.measurements.iter();
    rows.find(|row| row.name == name)?.value
}

/// Means over the seeds of what was measured at the end; none of a single run.
pub fn seeds_page(summaries: &[Summary]) -> Option<Page> {
    let first = summaries.first().filter(|_| summaries.len() > 1)?;
    let caption = format!("{}: means over {} seeds", first.run, summaries.len());
    let columns = [
        Column::text("measure"),
        Column::estimate("mean"),
        Column::number("smallest"),
        Column::number("largest"),
        Column::number("seeds"),
    ];
    let lines = lines(summaries);
    let table = Table::new(columns)
        .captioned(caption)
        .with_rows(lines.iter().map(Line::cells));
    let note = "mean ± its standard error over seeds; how far each seed's own number is from the truth is in \
                its summary.json";
    Some(
        Page::default()
            .table(table)
            .paragraph(note)
            .list(warnings(summaries)),
    )
}

/// The runs that are no solutions, and so say nothing about minima.
fn warnings(summaries: &[Summary]) -> Option<String> {
    let degenerate = summaries
        .iter()
        .filter(|summary| summary.degenerate.is_some());
    let seeds: Vec<String> = degenerate.map(|summary| summary.seed.to_string()).collect();
    let seeds = (!seeds.is_empty()).then(|| seeds.join(", "))?;
    Some(format!(
        "degenerate, and counted in the means all the same: seed {seeds}"
    ))
}

/// A measure over the seeds.
struct Line<'a> {
    /// What it is, in the first run.
    row: &'a Measurement,
    /// Which row it is of several that are alike in name, samples and circumstances.
    occurrence: usize,
    /// Whether it is one of several of its name.
    has_namesake: bool,
    values: Vec<f64>,
}

impl Line<'_> {
    fn cells(&self) -> Vec<Cell> {
        let values = &self.values;
        let is_one = values.len() < 2;
        let extreme = |of: fn(f64, f64) -> f64| values.iter().copied().reduce(of);
        let estimate = || Cell::estimate(mean(values), (!is_one).then(|| standard_error(values)));
        let mean = if values.is_empty() {
            Cell::Missing
        } else {
            estimate()
        };
        vec![
            Cell::Text(self.title()),
            mean,
            extreme(f64::min).into(),
            extreme(f64::max).into(),
            values.len().into(),
        ]
    }

    /// The name, with what tells the row from others of its name.
    fn title(&self) -> String {
        let name = &self.row.name;
        if !self.has_namesake {
            return name.clone();
        }
        let samples = self.row.samples.map(|samples| format!("{samples} samples"));
        let parts = self.row.circumstances.parts().into_iter();
        let parts = parts.filter(|(_, value)| {
            ![
                "none",
                "off",
                "last",
                "all",
                "all parameters",
                "any",
                "usual",
            ]
            .contains(&value.as_str())
        });
        let parts = parts.map(|(name, value)| format!("{name} {value}"));
        let place = (self.occurrence > 0).then(|| format!("again ({})", self.occurrence));
        let conditions: Vec<String> = samples.into_iter().chain(parts).chain(place).collect();
        format!("{name}, {}", conditions.join(", "))
    }
}

/// What makes rows of different runs the same line.
fn identity(row: &Measurement) -> (&str, Option<usize>, &Circumstances) {
    (&row.name, row.samples, &row.circumstances)
}

/// The lines of the table, in the order in which the runs measured.
fn lines(summaries: &[Summary]) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for summary in summaries {
        let mut seen: Vec<&Measurement> = Vec::new();
        for row in &summary.measurements {
            let alike = |other: &&&Measurement| identity(other) == identity(row);
            let occurrence = seen.iter().filter(alike).count();
            seen.push(row);
            let is_it = |line: &&mut Line| {
                line.occurrence == occurrence && identity(line.row) == identity(row)
            };
            let found = lines.iter_mut().find(is_it);
            match found {
                Some(line) => line.values.extend(row.value),
                None => lines.push(Line {
                    row,
                    occurrence,
                    has_namesake: false,
                    values: row.value.into_iter().collect(),
                }),
            }
        }
    }
    for index in 0..lines.len() {
        let name = &lines[index].row.name;
        let namesakes = lines.iter().filter(|line| line.row.name == *name);
        lines[index].has_namesake = namesakes.count() > 1;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Failure;
    use crate::table::{Markdown, Renderer};

    fn summary(seed: u64, measurements: Vec<Measurement>) -> Summary {
        Summary {
            run: "small".to_owned(),
            seed,
            steps: 60,
            epochs: 6.0,
            stopped_by: "train.epochs".to_owned(),
            train_loss: Some(0.125),
            last_step_part: None,
            degenerate: None,
            parameters: 9,
            maps: Vec::new(),
            learning_rate: 0.1,
            training_seconds: 1.25,
            measuring_seconds: 0.5,
            preparing_seconds: None,
            model_sha256: None,
            average_sha256: None,
            events: Vec::new(),
            measurements,
        }
    }

    #[test]
    fn a_run_of_several_is_a_line() {
        let mut run = summary(3, vec![Measurement::new("accuracy.test", 0.875)]);
        insta::assert_snapshot!(seed_line(&run, "runs/small/seed-3"), @"small seed 3: 60 steps, ended by train.epochs, training loss 0.1250, test accuracy 0.8750, 1.8 s, runs/small/seed-3");
        run.degenerate = Some("dead".to_owned());
        run.measurements.clear();
        insta::assert_snapshot!(seed_line(&run, "x"), @"small seed 3: 60 steps, ended by train.epochs, training loss 0.1250, test accuracy -, 1.8 s, x, DEGENERATE");
    }

    #[test]
    fn means_have_their_error_over_seeds_and_unlike_rows_are_apart() {
        let run = |seed, loss: f64, sharpness: Measurement| {
            let whole = Measurement::new("hessian.lambda_max", 10.0 * loss).over(300);
            let rows = vec![Measurement::new("loss.train", loss), whole, sharpness];
            summary(seed, rows)
        };
        let part = |value| Measurement::new("hessian.lambda_max", value).over(5);
        let mut runs = vec![
            run(0, 0.1, part(3.0)),
            run(1, 0.3, part(5.0)),
            run(
                2,
                0.2,
                Measurement::failed("hessian.lambda_max", Failure::not_known("no")).over(5),
            ),
        ];
        assert!(seeds_page(&runs[..1]).is_none());
        runs[1].degenerate = Some("dead".to_owned());
        let text = Markdown.page(&seeds_page(&runs).unwrap());
        insta::assert_snapshot!(text, @r"
        small: means over 3 seeds

        | measure                         |           mean | smallest | largest | seeds |
        |---------------------------------|----------------|----------|---------|-------|
        | loss.train                      | 0.2000 ± 0.058 |   0.1000 |  0.3000 |     3 |
        | hessian.lambda_max, 300 samples |   2.000 ± 0.58 |    1.000 |   3.000 |     3 |
        | hessian.lambda_max, 5 samples   |    4.000 ± 1.0 |    3.000 |   5.000 |     2 |

        mean ± its standard error over seeds; how far each seed's own number is from the truth is in its summary.json

        - degenerate, and counted in the means all the same: seed 1
        ");
    }
}
