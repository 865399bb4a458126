//! Progress over a whole sweep: a line that moves on a terminal, a line for each member that ends everywhere.

use super::duration;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// Tells how a sweep goes.
#[derive(Debug)]
pub struct SweepProgress {
    bar: ProgressBar,
}

/// The line is drawn anew this often.
const TICK: Duration = Duration::from_millis(200);

impl SweepProgress {
    /// Before the first of so many tasks ends; silent where the user asked for quiet.
    pub fn new(tasks: usize, quiet: bool) -> Self {
        let is_shown = std::io::stderr().is_terminal() && !quiet;
        let target = match is_shown {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(tasks as u64), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:20} {pos}/{len} tasks  {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        Self { bar }
    }

    /// One more task has come to its end, or has failed.
    pub fn ended(&self) {
        self.bar.inc(1);
    }

    /// So many run, so many have failed, and so many seconds are left.
    pub fn show(&self, running: usize, failed: usize, left: Option<f64>) {
        let failed = (failed > 0).then(|| format!(", {failed} failed"));
        let left = left.map(|seconds| format!(", about {} left", duration(seconds)));
        let parts = [failed, left].into_iter().flatten().collect::<String>();
        self.bar.set_message(format!("{running} running{parts}"));
    }

    /// Says something while the line is off the screen.
    pub fn aside<T>(&self, say: impl FnOnce() -> T) -> T {
        self.bar.suspend(say)
    }

    /// Takes the line off the screen.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
