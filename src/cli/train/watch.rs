//! What is seen of a run, and what an interrupt does to it before its first step.

use crate::cli::interrupt::AtOnce;
use crate::report::Progress;
use crate::run::{Row, RunDirectory, Skipped};
use crate::train::{Observer, Run};

/// What is said and noted when the user interrupts before the first step: while kernels are
/// prepared, say, which no flag can interrupt. What the run directory holds can be resumed.
pub(super) fn before_first_step(
    run: &Run,
    hint: String,
    clear: impl FnOnce() + Send + 'static,
) -> impl FnOnce() + Send + 'static {
    let (path, mut record) = (run.path().to_owned(), run.record().clone());
    move || {
        clear();
        record.interrupt();
        let noted = RunDirectory::open(&path).and_then(|run| run.write_json("run.json", &record));
        if let Err(error) = noted {
            eprintln!("error: {error}");
        }
        eprintln!("interrupted before the first step: {hint}");
    }
}

/// Shows progress; from the first step on, an interrupt is left to the training loop, which saves a
/// checkpoint.
pub(super) struct Watch {
    /// Where it shows.
    pub progress: Progress,
    /// Until the first step.
    pub at_once: Option<AtOnce>,
}

impl Observer for Watch {
    fn skipped(&mut self, checkpoint: &Skipped) {
        self.progress.warn(&checkpoint.to_string());
    }

    fn preparing(&mut self) {
        self.progress.preparing();
    }

    fn prepared(&mut self, seconds: f64) {
        self.progress.prepared(seconds);
    }

    fn stepped(&mut self, step: u64) {
        self.at_once = None;
        self.progress.stepped(step);
    }

    fn measuring(&mut self, step: u64) {
        self.progress.measuring(step);
    }

    fn taking(&mut self, name: &str, of: usize) {
        self.progress.taking(name, of);
    }

    fn taken(&mut self, name: &str) {
        self.progress.taken(name);
    }

    fn measured(&mut self, rows: &[Row]) {
        self.progress.measured(rows);
    }
}
