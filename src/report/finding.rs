//! Progress of `lab measure` and `lab reparam`: which measure is under way, and what has been found.

use super::progress::{line, style};
use indicatif::ProgressBar;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Tells on standard error how measuring goes: on a terminal by a line that moves, and in any case
/// by a line for everything that was found, unless all is found within a second: the result, which
/// comes then, says the same.
#[derive(Clone, Debug)]
pub struct Finding {
    bar: ProgressBar,
    lines: Arc<Mutex<Lines>>,
}

/// How long lines are held back.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
struct Lines {
    held: Vec<String>,
    state: State,
}

/// What becomes of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// It is kept for later.
    #[default]
    Held,
    /// It is printed.
    Shown,
    /// It comes too late, or nobody wants it.
    Dropped,
}

impl Finding {
    /// Before so many things are found.
    pub fn new(total: usize, quiet: bool) -> Self {
        let bar = line(Some(total as u64), quiet);
        bar.set_style(style("[{bar:10}] {pos}/{len}"));
        let state = if quiet { State::Dropped } else { State::Held };
        let lines = Lines {
            state,
            ..Lines::default()
        };
        let finding = Self {
            bar,
            lines: Arc::new(Mutex::new(lines)),
        };
        if !quiet {
            let later = finding.clone();
            std::thread::spawn(move || {
                std::thread::sleep(PATIENCE);
                later.show();
            });
        }
        finding
    }

    /// So many things will be found.
    pub fn expect(&self, total: usize) {
        self.bar.set_length(total as u64);
    }

    /// This is begun.
    pub fn begins(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }

    /// Something to be said at once.
    pub fn say(&self, text: &str) {
        if self.lines().state != State::Dropped {
            self.print(text);
        }
    }

    /// Something that the user must know, quiet or not.
    pub fn warn(&self, warning: &str) {
        self.print(&format!("warning: {warning}"));
    }

    /// Another thing was found.
    pub fn found(&self, text: String) {
        self.bar.inc(1);
        let mut lines = self.lines();
        match lines.state {
            State::Held => lines.held.push(text),
            State::Shown => self.print(&text),
            State::Dropped => {}
        }
    }

    /// Everything is found, or will not be; nothing is printed any more.
    pub fn close(&self) {
        let mut lines = self.lines();
        lines.state = State::Dropped;
        self.bar.finish_and_clear();
    }

    /// Prints what has been held back.
    fn show(&self) {
        let mut lines = self.lines();
        if lines.state == State::Held {
            lines.state = State::Shown;
            for line in std::mem::take(&mut lines.held) {
                self.print(&line);
            }
        }
    }

    fn print(&self, line: &str) {
        if std::io::stderr().is_terminal() {
            self.bar.println(line);
        } else {
            eprintln!("{line}");
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_held_back_then_shown_then_dropped() {
        let finding = Finding::new(3, false);
        finding.found("first".to_owned());
        assert_eq!(finding.lines().held, ["first"]);
        finding.show();
        assert!(finding.lines().held.is_empty());
        assert_eq!(finding.lines().state, State::Shown);
        finding.close();
        finding.show();
        assert_eq!(finding.lines().state, State::Dropped);
    }

    #[test]
    fn quiet_keeps_nothing() {
        let finding = Finding::new(3, true);
        finding.found("first".to_owned());
        finding.show();
        assert!(finding.lines().held.is_empty());
    }
}
