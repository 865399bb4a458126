//! One run of a command, and how to go on with what is left of it.

use crate::report::finished_of;
use std::path::Path;

/// One run of a command that may have several.
pub(in crate::cli) struct Task<'a> {
    /// The folder with the data sets.
    pub data_dir: &'a Path,
    /// Whether an earlier run in the same place is replaced.
    pub force: bool,
    /// Whether there is no progress.
    pub quiet: bool,
    /// Whose run it is.
    pub command: Command,
}

/// A command that trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Command {
    /// It has one run.
    OfOneRun,
    /// It has several.
    OfSeveral {
        /// Which this is, from 1.
        run: usize,
        /// How many there are.
        of: usize,
        /// How many are finished.
        finished: usize,
    },
    /// It goes on with its run where it is given again.
    ToRepeat,
}

impl Command {
    /// Which of how many runs, where there are several.
    pub fn place(self) -> Option<(usize, usize)> {
        match self {
            Self::OfSeveral { run, of, .. } => Some((run, of)),
            Self::OfOneRun | Self::ToRepeat => None,
        }
    }
}

impl Task<'_> {
    /// How to go on after an interrupt in this run.
    pub fn hint(&self, run: &Path) -> String {
        let arguments = || std::env::args().skip(1);
        match self.command {
            Command::OfOneRun => format!("continue with `lab train --resume {}`", run.display()),
            Command::OfSeveral { of, finished, .. } => format!(
                "{}; continue with `{}`",
                finished_of(finished, of, "run"),
                continuation(arguments())
            ),
            Command::ToRepeat => format!("continue with `lab {}`", line(arguments())),
        }
    }
}

/// The command that does what is left of this one.
fn continuation(arguments: impl Iterator<Item = String>) -> String {
    let mut words = vec!["lab".to_owned()];
    words.extend(arguments.filter(|word| word != "--force"));
    if !words.iter().any(|word| word == "--resume") {
        words.push("--resume".to_owned());
    }
    line(words.into_iter())
}

/// Words as a line that a shell reads back.
fn line(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.map(quoted).collect();
    words.join(" ")
}

/// A word as a shell reads it back.
pub(in crate::cli) fn quoted(word: String) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_done_by_the_same_command_and_resume() {
        let command = |words: &[&str]| continuation(words.iter().map(|&word| word.to_owned()));
        let expected = "lab train --config c.toml --seeds 0..9 --resume";
        assert_eq!(
            command(&["train", "--config", "c.toml", "--force", "--seeds", "0..9"]),
            expected
        );
        assert_eq!(
            command(&["train", "--config", "c.toml", "--seeds", "0..9", "--resume"]),
            expected
        );
        assert_eq!(
            command(&[
                "train",
                "--resume",
                "--set",
                "model.hidden=[3, 4]",
                "--out",
                "it's"
            ]),
            "lab train --resume --set 'model.hidden=[3, 4]' --out 'it'\\''s'"
        );
    }
}
