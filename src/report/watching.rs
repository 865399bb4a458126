//! Runs and sweeps that are followed from another terminal: lines that are drawn anew, or a line for each epoch.

use super::progress::hours_minutes_seconds;
use super::{StatusReport, significant, two_digits};
use crate::config::{Config, Length};
use crate::plot::latest;
use crate::run::Row;
use crate::sweep::State;
use std::collections::VecDeque;

/// Characters of a curve.
const WIDTH: usize = 40;

/// The heights of a curve.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// So many of the last moments tell how fast a run goes.
const RECENT: usize = 20;

/// How fast a run goes, by what was seen of it.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    /// Seconds since some moment, and the part of the run that was done by then.
    marks: VecDeque<(f64, f64)>,
}

impl Pace {
    /// A part of the run was done at a moment.
    pub fn seen(&mut self, now: f64, done: f64) {
        if self.marks.back().is_some_and(|(_, last)| *last > done) {
            // It goes on from an earlier checkpoint.
            self.marks.clear();
        }
        if self.marks.back().is_none_or(|(_, last)| *last < done) {
            self.marks.push_back((now, done));
        }
        while self.marks.len() > RECENT {
            self.marks.pop_front();
        }
    }

    /// The seconds left; none before two moments are known.
    pub fn left(&self, now: f64) -> Option<f64> {
        let (first, last) = (self.marks.front()?, self.marks.back()?);
        let rate = (last.1 - first.1) / (last.0 - first.0);
        let left = (1.0 - last.1) / rate - (now - last.0);
        left.is_finite().then_some(left.max(0.0))
    }
}

/// A run as it is seen while it trains.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// Its config.
    pub config: &'a Config,
    /// Its rows so far.
    pub rows: &'a [Row],
}

impl Sight<'_> {
    /// Which part of the run is done, from 0 to 1, as far as its rows tell; less where a loss may end it earlier.
    pub fn done(&self) -> f64 {
        let last = self.rows.iter().rev().find(|row| row.step.is_some());
        let (step, epoch) = last.map_or((0, 0.0), |row| {
            (row.step.unwrap_or(0), row.epoch.unwrap_or(0.0))
        });
        let done = match self.config.train.length() {
            Length::Steps(steps) => step as f64 / steps.max(1) as f64,
            Length::Epochs(epochs) => epoch / epochs.max(1) as f64,
        };
        done.clamp(0.0, 1.0)
    }

    /// What is drawn on a terminal, a line each: where it is, the loss, and λmax beside the line of stability.
    pub fn lines(&self, state: &str, left: Option<f64>) -> Vec<String> {
        let head = format!(
            "{}  {state}  {}{}",
            self.name(),
            self.place(),
            self.time(left)
        );
        let mut lines = vec![head];
        for name in ["loss.train", "loss.test"] {
            let (values, _) = latest(self.config, self.rows, name);
            if let Some(last) = values.last() {
                lines.push(format!(
                    "{name:<12}{:>10}  {}",
                    significant(*last),
                    curve(&values, None)
                ));
            }
        }
        let (values, line) = self.curvature();
        if let Some(last) = values.last() {
            let curve = curve(&values, line);
            let stability =
                line.map_or_else(String::new, |line| format!("  {}", stability(*last, line)));
            lines.push(format!(
                "{:<12}{:>10}  {curve}{stability}",
                "λmax",
                significant(*last)
            ));
        }
        lines
    }

    /// What is drawn of one run among several.
    pub fn brief(&self, left: Option<f64>) -> String {
        let (losses, _) = latest(self.config, self.rows, "loss.train");
        let (curvatures, line) = self.curvature();
        let of = |name: &str, values: &[f64], line| {
            let last = values.last().copied();
            last.map_or_else(String::new, |last| {
                format!("  {name} {} {}", significant(last), curve(values, line))
            })
        };
        format!(
            "{}  {}{}{}{}",
            self.name(),
            self.place(),
            self.time(left),
            of("loss", &losses, None),
            of("λmax", &curvatures, line)
        )
    }

    /// The evaluations after a step, each as the run was seen by then; of those before the first look the last one.
    pub fn evaluations(&self, after: Option<u64>) -> Vec<Self> {
        let is_new = |row: &Row| {
            row.measurement.name == "loss.train" && after.is_none_or(|after| row.step > Some(after))
        };
        let seen = self.rows.iter().filter(|row| is_new(row)).map(|row| {
            let is_later = |other: &Row| other.step > row.step;
            let end = self.rows.iter().position(is_later);
            Self {
                rows: &self.rows[..end.unwrap_or(self.rows.len())],
                ..*self
            }
        });
        let mut seen: Vec<Self> = seen.collect();
        if after.is_none() {
            seen.drain(..seen.len().saturating_sub(1));
        }
        seen
    }

    /// The last evaluation: its step, and what was found, as a line of a log; none before the first.
    pub fn evaluation(&self, left: Option<f64>) -> Option<(u64, String)> {
        let is_loss = |row: &&Row| row.measurement.name == "loss.train";
        let step = self.rows.iter().rev().find(is_loss)?.step?;
        let shown = ["loss.train", "loss.test", "accuracy.test", "r2.test"];
        let at = |name: &&str| {
            let mut rows = self.rows.iter().rev();
            let row = rows.find(|row| row.step == Some(step) && row.measurement.name == **name)?;
            Some(format!("{name} {}", significant(row.measurement.value?)))
        };
        let mut figures: Vec<String> = shown.iter().filter_map(at).collect();
        let (values, line) = self.curvature();
        figures.extend(values.last().map(|last| {
            let stability =
                line.map_or_else(String::new, |line| format!(" ({})", stability(*last, line)));
            format!("λmax {}{stability}", significant(*last))
        }));
        let text = format!(
            "{}  {}  {}{}",
            self.name(),
            self.place(),
            figures.join("  "),
            self.time(left)
        );
        Some((step, text))
    }

    fn name(&self) -> String {
        format!("{} seed {}", self.config.name, self.config.seed)
    }

    fn curvature(&self) -> (Vec<f64>, Option<f64>) {
        latest(self.config, self.rows, "hessian.lambda_max")
    }

    fn place(&self) -> String {
        let last = self.rows.iter().rev().find(|row| row.step.is_some());
        let (step, epoch) = last.map_or((0, 0.0), |row| {
            (row.step.unwrap_or(0), row.epoch.unwrap_or(0.0))
        });
        match self.config.train.length() {
            Length::Steps(steps) => format!("step {step} of {steps}"),
            Length::Epochs(epochs) => {
                let epoch = match epoch.fract() {
                    0.0 => format!("{epoch:.0}"),
                    _ => significant(epoch),
                };
                format!("epoch {epoch} of {epochs}, step {step}")
            }
        }
    }

    /// The time left, in the words of `lab train`.
    fn time(&self, left: Option<f64>) -> String {
        let word = match self.config.train.stop_at_train_loss {
            None => "about",
            Some(_) => "at most",
        };
        left.map_or_else(String::new, |left| {
            let left = hours_minutes_seconds(left.round() as u64);
            format!("  {word} {left} left")
        })
    }
}

/// A sweep as it is seen while it runs.
#[derive(Clone, Copy, Debug)]
pub struct SweepSight<'a>(pub StatusReport<'a>);

impl SweepSight<'_> {
    /// How far it is, in a sentence.
    pub fn progress(&self) -> String {
        format!("{}: {}", self.0.listing.name, self.0.progress())
    }

    /// Whether no task is left that may still be done, and how many have failed.
    pub fn ending(&self) -> (bool, usize) {
        let states = || self.0.states.iter().map(|member| &member.state);
        let is_over = !states().any(|state| {
            let (waiting, begun) = (State::Waiting, State::NotBegun);
            let word = state.word();
            word == waiting.word()
                || word == begun.word()
                || matches!(state, State::Running | State::BrokenOff)
        });
        let failed = states().filter(|state| state.reason().is_some()).count();
        (is_over, failed)
    }
}

/// A curvature beside that at which steps are no longer stable.
fn stability(curvature: f64, line: f64) -> String {
    format!(
        "{} of the edge of stability, {}",
        two_digits(curvature / line),
        significant(line)
    )
}

/// Values as a row of characters, the first at the left; by their logarithms where all are positive. A gap is a value
/// that is missing. What is to be compared with is within the heights.
fn curve(values: &[f64], line: Option<f64>) -> String {
    let all = || values.iter().copied().chain(line);
    let known = || all().filter(|value| value.is_finite());
    let is_log = known().all(|value| value > 0.0);
    let measure = |value: f64| if is_log { value.ln() } else { value };
    let low = known().map(measure).fold(f64::INFINITY, f64::min);
    let high = known().map(measure).fold(f64::NEG_INFINITY, f64::max);
    let columns = values.len().min(WIDTH);
    let column = |place: usize| {
        // The last of the values that fall together, so that the end of the curve is the newest value.
        let last = (place + 1) * values.len() / columns - 1;
        let height = (measure(values[last]) - low) / (high - low);
        match height {
            _ if !values[last].is_finite() => ' ',
            height if height.is_nan() => HEIGHTS[3],
            height => HEIGHTS[(height * 7.0).round().clamp(0.0, 7.0) as usize],
        }
    };
    (0..columns).map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_has_the_heights_of_its_values() {
        assert_eq!(curve(&[1.0, 10.0, 100.0], None), "▁▅█");
        assert_eq!(curve(&[-1.0, 0.0, 1.0], None), "▁▅█");
        assert_eq!(curve(&[1.0, f64::NAN, 4.0], None), "▁ █");
        assert_eq!(curve(&[2.0, 2.0], None), "▄▄");
        assert_eq!(curve(&[1.0, 10.0], Some(100.0)), "▁▅");
        assert_eq!(curve(&[], None), "");
        let long: Vec<f64> = (1..1000).map(f64::from).collect();
        let drawn: Vec<char> = curve(&long, None).chars().collect();
        assert_eq!((drawn.len(), drawn[WIDTH - 1]), (WIDTH, '█'));
    }

    #[test]
    fn the_time_left_follows_from_what_was_seen() {
        let mut pace = Pace::default();
        assert_eq!(pace.left(0.0), None);
        pace.seen(10.0, 0.5);
        assert_eq!(pace.left(11.0), None);
        pace.seen(12.0, 0.6);
        assert!((pace.left(12.0).unwrap() - 8.0).abs() < 1e-9);
        assert!((pace.left(13.0).unwrap() - 7.0).abs() < 1e-9);
        // Nothing new: the clock goes on, and ends at nothing.
        pace.seen(30.0, 0.6);
        assert_eq!(pace.left(30.0), Some(0.0));
        // From a checkpoint before: what was seen says nothing any more.
        pace.seen(31.0, 0.2);
        assert_eq!(pace.left(31.0), None);
    }
}
