//! What became of a sweep.

use super::{duration, mebibytes};
use crate::report::{Report, finished_of, significant};
use crate::run::Summary;
use crate::sweep::{Forecast, Listing, MemberState, State};
use crate::table::{Cell, Column, Page, Table};
use std::collections::BTreeMap;

/// The tasks of a sweep, and what became of each.
#[derive(Clone, Copy, Debug)]
pub struct StatusReport<'a> {
    /// The tasks.
    pub listing: &'a Listing,
    /// What became of them, in their order.
    pub states: &'a [MemberState],
}

/// Learning rates, each with its losses over seeds, none where training diverged.
type Tried = Vec<(f64, Vec<Option<f64>>)>;

/// How many of the tasks of an arm are in each state.
#[derive(Default)]
struct Counts {
    all: usize,
    finished: usize,
    degenerate: usize,
    running: usize,
    broken_off: usize,
    failed: usize,
    left: usize,
    seconds: Vec<f64>,
    memory: Option<u64>,
}

impl Counts {
    fn add(&mut self, member: &MemberState) {
        self.all += 1;
        let count = match &member.state {
            State::Finished(_) => &mut self.finished,
            State::Running => &mut self.running,
            State::BrokenOff => &mut self.broken_off,
            State::Failed(_) | State::Diverged(_) | State::Unusable(_) => &mut self.failed,
            State::Waiting | State::NotBegun => &mut self.left,
        };
        *count += 1;
        if let State::Finished(summary) = &member.state {
            self.degenerate += usize::from(summary.degenerate.is_some());
        }
        self.seconds.extend(member.seconds());
        let memory = member.record.as_ref().and_then(|record| record.peak_memory);
        self.memory = self.memory.max(memory);
    }

    fn cells(&self, name: &str) -> Vec<Cell> {
        let count = self.seconds.len();
        let mean = self.seconds.iter().sum::<f64>() / count as f64;
        let mebibytes = self.memory.map(|bytes| bytes.div_ceil(1 << 20));
        vec![
            name.into(),
            self.all.into(),
            self.finished.into(),
            self.degenerate.into(),
            self.running.into(),
            self.broken_off.into(),
            self.failed.into(),
            self.left.into(),
            if count == 0 {
                Cell::Missing
            } else {
                Cell::seconds(mean)
            },
            mebibytes.into(),
        ]
    }
}

impl<'a> StatusReport<'a> {
    fn members(&self) -> impl Iterator<Item = (usize, &'a crate::sweep::Listed, &'a MemberState)> {
        let members = self.listing.tasks.iter().zip(self.states);
        members
            .enumerate()
            .map(|(number, (task, state))| (number, task, state))
    }

    /// How many have come to their end, and what is left, in a sentence.
    pub(in crate::report) fn progress(&self) -> String {
        let (mut all, mut forecast, mut left) =
            (Counts::default(), Forecast::default(), Vec::new());
        let arms: Vec<&str> = self
            .listing
            .tasks
            .iter()
            .map(|task| task.arm.as_str())
            .collect();
        for (_, task, member) in self.members() {
            all.add(member);
            let arm = arms
                .iter()
                .position(|arm| *arm == task.arm)
                .unwrap_or_default();
            match (&member.state, member.seconds()) {
                (_, Some(seconds)) => forecast.ended(arm, seconds),
                (State::Waiting | State::NotBegun | State::BrokenOff | State::Running, None) => {
                    left.push((arm, 0.0));
                }
                _ => {}
            }
        }
        let time = forecast.left(&left, 1).filter(|_| !left.is_empty());
        let time = time.map_or_else(String::new, |seconds| {
            format!(
                "; about {} of work left, one after another",
                duration(seconds)
            )
        });
        let memory = all.memory.map_or_else(String::new, |bytes| {
            format!("; a member takes up to {} of memory", mebibytes(bytes))
        });
        format!(
            "{}{time}{memory}",
            finished_of(all.finished, all.all, "task")
        )
    }

    /// What has failed, what cannot be compared, and where tuning may not have found the best.
    fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        for (number, _, member) in self.members() {
            let place = member.place.display();
            let word = member.state.word();
            if let Some(reason) = member.state.reason() {
                remarks.push(format!("task {number}, {place}: {word}: {reason}"));
            }
            match &member.state {
                State::Finished(summary) if is_unmatched(member, summary) => {
                    let loss = summary
                        .train_loss
                        .map_or_else(|| "none".to_owned(), significant);
                    remarks.push(format!(
                        "task {number}, {place}: ended by {} before it reached the training loss that it was to stop at; \
                         its own is {loss}",
                        summary.stopped_by
                    ));
                }
                State::Finished(summary) => {
                    let degenerate = summary.degenerate.iter();
                    remarks.extend(
                        degenerate
                            .map(|reason| format!("task {number}, {place}: degenerate: {reason}")),
                    );
                }
                _ => {}
            }
        }
        remarks
    }

    /// Every learning rate that was tried in tuning.
    fn tuning(&self) -> Option<Table> {
        let mut tried: BTreeMap<&str, Tried> = BTreeMap::new();
        for (_, task, member) in self.members().filter(|(_, task, _)| task.tunes) {
            let loss = match &member.state {
                State::Finished(summary) => value(summary, "loss.test"),
                _ => None,
            };
            let Some(rate) = rate(member) else {
                continue;
            };
            let rates = tried.entry(&task.arm).or_default();
            match rates.iter_mut().find(|(other, _)| *other == rate) {
                Some((_, losses)) => losses.push(loss),
                None => rates.push((rate, vec![loss])),
            }
        }
        let rows = tried.into_iter().flat_map(|(arm, mut rates)| {
            rates.sort_by(|(one, _), (other, _)| one.total_cmp(other));
            let means = rates.iter().map(|(rate, losses)| {
                let sum: Option<f64> = losses.iter().copied().sum();
                (*rate, sum.map(|sum| sum / losses.len() as f64))
            });
            let means: Vec<(f64, Option<f64>)> = means.collect();
            let known = means.iter().filter_map(|(_, loss)| *loss);
            let least = known.reduce(f64::min);
            let ends = [means.first(), means.last()].map(|end| end.map(|(rate, _)| *rate));
            means.into_iter().map(move |(rate, loss)| {
                let is_least = loss.is_some() && loss == least;
                let is_end = ends.contains(&Some(rate));
                let remark = match (is_least, is_end) {
                    (true, true) => "least, at the end of what was tried",
                    (true, false) => "least",
                    _ => "",
                };
                vec![arm.into(), rate.into(), loss.into(), remark.into()]
            })
        });
        let rows: Vec<Vec<Cell>> = rows.collect();
        let columns = [
            Column::text("arm"),
            Column::number("learning rate"),
            Column::number("held-out loss"),
            Column::text(""),
        ];
        (!rows.is_empty()).then(|| Table::new(columns).captioned("Tuning").with_rows(rows))
    }
}

impl Report for StatusReport<'_> {
    fn page(&self) -> Page {
        let mut arms: Vec<(&str, Counts)> = Vec::new();
        for (_, task, member) in self.members() {
            let name = if task.tunes { "(tuning)" } else { &task.arm };
            if arms.iter().all(|(other, _)| *other != name) {
                arms.push((name, Counts::default()));
            }
            let counts = arms.iter_mut().find(|(other, _)| *other == name);
            counts
                .into_iter()
                .for_each(|(_, counts)| counts.add(member));
        }
        let columns = [
            Column::text("arm"),
            Column::number("tasks"),
            Column::number("finished"),
            Column::number("degenerate"),
            Column::number("running"),
            Column::number("broken off"),
            Column::number("failed"),
            Column::number("not begun"),
            Column::number("seconds"),
            Column::number("MiB"),
        ];
        let table = Table::new(columns)
            .captioned(format!(
                "{}, fingerprint {}",
                self.listing.name, self.listing.fingerprint
            ))
            .with_rows(arms.iter().map(|(name, counts)| counts.cells(name)));
        let page = Page::from(table);
        let page = match self.tuning() {
            Some(tuning) => page.table(tuning),
            None => page,
        };
        page.paragraph(self.progress()).list(self.remarks())
    }

    fn records(&self) -> Table {
        let columns = [
            Column::number("task"),
            Column::text("arm"),
            Column::number("seed"),
            Column::text("tunes"),
            Column::text("state"),
            Column::number("learning_rate"),
            Column::number("steps"),
            Column::number("train_loss"),
            Column::number("test_accuracy"),
            Column::number("test_r2"),
            Column::number("seconds"),
            Column::number("peak_memory"),
            Column::text("run"),
            Column::text("reason"),
        ];
        Table::new(columns).with_rows(self.members().map(|(number, task, member)| {
            let summary = match &member.state {
                State::Finished(summary) => Some(summary),
                _ => None,
            };
            let memory = member.record.as_ref().and_then(|record| record.peak_memory);
            vec![
                number.into(),
                task.arm.as_str().into(),
                task.seed.into(),
                task.tunes.into(),
                member.state.word().into(),
                rate(member).into(),
                summary.map(|summary| summary.steps).into(),
                summary.and_then(|summary| summary.train_loss).into(),
                summary
                    .and_then(|summary| value(summary, "accuracy.test"))
                    .into(),
                summary.and_then(|summary| value(summary, "r2.test")).into(),
                member.seconds().into(),
                memory.into(),
                member.place.display().to_string().into(),
                member.state.reason().map(str::to_owned).into(),
            ]
        }))
    }
}

/// Whether a run that was to end at a training loss did not get there.
fn is_unmatched(member: &MemberState, summary: &Summary) -> bool {
    let config = member
        .record
        .as_ref()
        .and_then(|record| record.config.as_ref());
    let train = config.and_then(|config| config.get("train")?.as_table());
    let is_to_stop = train.is_some_and(|train| train.contains_key("stop_at_train_loss"));
    is_to_stop && summary.stopped_by != "train.stop_at_train_loss"
}

/// The learning rate that a run was begun with.
fn rate(member: &MemberState) -> Option<f64> {
    let config = member.record.as_ref()?.config.as_ref()?;
    config.get("optimizer")?.get("learning_rate")?.as_float()
}

fn value(summary: &Summary, name: &str) -> Option<f64> {
    let mut rows = summary.measurements.iter();
    rows.find(|row| row.name == name)?.value
}
