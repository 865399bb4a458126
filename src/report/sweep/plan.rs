//! What `lab sweep FILE --dry-run` prints.

use super::duration;
use crate::report::{Report, counted};
use crate::table::{Cell, Column, Page, Table};

/// The tasks of a sweep, before anything is done.
#[derive(Clone, Debug)]
pub struct PlanReport {
    /// The sweep's name.
    pub name: String,
    /// What tells it from others.
    pub fingerprint: String,
    /// Its folder.
    pub directory: String,
    /// For each arm the training loss at which a run ends that has not made all its steps by then.
    pub ends_at_loss: Vec<Option<f64>>,
    /// The tasks, in their order.
    pub rows: Vec<PlannedRow>,
}

/// A task.
#[derive(Clone, Debug)]
pub struct PlannedRow {
    /// Its number.
    pub task: usize,
    /// Its arm.
    pub arm: String,
    /// Its seed.
    pub seed: u64,
    /// Its learning rate at its first batch size; not known before tuning.
    pub learning_rate: Option<f64>,
    /// Samples of its first step.
    pub batch: u64,
    /// Its steps.
    pub steps: u64,
    /// The sum of its learning rates, where they follow from the schedule alone.
    pub cumulative_rate: Option<f64>,
    /// The seconds of all steps, by those of one.
    pub seconds: f64,
    /// The seconds of all measurements, by those of one of each.
    pub measuring: f64,
    /// Whether these may be more.
    pub is_open: bool,
    /// What became of it so far.
    pub state: &'static str,
}

/// Seconds of several tasks.
struct Sum {
    steps: f64,
    measuring: f64,
}

impl Sum {
    fn of<'a>(rows: impl Iterator<Item = &'a PlannedRow>) -> Self {
        let zero = Self {
            steps: 0.0,
            measuring: 0.0,
        };
        rows.fold(zero, |sum, row| Self {
            steps: sum.steps + row.seconds,
            measuring: sum.measuring + row.measuring,
        })
    }
}

impl PlanReport {
    fn left(&self) -> impl Iterator<Item = &PlannedRow> {
        self.rows.iter().filter(|row| row.state != "finished")
    }
}

impl Report for PlanReport {
    fn page(&self) -> Page {
        let (all, left) = (Sum::of(self.rows.iter()), Sum::of(self.left()));
        let bound = match self.ends_at_loss.iter().any(Option::is_some) {
            true => "at most ",
            false => "",
        };
        let least = match self.rows.iter().any(|row| row.is_open) {
            true => "at least ",
            false => "",
        };
        let mut seeds: Vec<u64> = self.rows.iter().map(|row| row.seed).collect();
        seeds.sort_unstable();
        seeds.dedup();
        let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
        let first = self.ends_at_loss.first().copied().flatten();
        let is_same = self.ends_at_loss.iter().all(|loss| *loss == first);
        let ends = first.filter(|_| is_same).map_or_else(String::new, |loss| {
            format!(" Each run ends at the training loss {loss}, or after these steps if it has not come to it.")
        });
        let cost = format!(
            "{}, {} ({}).{ends} Their steps take {bound}{} and their measurements {least}{}, of it {bound}{} and {least}{} \
             left: one after another with all cores, by one timed step and one round of measurements of each arm.",
            counted(self.rows.len(), "task"),
            counted(seeds.len(), "seed"),
            seeds.join(", "),
            duration(all.steps),
            duration(all.measuring),
            duration(left.steps),
            duration(left.measuring),
        );
        Page::from(self.records()).paragraph(cost)
    }

    fn records(&self) -> Table {
        let caption = format!(
            "{}, fingerprint {}, in {}",
            self.name, self.fingerprint, self.directory
        );
        let columns = [
            Column::number("task"),
            Column::text("arm"),
            Column::number("seed"),
            Column::number("learning rate").keyed("learning_rate"),
            Column::number("batch"),
            Column::number("steps"),
            Column::number("sum of rates").keyed("cumulative_learning_rate"),
            Column::number("seconds"),
            Column::number("measuring"),
            Column::text("state"),
        ];
        Table::new(columns)
            .captioned(caption)
            .with_rows(self.rows.iter().map(row))
    }
}

fn row(row: &PlannedRow) -> Vec<Cell> {
    vec![
        row.task.into(),
        row.arm.as_str().into(),
        row.seed.into(),
        row.learning_rate.into(),
        row.batch.into(),
        row.steps.into(),
        row.cumulative_rate.into(),
        Cell::seconds(row.seconds),
        Cell::seconds(row.measuring),
        row.state.into(),
    ]
}
