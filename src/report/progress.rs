//! Progress on standard error: a line that moves on a terminal, a line per evaluation elsewhere.

use super::Forecast;
use super::significant;
use crate::config::Epochs;
use crate::run::Row;
use crate::train::{HookPlan, Observer, Problem};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::fmt;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Watches a run and tells the user how it goes.
pub struct Progress {
    bar: ProgressBar,
    lines: bool,
    last_line: Option<Instant>,
    epochs: Epochs,
    /// Which run of which seed this is.
    title: String,
    figures: String,
    /// How many measures the round under way has taken.
    taken: usize,
    forecast: Arc<Mutex<Forecast>>,
    began: Instant,
}

/// Lines in a log are at least this far apart, so that a short run does not flood it.
const BETWEEN_LINES: Duration = Duration::from_millis(500);

/// The line on a terminal is drawn anew this often, so that its clock goes while nothing else does.
const TICK: Duration = Duration::from_millis(200);

/// More of a run's name than this leaves no room for the rest; nor would a bar.
const LONGEST_NAME: usize = 16;

/// What is under way before the clock of training starts.
const PREPARING: &str = "preparing compute kernels (minutes on a first use, seconds after) ...";

impl Progress {
    /// Progress of a run, one of several by the same command where `place` says which of how many;
    /// silent where the user asked for quiet.
    pub fn new(problem: &Problem, place: Option<(usize, usize)>, quiet: bool) -> Self {
        let (config, epochs) = (&problem.config, problem.epochs());
        let total = problem.total_steps();
        let layout = problem.objective.network().layout();
        let plan = HookPlan::new(config, layout, epochs.clone());
        let forecast = Arc::new(Mutex::new(Forecast::new(plan, total)));
        let began = Instant::now();
        let left = forecast.clone();
        // A run that a loss may end needs no more than this.
        let is_bound = config.train.stop_at_train_loss.is_some();
        let clock = move |state: &ProgressState, text: &mut dyn fmt::Write| {
            let forecast = lock(&left);
            let left = forecast.seconds_left(began.elapsed().as_secs_f64());
            let bounds = Bounds {
                is_most: is_bound,
                is_least: forecast.is_open(),
            };
            // There is nobody to tell that the terminal is gone.
            let _ = write!(text, "{}", clock(state.elapsed(), left, bounds));
        };
        let bar = line(Some(total), quiet);
        bar.set_style(style("step {pos}/{len}").with_key("clock", clock));
        let mut progress = Self {
            bar,
            lines: !std::io::stderr().is_terminal() && !quiet,
            last_line: None,
            epochs,
            title: title(&config.name, config.seed, place),
            figures: String::new(),
            taken: 0,
            forecast,
            began,
        };
        progress.show("");
        progress
    }

    /// Says, quiet or not, what the user must know.
    pub fn warn(&self, warning: &str) {
        self.bar.suspend(|| eprintln!("warning: {warning}"));
    }

    /// Takes the line off the screen.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// What takes the line off the screen, for whoever does so from another thread.
    pub fn clearing(&self) -> impl FnOnce() + Send + 'static {
        let bar = self.bar.clone();
        move || bar.finish_and_clear()
    }

    /// Shows what is under way and the latest figures.
    fn show(&mut self, under_way: &str) {
        let parts = [self.title.as_str(), under_way, self.figures.as_str()];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        self.bar.set_message(parts.join("  "));
    }

    fn say(&self, line: &str) {
        if self.lines {
            eprintln!("{line}");
        }
    }

    fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }
}

impl Observer for Progress {
    fn preparing(&mut self) {
        self.show(PREPARING);
        self.say(PREPARING);
    }

    fn prepared(&mut self, seconds: f64) {
        self.bar.reset_elapsed();
        self.show("");
        self.say(&format!("kernels ready after {seconds:.1} s"));
    }

    fn stepped(&mut self, step: u64) {
        lock(&self.forecast).stepped(step, self.now());
        self.bar.set_position(step);
    }

    fn measuring(&mut self, _step: u64) {
        lock(&self.forecast).measuring(self.now());
        self.taken = 0;
    }

    fn taking(&mut self, name: &str, of: usize) {
        self.show(&format!("{name} {}/{of}", self.taken + 1));
    }

    fn taken(&mut self, name: &str) {
        self.taken += 1;
        lock(&self.forecast).taken(name, self.now());
    }

    fn measured(&mut self, rows: &[Row]) {
        lock(&self.forecast).measured(self.now());
        let figures = figures(rows);
        if !figures.is_empty() {
            self.figures.clone_from(&figures);
        }
        self.show("");
        let is_due = self
            .last_line
            .is_none_or(|last| last.elapsed() >= BETWEEN_LINES);
        let step = rows.first().and_then(|row| row.step);
        if let Some(step) = step.filter(|_| is_due) {
            self.last_line = Some(Instant::now());
            let epoch = self.epochs.passed(step);
            let title = &self.title;
            self.say(&format!("{title} step {step} epoch {epoch:.2}  {figures}"));
        }
    }
}

/// The figures of a round that tell how training goes.
fn figures(rows: &[Row]) -> String {
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
        "r2.test",
        "hessian.lambda_max",
    ];
    let figures: Vec<String> = shown.into_iter().filter_map(value).collect();
    figures.join(" ")
}

/// Which run this is: its name and seed, and its place among those of the same command.
fn title(name: &str, seed: u64, place: Option<(usize, usize)>) -> String {
    let mut title: String = name.chars().take(LONGEST_NAME).collect();
    if title.len() < name.len() {
        title += "...";
    }
    title += &format!(" seed {seed}");
    if let Some((place, of)) = place {
        title += &format!(" ({place}/{of})");
    }
    title
}

/// What is known of the time left besides the time that steps and measurements known beforehand will take.
#[derive(Clone, Copy, Default)]
pub(super) struct Bounds {
    /// The run may end earlier.
    pub is_most: bool,
    /// There may be more to measure.
    pub is_least: bool,
}

/// The time gone, and the time left where it is known.
pub(super) fn clock(gone: Duration, left: Option<f64>, bounds: Bounds) -> String {
    let gone = hours_minutes_seconds(gone.as_secs());
    match left {
        None => gone,
        Some(left) => {
            let word = match (bounds.is_most, bounds.is_least) {
                (false, false) => "eta",
                (true, false) => "at most",
                (false, true) => "at least",
                (true, true) => "about",
            };
            format!(
                "{gone} {word} {}",
                hours_minutes_seconds(left.round() as u64)
            )
        }
    }
}

pub(super) fn hours_minutes_seconds(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// A line that moves on a terminal, and is nowhere else; its clock goes by itself.
pub(super) fn line(length: Option<u64>, quiet: bool) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() && !quiet {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(length, target);
    bar.enable_steady_tick(TICK);
    bar
}

/// A clock, what `middle` says, and a message cut to what is left of the terminal's width.
pub(super) fn style(middle: &str) -> ProgressStyle {
    ProgressStyle::with_template(&format!("{{clock}} {middle} {{wide_msg}}"))
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
        .with_key(
            "clock",
            |state: &ProgressState, text: &mut dyn fmt::Write| {
                let _ = write!(text, "{}", clock(state.elapsed(), None, Bounds::default()));
            },
        )
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        let seconds = Duration::from_secs;
        let bounds = |is_most, is_least| Bounds { is_most, is_least };
        assert_eq!(clock(seconds(7), None, Bounds::default()), "0:07");
        let of = |left, bounds| clock(seconds(75), Some(left), bounds);
        assert_eq!(of(599.6, bounds(false, false)), "1:15 eta 10:00");
        assert_eq!(of(599.6, bounds(false, true)), "1:15 at least 10:00");
        assert_eq!(of(599.6, bounds(true, true)), "1:15 about 10:00");
        assert_eq!(
            clock(seconds(3600), Some(59.0), bounds(true, false)),
            "1:00:00 at most 0:59"
        );
    }

    #[test]
    fn a_title_says_which_run_of_how_many() {
        assert_eq!(title("sgd_b32", 3, None), "sgd_b32 seed 3");
        assert_eq!(
            title("a_name_that_goes_on_and_on", 12, Some((2, 10))),
            "a_name_that_goes... seed 12 (2/10)"
        );
    }
}
