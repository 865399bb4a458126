//! Progress of `lab measure` and `lab reparam`: which measure is under way, and what has been found.

use super::progress::{Bounds, clock, hours_minutes_seconds, line, style};
use super::remaining::Remaining;
use indicatif::{ProgressBar, ProgressState};
use std::fmt;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Tells on standard error how measuring goes: on a terminal by a line that moves, and in any case
/// by a line for everything that was found, unless all is found within a second: the result, which
/// comes then, says the same.
#[derive(Clone, Debug)]
pub struct Finding {
    bar: ProgressBar,
    lines: Arc<Mutex<Lines>>,
    /// The line asks this for the time left while it is drawn, so whoever holds it must leave the line alone.
    remaining: Arc<Mutex<Remaining>>,
    began: Instant,
}

/// How long lines are held back.
const PATIENCE: Duration = Duration::from_secs(1);

/// Less time left than this is not told in lines.
const WORTH_TELLING: f64 = 10.0;

#[derive(Debug, Default)]
struct Lines {
    held: Vec<String>,
    /// Which run this is, where there are several, and at which moment of it.
    run: Option<String>,
    place: String,
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
        let (remaining, began): (Arc<Mutex<Remaining>>, _) = (Arc::default(), Instant::now());
        let ahead = remaining.clone();
        let time = move |state: &ProgressState, text: &mut dyn fmt::Write| {
            let left = locked(&ahead).left(began.elapsed().as_secs_f64());
            let bounds = Bounds {
                is_least: left.is_some_and(|(_, is_open)| is_open),
                ..Bounds::default()
            };
            // There is nobody to tell that the terminal is gone.
            let _ = write!(
                text,
                "{}",
                clock(state.elapsed(), left.map(|left| left.0), bounds)
            );
        };
        let style = style("[{bar:10}] {pos}/{len}").with_key("clock", time);
        bar.set_style(style);
        let state = if quiet { State::Dropped } else { State::Held };
        let lines = Lines {
            state,
            ..Lines::default()
        };
        let finding = Self {
            bar,
            lines: Arc::new(Mutex::new(lines)),
            remaining,
            began,
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

    /// There are so many runs, each with as much to find as any other.
    pub fn expect_runs(&self, runs: usize) {
        self.reckon(|remaining| remaining.expect_runs(runs));
        self.lines().run = (runs > 1).then(String::new);
    }

    /// The run in this place is begun.
    pub fn begins_run(&self, place: Option<String>) {
        self.reckon(|remaining| remaining.begins_run(self.now()));
        let mut lines = self.lines();
        lines.run = lines.run.take().and(place);
        lines.place.clear();
    }

    /// What is to be found of a run, after `first`, which takes its time as well.
    pub fn expect_items(&self, first: &str, items: &[&str]) {
        let total = self.reckon(|remaining| {
            remaining.expect_items(first, items);
            items.len() * (1 + remaining.runs_after())
        });
        self.bar.set_length(self.bar.position() + total as u64);
    }

    /// Something took so long elsewhere.
    pub fn has_cost(&self, what: &str, seconds: f64) {
        self.reckon(|remaining| remaining.has_cost(what, seconds));
    }

    /// What follows is of this moment of the run; none where there is only one.
    pub fn begins_part(&self, moment: Option<&str>) {
        let mut lines = self.lines();
        let parts = [lines.run.as_deref(), moment];
        let parts: Vec<&str> = parts.into_iter().flatten().collect();
        lines.place = parts.join(", ");
        let place = lines.place.clone();
        drop(lines);
        if !place.is_empty() {
            self.tell(place);
        }
    }

    /// These are known already.
    pub fn passes(&self, whats: &[&str]) {
        self.reckon(|remaining| whats.iter().for_each(|what| remaining.passes(what)));
        self.bar.inc(whats.len() as u64);
    }

    /// This is begun.
    pub fn begins(&self, what: &str) {
        self.reckon(|remaining| remaining.begins(what, self.now()));
        let place = self.lines().place.clone();
        let parts = [place.as_str(), what].into_iter();
        let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
        self.bar.set_message(parts.join("  "));
    }

    /// Something to be said at once.
    pub fn say(&self, text: &str) {
        if self.lines().state != State::Dropped {
            self.print(text);
        }
    }

    /// Something that the user must say yes to for the result to mean anything, quiet or not.
    pub fn ask(&self, question: &str) {
        self.print(question);
    }

    /// So many of all products that something takes have been made since it began: how long the rest takes, on the line each time,
    /// and in a line of its own where `is_told`.
    pub fn comes_to(&self, what: &str, [done, all]: [usize; 2], since: Instant, is_told: bool) {
        let seconds = since.elapsed().as_secs_f64() / done.max(1) as f64;
        let left = seconds * all.saturating_sub(done) as f64;
        let time = hours_minutes_seconds(left.round() as u64);
        let text = format!("{what}: {done} of {all} products, about {time} left");
        if is_told && left >= WORTH_TELLING {
            self.tell(text.clone());
        }
        self.bar.set_message(text);
    }

    /// Something that the user must know, quiet or not.
    pub fn warn(&self, warning: &str) {
        self.print(&format!("warning: {warning}"));
    }

    /// Another thing was found.
    pub fn found(&self, text: String) {
        self.bar.inc(1);
        let left = self.reckon(|remaining| {
            remaining.ends(self.now());
            remaining.left(self.now())
        });
        match left.filter(|(left, _)| *left >= WORTH_TELLING) {
            None => self.tell(text),
            Some((left, is_open)) => {
                let word = if is_open { "at least" } else { "about" };
                let left = hours_minutes_seconds(left.round() as u64);
                self.tell(format!("{text}; {word} {left} left"));
            }
        }
    }

    /// A line for what was found.
    fn tell(&self, text: String) {
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

    /// Something about the time left, and nothing about the line meanwhile.
    fn reckon<T>(&self, change: impl FnOnce(&mut Remaining) -> T) -> T {
        change(&mut locked(&self.remaining))
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        locked(&self.lines)
    }

    fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::{ProgressDrawTarget, TermLike};
    use std::io;
    use std::sync::mpsc;

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

    /// A terminal that shows nothing.
    #[derive(Debug)]
    struct Nowhere;

    impl TermLike for Nowhere {
        fn width(&self) -> u16 {
            80
        }

        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, _: &str) -> io::Result<()> {
            Ok(())
        }

        fn write_str(&self, _: &str) -> io::Result<()> {
            Ok(())
        }

        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The line is drawn within nearly every call, and asks for the time left each time.
    #[test]
    fn a_line_that_is_drawn_at_any_moment_waits_for_nobody() {
        let (ended, end) = mpsc::channel();
        std::thread::spawn(move || {
            let finding = Finding::new(3, false);
            let screen = ProgressDrawTarget::term_like_with_hz(Box::new(Nowhere), 255);
            finding.bar.set_draw_target(screen);
            let pause = || std::thread::sleep(Duration::from_millis(5));
            finding.expect_runs(2);
            for run in ["one", "other"] {
                pause();
                finding.begins_run(Some(run.to_owned()));
                pause();
                finding.expect_items("ready", &["a", "b", "c"]);
                pause();
                finding.has_cost("b", 20.0);
                pause();
                finding.passes(&["a"]);
                for what in ["b", "c"] {
                    pause();
                    finding.begins(what);
                    pause();
                    finding.found(format!("{what} 1"));
                }
            }
            finding.close();
            ended.send(()).unwrap();
        });
        assert_eq!(end.recv_timeout(Duration::from_secs(60)), Ok(()));
    }

    #[test]
    fn what_takes_long_tells_how_far_it_is() {
        let finding = Finding::new(1, false);
        let since = Instant::now() - Duration::from_secs(100);
        finding.comes_to("density", [1, 4], since, false);
        assert!(finding.lines().held.is_empty());
        finding.comes_to("density", [2, 4], since, true);
        let held = finding.lines().held.clone();
        assert!(
            held.len() == 1 && held[0].starts_with("density: 2 of 4 products, about 1:40 left"),
            "{held:?}"
        );
        // Nothing that is over soon.
        finding.comes_to("density", [4, 4], since, true);
        assert_eq!(finding.lines().held.len(), 1);
    }

    #[test]
    fn quiet_keeps_nothing() {
        let finding = Finding::new(3, true);
        finding.found("first".to_owned());
        finding.show();
        assert!(finding.lines().held.is_empty());
    }
}
