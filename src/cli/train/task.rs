//! One run of a command that may have several, and how to go on with what is left of it.

use super::TrainArgs;
use std::path::Path;

/// One run of a command that may have several.
pub(super) struct Task<'a> {
    /// The command's arguments.
    pub args: &'a TrainArgs,
    /// Which of how many, where there are several.
    pub place: Option<(usize, usize)>,
    /// How many of them are finished.
    pub finished: usize,
}

impl<'a> Task<'a> {
    /// The only run of its command.
    pub fn single(args: &'a TrainArgs) -> Self {
        Self {
            args,
            place: None,
            finished: 0,
        }
    }

    /// How to go on after an interrupt in this run.
    pub fn hint(&self, run: &Path) -> String {
        match self.place {
            None => format!("continue with `lab train --resume {}`", run.display()),
            Some((_, of)) => format!(
                "{} of {of} runs are finished; continue with `{}`",
                self.finished,
                continuation(std::env::args().skip(1))
            ),
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
    let words: Vec<String> = words.into_iter().map(quoted).collect();
    words.join(" ")
}

/// A word as a shell reads it back.
fn quoted(word: String) -> String {
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
