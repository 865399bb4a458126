//! `lab watch`.

use super::output::print;
use super::runs::is_sweep;
use super::{CommandError, ExitCode, interrupt};
use crate::config::{self, Config};
use crate::measure;
use crate::report::{Pace, Sight, StatusReport, SweepSight, seed_line};
use crate::run::{DirectoryError, Following, RunDirectory, RunRecord, Status};
use crate::sweep::{MemberState, State, SweepDirectory};
use clap::Args;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Follow a run or a sweep that is being trained by another process.
///
/// On a terminal: curves of the losses and of λmax beside the edge of stability, and the time left, drawn anew as they
/// change. Elsewhere a line for each epoch, or for each task that ends. Nothing is written or locked. It ends with the
/// run: with 0 where that has finished, 1 where it has failed or was broken off; of a sweep when no task is left, however long
/// nothing is trained meanwhile, as in a queue.
#[derive(Args, Debug)]
pub struct WatchArgs {
    /// A run directory, or the folder of a sweep: runs/NAME/seed-N, runs/NAME
    #[arg(value_name = "RUN")]
    directory: PathBuf,
    /// Print lines on a terminal too
    #[arg(long)]
    plain: bool,
}

/// How often rows are looked for.
const BETWEEN_LOOKS: Duration = Duration::from_millis(300);

/// How often the runs of a sweep are.
const BETWEEN_STATES: Duration = Duration::from_secs(2);

/// How long nothing new has to come before it is asked whether the process is still there.
const SILENCE: Duration = Duration::from_secs(3);

/// More runs than this are not drawn at the same time.
const DRAWN: usize = 8;

/// Runs the command.
pub fn run(args: &WatchArgs) -> Result<ExitCode, CommandError> {
    let screen = Screen::new(args.plain);
    // Before anything is looked at, so that no signal is missed.
    interrupt::flag();
    let ended = match args.directory.join("config.toml").is_file() {
        true => watch_run(&args.directory, &screen),
        false if is_sweep(&args.directory) => watch_sweep(&args.directory, &screen),
        false => Err(DirectoryError::NotARun {
            path: args.directory.display().to_string(),
            reason: match args.directory.exists() {
                true => "it has neither the config.toml of a run nor the sweep.json of a sweep",
                false => "there is no such folder",
            }
            .to_owned(),
        }
        .into()),
    };
    screen.clear();
    ended
}

/// Lines that are drawn anew on a terminal.
struct Screen {
    /// None where lines are printed one after another.
    lines: Option<MultiProgress>,
    shown: std::cell::RefCell<Vec<ProgressBar>>,
}

impl Screen {
    fn new(is_plain: bool) -> Self {
        let is_terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        let is_drawn = is_terminal && !is_plain;
        Self {
            lines: is_drawn.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr())),
            shown: std::cell::RefCell::default(),
        }
    }

    fn is_plain(&self) -> bool {
        self.lines.is_none()
    }

    /// Draws these lines in place of those before.
    fn draw(&self, lines: &[String]) {
        let Some(all) = &self.lines else {
            return;
        };
        let mut shown = self.shown.borrow_mut();
        while shown.len() > lines.len() {
            shown.pop().iter().for_each(ProgressBar::finish_and_clear);
        }
        while shown.len() < lines.len() {
            let bar = all.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("{wide_msg}") {
                bar.set_style(style);
            }
            shown.push(bar);
        }
        for (bar, line) in shown.iter().zip(lines) {
            if bar.message() != *line {
                bar.set_message(line.clone());
            }
        }
    }

    fn clear(&self) {
        self.draw(&[]);
    }
}

/// A run that is followed.
struct Followed {
    config: Config,
    following: Following,
    pace: Pace,
}

impl Followed {
    fn open(directory: &RunDirectory) -> Result<Self, CommandError> {
        Ok(Self {
            config: config::load(&directory.config_file(), &[], &measure::names())?,
            following: Following::default(),
            pace: Pace::default(),
        })
    }

    fn look(&mut self, directory: &RunDirectory, now: f64) -> Result<bool, DirectoryError> {
        let is_new = self.following.read(directory)?;
        let done = self.sight().done();
        self.pace.seen(now, done);
        Ok(is_new)
    }

    fn sight(&self) -> Sight<'_> {
        Sight {
            config: &self.config,
            rows: &self.following.rows,
        }
    }
}

fn watch_run(place: &Path, screen: &Screen) -> Result<ExitCode, CommandError> {
    let directory = RunDirectory::open(place)?;
    let mut run = Followed::open(&directory)?;
    let began = Instant::now();
    let (mut last_news, mut told) = (began, None);
    loop {
        // The end first: rows that are written before it are read after it.
        let is_silent = last_news.elapsed() >= SILENCE || run.following.rows.is_empty();
        let ended = ended(place, &directory, is_silent);
        let now = began.elapsed().as_secs_f64();
        if run.look(&directory, now)? {
            last_news = Instant::now();
        }
        let left = run.pace.left(now).filter(|_| ended.is_none());
        if screen.is_plain() {
            for seen in run.sight().evaluations(told) {
                if let Some((step, line)) = seen.evaluation(left) {
                    told = Some(step);
                    print(&line)?;
                }
            }
        }
        let word = ended.as_ref().map_or("running", |state| state.word());
        let lines = run.sight().lines(word, left);
        if let Some(state) = ended {
            screen.clear();
            if !screen.is_plain() {
                print(&lines.join("\n"))?;
            }
            return ending(&state, place);
        }
        screen.draw(&lines);
        if is_interrupted(BETWEEN_LOOKS) {
            return Ok(ExitCode::Interrupted);
        }
    }
}

/// What became of a run that is not being trained any more. Its record says how it ended; only of one that has told
/// nothing for a while is it asked whether its process is there.
fn ended(place: &Path, directory: &RunDirectory, is_silent: bool) -> Option<State> {
    let record = directory.read_json::<RunRecord>("run.json").ok();
    let is_running = record.is_none_or(|record| record.status == Status::Running);
    if is_running && !is_silent {
        return None;
    }
    match MemberState::of(place, None).state {
        State::Running | State::NotBegun | State::Waiting => None,
        state => Some(state),
    }
}

/// Tells how a run has ended.
fn ending(state: &State, place: &Path) -> Result<ExitCode, CommandError> {
    let place = place.display().to_string();
    match state {
        State::Finished(summary) => {
            print(&seed_line(summary, &place))?;
            Ok(ExitCode::Success)
        }
        State::BrokenOff => {
            print(&format!(
                "{place}: broken off; `lab train --resume {place}` goes on with it"
            ))?;
            Ok(ExitCode::Failed)
        }
        state => {
            let reason = state.reason().unwrap_or_default();
            print(&format!("{place}: {}: {reason}", state.word()))?;
            Ok(ExitCode::Failed)
        }
    }
}

fn watch_sweep(place: &Path, screen: &Screen) -> Result<ExitCode, CommandError> {
    let directory = SweepDirectory::open(place)?;
    let mut runs: BTreeMap<PathBuf, Followed> = BTreeMap::new();
    let mut told: Vec<bool> = vec![false; directory.listing.tasks.len()];
    let began = Instant::now();
    let (mut progress, mut last_busy) = (String::new(), Some(began));
    loop {
        let states = directory.states();
        let sight = SweepSight(StatusReport {
            listing: &directory.listing,
            states: &states,
        });
        for (number, member) in states.iter().enumerate() {
            let is_over =
                matches!(member.state, State::Finished(_)) || member.state.reason().is_some();
            if is_over && !told[number] {
                told[number] = true;
                if screen.is_plain() {
                    print(&format!("task {number}: {}", ended_member(member)))?;
                }
            }
        }
        let mut lines = vec![sight.progress()];
        let now = began.elapsed().as_secs_f64();
        runs.retain(|place, _| {
            states
                .iter()
                .any(|member| member.place == *place && is_running(member))
        });
        for member in states
            .iter()
            .filter(|member| is_running(member))
            .take(DRAWN)
        {
            lines.extend(look(&mut runs, &member.place, now));
        }
        let (is_over, failed) = sight.ending();
        if (screen.is_plain() || is_over) && lines[0] != progress {
            screen.clear();
            print(&lines[0])?;
            progress.clone_from(&lines[0]);
        }
        if is_over {
            return Ok(match failed {
                0 => ExitCode::Success,
                _ => ExitCode::Failed,
            });
        }
        match states.iter().any(is_running) {
            true => last_busy = Some(Instant::now()),
            // Once: jobs may be waiting in a queue.
            false if last_busy.is_some_and(|last| last.elapsed() >= SILENCE) => {
                last_busy = None;
                eprintln!(
                    "{}: nothing is trained now; this follows what begins, Ctrl-C ends it, and `lab sweep FILE --resume` \
                     goes on with what is left",
                    place.display()
                );
            }
            false => {}
        }
        screen.draw(&lines);
        if is_interrupted(BETWEEN_STATES) {
            return Ok(ExitCode::Interrupted);
        }
    }
}

fn is_running(member: &MemberState) -> bool {
    matches!(member.state, State::Running)
}

/// What is seen of a member that is being trained; nothing where it has not written enough yet.
fn look(runs: &mut BTreeMap<PathBuf, Followed>, place: &Path, now: f64) -> Option<String> {
    let directory = RunDirectory::open(place).ok()?;
    if !runs.contains_key(place) {
        runs.insert(place.to_owned(), Followed::open(&directory).ok()?);
    }
    let run = runs.get_mut(place)?;
    run.look(&directory, now).ok()?;
    Some(run.sight().brief(run.pace.left(now)))
}

/// How a member has ended, in a line.
fn ended_member(member: &MemberState) -> String {
    let place = member.place.display().to_string();
    match &member.state {
        State::Finished(summary) => seed_line(summary, &place),
        state => format!(
            "{place}: {}: {}",
            state.word(),
            state.reason().unwrap_or_default()
        ),
    }
}

/// Waits; says whether the user has asked to stop meanwhile.
fn is_interrupted(time: Duration) -> bool {
    let end = Instant::now() + time;
    while Instant::now() < end {
        if interrupt::flag().load(Ordering::SeqCst) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}
