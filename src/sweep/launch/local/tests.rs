//! Tasks of a shell in the place of runs.

use super::*;
use std::path::{Path, PathBuf};

/// Tasks of a shell, whose state is a file for each.
struct Shell {
    folder: PathBuf,
    script: &'static str,
}

impl Shell {
    fn file(&self, task: usize) -> PathBuf {
        self.folder.join(task.to_string())
    }
}

impl Tasks for Shell {
    fn state(&self, task: usize) -> Result<MemberState, SweepError> {
        let text = std::fs::read_to_string(self.file(task)).unwrap_or_default();
        Ok(MemberState {
            place: PathBuf::new(),
            state: match text.trim() {
                "" => State::NotBegun,
                "broken off" => State::BrokenOff,
                // That of a finished one would need a summary.
                reason => State::Diverged(reason.to_owned()),
            },
            record: None,
        })
    }

    fn command(&self, task: usize) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", self.script, "sh"]).arg(self.file(task));
        command
    }

    fn must_converge(&self, task: usize) -> bool {
        task != 4
    }
}

#[derive(Default)]
struct Notes {
    failed: Vec<(usize, String)>,
    most: usize,
}

impl Observer for Notes {
    fn failed(&mut self, task: usize, reason: &str) {
        self.failed.push((task, reason.to_owned()));
    }

    fn waited(&mut self, running: &[(usize, f64)], _: &VecDeque<usize>) {
        self.most = self.most.max(running.len());
    }
}

fn run_all(folder: &Path, script: &'static str, fails_fast: bool) -> (Outcome, Notes) {
    let tasks = Shell {
        folder: folder.to_owned(),
        script,
    };
    let options = Options {
        jobs: 2,
        fails_fast,
    };
    let mut notes = Notes::default();
    let flag = AtomicBool::new(false);
    let outcome = run(&tasks, 0..5, options, &flag, &mut notes).unwrap();
    notes.failed.sort();
    (outcome, notes)
}

#[test]
fn each_task_runs_once_and_so_many_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let (outcome, notes) = run_all(folder.path(), "sleep 0.05; echo run >> $1", false);
    let Outcome {
        finished,
        failed,
        left,
    } = outcome;
    assert_eq!((finished, failed, left), (1, 4, 0));
    assert_eq!(notes.most, 2);
    // Twice would be "run\nrun".
    assert!(notes.failed.iter().all(|(_, reason)| reason == "run"));
}

#[test]
fn a_process_that_leaves_nothing_has_failed_with_what_it_said() {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo 'error: no luck' >&2; exit 1";
    let (outcome, notes) = run_all(folder.path(), script, false);
    assert_eq!((outcome.failed, outcome.left), (5, 0));
    assert_eq!(notes.failed[0], (0, "no luck".to_owned()));
    let (_, notes) = run_all(folder.path(), "kill -9 $$", false);
    assert!(
        notes.failed[0].1.contains("signal: 9"),
        "{:?}",
        notes.failed
    );
}

#[test]
fn a_failure_ends_all_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let script = "case $1 in */0) exit 1;; esac; echo broken off > $1; exec sleep 20";
    let began = Instant::now();
    let (outcome, _) = run_all(folder.path(), script, true);
    assert_eq!((outcome.failed, outcome.left), (1, 4));
    assert!(began.elapsed() < Duration::from_secs(10));
}
