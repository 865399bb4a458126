//! Tasks as processes of this machine, so many at a time.

use crate::sweep::{MemberState, State, SweepError};
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two looks at what runs.
const TICK: Duration = Duration::from_millis(10);

/// Between two looks at tasks that other processes have.
const BUSY: Duration = Duration::from_millis(300);

/// A task is given this often before it counts as failed: another process that had it may have been killed.
const TRIES: usize = 3;

/// What there is to run.
pub trait Tasks {
    /// What became of a task so far.
    ///
    /// # Errors
    ///
    /// Why that cannot be told.
    fn state(&self, task: usize) -> Result<MemberState, SweepError>;

    /// The command that runs it; it says something on its standard output only where it has trained.
    fn command(&self, task: usize) -> Command;

    /// Whether the sweep lacks something where the task diverges.
    fn must_converge(&self, task: usize) -> bool;
}

/// Whoever watches. Every method has an empty default.
pub trait Observer {
    /// A task came to its end after so many seconds; after none where another process has trained it.
    fn ended(&mut self, _task: usize, _state: &MemberState, _seconds: Option<f64>) {}

    /// A task has failed, for this reason.
    fn failed(&mut self, _task: usize, _reason: &str) {}

    /// Time has passed: these run, each for so many seconds, and so many are left besides.
    fn waited(&mut self, _running: &[(usize, f64)], _queue: &VecDeque<usize>) {}
}

/// How many tasks run at a time, and what a failure does.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Processes at a time.
    pub jobs: usize,
    /// Whether the first failure ends all.
    pub fails_fast: bool,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Tasks that have come to their end, now or before.
    pub finished: usize,
    /// Tasks that have failed, or diverged.
    pub failed: usize,
    /// Tasks that are left.
    pub left: usize,
}

/// Runs tasks in their order until all have ended or the flag is raised; then those under way save a checkpoint. Tasks
/// that another process has are left to it, and looked at again.
///
/// # Errors
///
/// That of [`Tasks::state`], or of a process that cannot be started; none is left running.
pub fn run(
    tasks: &dyn Tasks,
    order: impl Iterator<Item = usize>,
    options: Options,
    flag: &AtomicBool,
    observer: &mut dyn Observer,
) -> Result<Outcome, SweepError> {
    let mut pool = Pool {
        tasks,
        options,
        queue: order.collect(),
        running: Vec::new(),
        tries: BTreeMap::new(),
        outcome: Outcome::default(),
        is_stopping: false,
    };
    let result = pool.run(flag, observer);
    if result.is_err() {
        pool.stop();
        while let Some(process) = pool.running.pop() {
            process.collect();
        }
    }
    result.map(|()| pool.outcome)
}

struct Pool<'a> {
    tasks: &'a dyn Tasks,
    options: Options,
    queue: VecDeque<usize>,
    running: Vec<Process>,
    tries: BTreeMap<usize, usize>,
    outcome: Outcome,
    is_stopping: bool,
}

impl Pool<'_> {
    fn run(&mut self, flag: &AtomicBool, observer: &mut dyn Observer) -> Result<(), SweepError> {
        let mut looked: Option<Instant> = None;
        loop {
            let has_ended = self.collect(observer)?;
            if flag.load(Ordering::SeqCst) && !self.is_stopping {
                self.stop();
            }
            let is_time = looked.is_none_or(|then| then.elapsed() >= BUSY);
            if !self.is_stopping && (has_ended || is_time) {
                self.fill(observer)?;
                looked = Some(Instant::now());
            }
            if self.running.is_empty() && (self.queue.is_empty() || self.is_stopping) {
                self.outcome.left = self.queue.len();
                return Ok(());
            }
            let running = self.running.iter();
            let running: Vec<(usize, f64)> = running.map(Process::elapsed).collect();
            observer.waited(&running, &self.queue);
            std::thread::sleep(TICK);
        }
    }

    /// Starts tasks while there is room, passing over those that cannot be had now.
    fn fill(&mut self, observer: &mut dyn Observer) -> Result<(), SweepError> {
        let mut passed = VecDeque::new();
        while self.running.len() < self.options.jobs && !self.is_stopping {
            let Some(task) = self.queue.pop_front() else {
                break;
            };
            let state = match self.tasks.state(task) {
                Err(error @ SweepError::Tuning { .. }) => {
                    self.failed(task, &error.to_string(), observer);
                    continue;
                }
                state => state?,
            };
            match &state.state {
                State::Finished(_) => {
                    self.outcome.finished += 1;
                    observer.ended(task, &state, None);
                }
                State::Diverged(_) if !self.tasks.must_converge(task) => {
                    self.outcome.finished += 1;
                    observer.ended(task, &state, None);
                }
                State::Diverged(reason) | State::Unusable(reason) => {
                    self.failed(task, reason, observer);
                }
                State::Running => passed.push_back(task),
                // It would itself tune what others are tuning.
                State::Waiting if !self.running.is_empty() => passed.push_back(task),
                State::Waiting | State::NotBegun | State::BrokenOff | State::Failed(_) => {
                    self.start(task)?;
                }
            }
        }
        passed.append(&mut self.queue);
        self.queue = passed;
        Ok(())
    }

    fn start(&mut self, task: usize) -> Result<(), SweepError> {
        *self.tries.entry(task).or_default() += 1;
        let process = Process::start(task, self.tasks.command(task));
        let process = process.map_err(|source| SweepError::Io {
            path: format!("the process of task {task}"),
            source,
        })?;
        self.running.push(process);
        Ok(())
    }

    /// Takes note of the processes that have ended; the answer is whether there was one.
    fn collect(&mut self, observer: &mut dyn Observer) -> Result<bool, SweepError> {
        let mut has_ended = false;
        let mut index = 0;
        while index < self.running.len() {
            if !self.running[index].has_ended() {
                index += 1;
                continue;
            }
            has_ended = true;
            let process = self.running.swap_remove(index);
            let (task, seconds) = process.elapsed();
            let (status, [told, said]) = process.collect();
            let seconds = (!told.is_empty()).then_some(seconds);
            let state = match self.tasks.state(task) {
                Err(error @ SweepError::Tuning { .. }) => {
                    self.failed(task, &error.to_string(), observer);
                    continue;
                }
                state => state?,
            };
            self.note(task, &state, seconds, status, &said, observer);
        }
        Ok(has_ended)
    }

    fn note(
        &mut self,
        task: usize,
        state: &MemberState,
        seconds: Option<f64>,
        status: Option<ExitStatus>,
        said: &str,
        observer: &mut dyn Observer,
    ) {
        let was_well = status.is_some_and(|status| status.success());
        let tries = self.tries.get(&task).copied().unwrap_or_default();
        match &state.state {
            State::Finished(_) => {
                self.outcome.finished += 1;
                observer.ended(task, state, seconds);
            }
            State::Diverged(_) if !self.tasks.must_converge(task) => {
                self.outcome.finished += 1;
                observer.ended(task, state, seconds);
            }
            State::Failed(reason) | State::Diverged(reason) | State::Unusable(reason) => {
                self.failed(task, reason, observer);
            }
            State::Running => self.queue.push_back(task),
            State::Waiting | State::NotBegun | State::BrokenOff => {
                // Asked to stop; or left to another process, which has been killed since.
                if self.is_stopping || (was_well && tries < TRIES) {
                    self.queue.push_back(task);
                } else {
                    self.failed(task, &why(status, said), observer);
                }
            }
        }
    }

    fn failed(&mut self, task: usize, reason: &str, observer: &mut dyn Observer) {
        self.outcome.failed += 1;
        observer.failed(task, reason);
        if self.options.fails_fast && !self.is_stopping {
            self.stop();
        }
    }

    /// Asks what runs to save and leave.
    fn stop(&mut self) {
        self.is_stopping = true;
        for process in &mut self.running {
            process.ask_to_stop();
        }
    }
}

/// What a process that has left no reason on the disk ended of.
fn why(status: Option<ExitStatus>, said: &str) -> String {
    let lines = said.lines().rev().map(str::trim);
    let last = lines
        .filter(|line| !line.is_empty())
        .map(|line| line.strip_prefix("error: ").unwrap_or(line));
    let how = match status {
        None => "its process was lost".to_owned(),
        // "exit status: 1", "signal: 9 (SIGKILL)"
        Some(status) => format!("its process ended with {status}"),
    };
    last.into_iter().next().map_or(how, str::to_owned)
}

/// A task under way.
struct Process {
    task: usize,
    child: Child,
    /// What it says on standard output and standard error.
    said: [Option<JoinHandle<String>>; 2],
    began: Instant,
    status: Option<ExitStatus>,
}

impl Process {
    fn start(task: usize, mut command: Command) -> io::Result<Self> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        apart(&mut command);
        let mut child = command.spawn()?;
        let said = [
            child.stdout.take().map(read_aside),
            child.stderr.take().map(read_aside),
        ];
        Ok(Self {
            task,
            child,
            said,
            began: Instant::now(),
            status: None,
        })
    }

    fn elapsed(&self) -> (usize, f64) {
        (self.task, self.began.elapsed().as_secs_f64())
    }

    fn has_ended(&mut self) -> bool {
        match self.child.try_wait() {
            Ok(status) => {
                self.status = status;
                status.is_some()
            }
            // Nobody can tell any more: it is gone.
            Err(_) => true,
        }
    }

    /// How it ended, and what it said.
    fn collect(mut self) -> (Option<ExitStatus>, [String; 2]) {
        let status = self.status.or_else(|| self.child.wait().ok());
        let said = self.said.map(|said| said.and_then(|said| said.join().ok()));
        (status, said.map(Option::unwrap_or_default))
    }

    #[cfg(unix)]
    fn ask_to_stop(&mut self) {
        if let Ok(id) = libc::pid_t::try_from(self.child.id()) {
            // SAFETY: the child has not been waited for, so the number is still its own.
            unsafe { libc::kill(id, libc::SIGTERM) };
        }
    }

    #[cfg(not(unix))]
    fn ask_to_stop(&mut self) {
        let _ = self.child.kill();
    }
}

/// Reads what a process says while it runs, so that it never waits for a reader.
fn read_aside(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was said until it could not be read any more.
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Puts a process into a group of its own, so that Ctrl-C reaches it once, through us, and ends it well where we are
/// killed.
#[cfg(unix)]
fn apart(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
    #[cfg(target_os = "linux")]
    // SAFETY: between fork and exec only a call that may be made there.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM as libc::c_ulong);
            Ok(())
        });
    }
}

#[cfg(not(unix))]
fn apart(_: &mut Command) {}

#[cfg(all(test, unix))]
mod tests;
