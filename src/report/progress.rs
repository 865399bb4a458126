//! Progress on standard error: a bar on a terminal, a line per evaluation elsewhere.

use super::significant;
use crate::train::{Observer, Row};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Watches a run and tells the user how it goes.
pub struct Progress {
    bar: ProgressBar,
    lines: bool,
    last_line: Option<Instant>,
    steps_per_epoch: u64,
    figures: String,
}

/// Lines in a log are at least this far apart, so that a short run does not flood it.
const BETWEEN_LINES: Duration = Duration::from_millis(500);

impl Progress {
    /// Progress over a number of steps; silent where the user asked for quiet.
    pub fn new(steps: u64, steps_per_epoch: u64, quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal && !quiet {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(steps), target);
        let style = "{elapsed_precise} [{bar:30}] step {pos}/{len} (eta {eta}) {msg}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self {
            bar,
            lines: !terminal && !quiet,
            last_line: None,
            steps_per_epoch,
            figures: String::new(),
        }
    }

    /// Takes the bar off the screen.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn say(&self, line: String) {
        if self.lines {
            eprintln!("{line}");
        }
    }
}

impl Observer for Progress {
    fn preparing(&mut self) {
        let message = "preparing compute kernels (minutes on a first use, seconds after) ...";
        self.bar.set_message(message);
        self.bar.enable_steady_tick(Duration::from_millis(200));
        self.say(message.to_owned());
    }

    fn prepared(&mut self, seconds: f64) {
        self.bar.disable_steady_tick();
        self.bar.reset_elapsed();
        self.bar.set_message("");
        self.say(format!("kernels ready after {seconds:.1} s"));
    }

    fn stepped(&mut self, step: u64) {
        self.bar.set_position(step);
    }

    fn measuring(&mut self, _step: u64) {
        self.bar
            .set_message(format!("{} measuring ...", self.figures));
    }

    fn measured(&mut self, rows: &[Row]) {
        let value = |name: &str| {
            rows.iter()
                .find(|row| row.measurement.name == name)
                .and_then(|row| row.measurement.value)
                .map(|value| format!("{name} {}", significant(value)))
        };
        let shown = [
            "loss.train",
            "loss.test",
            "accuracy.test",
            "hessian.lambda_max",
        ];
        let figures: Vec<String> = shown.into_iter().filter_map(value).collect();
        if !figures.is_empty() {
            self.figures = figures.join("  ");
        }
        self.bar.set_message(self.figures.clone());
        let is_due = self
            .last_line
            .is_none_or(|last| last.elapsed() >= BETWEEN_LINES);
        if let Some(row) = rows.first().filter(|_| is_due) {
            self.last_line = Some(Instant::now());
            let epoch = row.step as f64 / self.steps_per_epoch as f64;
            self.say(format!(
                "{} seed {}  step {:>6}  epoch {epoch:>7.2}  {}",
                row.run,
                row.seed,
                row.step,
                figures.join("  ")
            ));
        }
    }
}
