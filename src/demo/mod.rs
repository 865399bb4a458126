//! Lessons: what the laboratory shows in a minute. A lesson is a name for commands that anybody can give, with the picture
//! and the sentence that come of them, and what they do not show.

mod lessons;
mod sentence;

pub use lessons::LESSONS;
pub use sentence::sentence;

/// What stands for a lesson's folder in its commands.
pub const FOLDER: &str = "{folder}";

/// A lesson.
#[derive(Clone, Copy, Debug)]
pub struct Lesson {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is about, in a few words.
    pub about: &'static str,
    /// The commands of `lab`, without that word; [`FOLDER`] stands for the lesson's folder.
    pub commands: &'static [Command],
    /// The picture, from the lesson's folder.
    pub picture: &'static str,
    /// Where the sentence about what was shown comes from.
    pub shown: Shown,
    /// What it does not show.
    pub not_shown: &'static str,
}

/// A command of a lesson.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// Its words, between blanks.
    pub words: &'static str,
    /// The file of the lesson's folder that its standard output is written to; it is thrown away where there is none.
    pub into: Option<&'static str>,
}

impl Command {
    const fn new(words: &'static str) -> Self {
        Self { words, into: None }
    }

    const fn into(words: &'static str, file: &'static str) -> Self {
        Self {
            words,
            into: Some(file),
        }
    }

    /// Its words, with the lesson's folder in its place.
    pub fn words(&self, folder: &str) -> Vec<String> {
        let words = self.words.split_whitespace();
        words.map(|word| word.replace(FOLDER, folder)).collect()
    }
}

/// Where a lesson's sentence comes from. All files are below its folder.
#[derive(Clone, Copy, Debug)]
pub enum Shown {
    /// What an experiment found.
    Experiment {
        /// `result.json`.
        result: &'static str,
    },
    /// How two groups of runs differ in these measures.
    Comparison {
        /// The comparison as JSON.
        file: &'static str,
        /// The measures.
        measures: &'static [&'static str],
    },
    /// What the first map of an invariance report makes of these measures.
    Invariance {
        /// The report as JSON.
        file: &'static str,
        /// The measures.
        measures: &'static [&'static str],
    },
    /// Where a measure lies in the last third of a run.
    LastThird {
        /// The run's rows.
        rows: &'static str,
        /// The measure.
        measure: &'static str,
        /// What it is, before "goes from".
        name: &'static str,
        /// What its number means, in a sentence.
        meaning: &'static str,
    },
}
