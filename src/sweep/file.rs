//! A sweep as it is written.

use super::SweepError;
use crate::config::is_folder_name;
use crate::seeds::parse_seeds;
use serde::Deserialize;
use std::collections::BTreeSet;

/// What stands in the file of a sweep.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepFile {
    /// The folder of the sweep; the file's stem where it is absent.
    pub name: Option<String>,
    /// The config that every member begins with, a path from the folder of the sweep's file.
    pub base: String,
    /// Keys of the config with the values that every member has.
    #[serde(default)]
    pub set: toml::Table,
    /// Keys of the base that no member has.
    #[serde(default)]
    pub unset: Vec<String>,
    /// Keys with lists of values, of which every combination is a point.
    #[serde(default)]
    pub axes: toml::Table,
    /// Keys with lists of values of one length, which move together.
    #[serde(default)]
    pub zip: toml::Table,
    /// Named settings, each combined with every point of the axes.
    #[serde(default)]
    pub arms: Vec<ArmEntry>,
    /// The seeds of every arm.
    #[serde(default)]
    pub seeds: SeedsEntry,
    /// What is equal between members.
    #[serde(rename = "match")]
    pub matching: Option<Matching>,
    /// The length for `match = "epochs"`; the base's where it is absent.
    pub epochs: Option<usize>,
    /// The length for `match = "steps"`; the base's where it is absent.
    pub steps: Option<usize>,
    /// The target of `match = "train_loss"`; the base's where it is absent.
    pub train_loss: Option<f64>,
    /// The sum of learning rates for `match = "cumulative_learning_rate"`; the base's where it is absent.
    pub cumulative_learning_rate: Option<f64>,
    /// Where learning rates come from.
    #[serde(default)]
    pub learning_rate_rule: RateRule,
    /// The batch size at which the learning rate is as written, for the rules that follow the batch size; the base's
    /// where it is absent.
    pub base_batch: Option<usize>,
    /// How learning rates are tuned.
    #[serde(default)]
    pub tuning: Tuning,
    /// What a Slurm job asks for.
    #[serde(default)]
    pub slurm: Slurm,
}

/// `[[arms]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArmEntry {
    /// Its name, a part of the folder of its runs.
    pub name: String,
    /// Keys of the config with their values.
    #[serde(default)]
    pub set: toml::Table,
    /// Keys of the base that it does not have.
    #[serde(default)]
    pub unset: Vec<String>,
}

/// `seeds`: a range such as `"0..5"`, or a list.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "must be a range such as \"0..5\", or a list such as [0, 3, 7]"
)]
pub enum SeedsEntry {
    /// A range.
    Range(String),
    /// A list.
    List(Vec<u64>),
}

impl Default for SeedsEntry {
    fn default() -> Self {
        Self::List(vec![0])
    }
}

/// What is equal between the members of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Matching {
    /// Passes over the training samples.
    Epochs,
    /// Updates.
    Steps,
    /// The training loss at the end: the last step is shortened so that it is this.
    TrainLoss,
    /// The sum of the learning rates of all steps, to half a step.
    CumulativeLearningRate,
}

/// Where learning rates come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateRule {
    /// From the config as written.
    #[default]
    Fixed,
    /// In proportion to the batch size.
    Linear,
    /// With the square root of the batch size.
    #[serde(alias = "square_root")]
    Sqrt,
    /// The best of a few for each arm, by the loss on a held-out part of the training samples.
    Tuned,
}

/// `[tuning]`: how learning rates are tuned.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tuning {
    /// What the learning rate as written is multiplied by.
    pub factors: Vec<f64>,
    /// The fraction of the training samples that is held out.
    pub held_out: f64,
    /// The seeds whose mean loss decides; the first of the sweep where they are absent.
    pub seeds: Option<SeedsEntry>,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            factors: vec![0.25, 0.5, 1.0, 2.0, 4.0],
            held_out: 0.2,
            seeds: None,
        }
    }
}

/// `[slurm]`: what an array job asks for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slurm {
    /// The partition; the cluster's default where it is absent.
    pub partition: Option<String>,
    /// The account that pays.
    pub account: Option<String>,
    /// The quality of service.
    pub qos: Option<String>,
    /// Which nodes will do.
    pub constraint: Option<String>,
    /// The time limit of a member, such as `"02:00:00"`.
    pub time: Option<String>,
    /// The memory of a member, such as `"2G"`.
    pub memory: Option<String>,
    /// The cores, and threads, of a member.
    pub cpus: Option<usize>,
    /// The most members at a time.
    pub concurrent: Option<usize>,
    /// Seconds before the time limit at which a member saves and queues itself again.
    pub save_before: Option<u64>,
    /// More options of `sbatch`, such as `"--gres=gpu:1"`.
    #[serde(default)]
    pub options: Vec<String>,
    /// Lines of shell before the member is run, such as `"module load cuda"`.
    #[serde(default)]
    pub setup: Vec<String>,
}

impl SweepFile {
    /// Reads the text of a sweep; `file` is what errors call it.
    ///
    /// # Errors
    ///
    /// [`SweepError::Syntax`] or [`SweepError::Rule`], the first thing that is wrong.
    pub fn parse(text: &str, file: &str) -> Result<Self, SweepError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let read: Self = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let before = text.get(..start).unwrap_or(text);
            let words: Vec<&str> = error.message().split_whitespace().collect();
            SweepError::Syntax {
                file: file.to_owned(),
                line: before.matches('\n').count() + 1,
                column: before.chars().rev().take_while(|&c| c != '\n').count() + 1,
                message: words.join(" "),
            }
        })?;
        let checked = read.check();
        checked.map_err(|rule| SweepError::rule(file, rule))?;
        Ok(read)
    }

    fn check(&self) -> Result<(), String> {
        if let Some(name) = self.name.as_ref().filter(|name| !is_folder_name(name)) {
            return Err(format!("`name` = {name:?} {}", must_be_a_folder()));
        }
        self.check_arms()?;
        self.check_lengths()?;
        self.check_tuning()?;
        self.slurm.check()
    }

    fn check_arms(&self) -> Result<(), String> {
        let mut names = BTreeSet::new();
        for ArmEntry { name, .. } in &self.arms {
            if !is_folder_name(name) {
                return Err(format!("an arm's `name` = {name:?} {}", must_be_a_folder()));
            }
            if ["tuning", "slurm"].contains(&name.as_str()) {
                return Err(format!(
                    "an arm cannot have the name {name:?}: the sweep has a folder of its own of that name"
                ));
            }
            if !names.insert(name) {
                return Err(format!(
                    "two arms have the name {name:?}: give each a name of its own, which its folder has too"
                ));
            }
        }
        Ok(())
    }

    /// Refuses the length of a matching that is not this sweep's.
    fn check_lengths(&self) -> Result<(), String> {
        let lengths = [
            ("epochs", self.epochs.is_some(), Matching::Epochs),
            ("steps", self.steps.is_some(), Matching::Steps),
            ("train_loss", self.train_loss.is_some(), Matching::TrainLoss),
            (
                "cumulative_learning_rate",
                self.cumulative_learning_rate.is_some(),
                Matching::CumulativeLearningRate,
            ),
        ];
        for (key, is_set, matching) in lengths {
            if is_set && self.matching != Some(matching) {
                return Err(format!("`{key}` is only for match = \"{key}\""));
            }
        }
        let counts = [("epochs", self.epochs), ("steps", self.steps)];
        let counts = counts.into_iter().chain([("base_batch", self.base_batch)]);
        for (key, value) in counts {
            if value == Some(0) {
                return Err(format!("`{key}` must be at least 1, found 0"));
            }
        }
        let reals = [
            ("train_loss", self.train_loss),
            ("cumulative_learning_rate", self.cumulative_learning_rate),
        ];
        for (key, value) in reals {
            if let Some(found) = value.filter(|value| !(value.is_finite() && *value > 0.0)) {
                return Err(format!("`{key}` must be above 0, found {found}"));
            }
        }
        let follows = matches!(self.learning_rate_rule, RateRule::Linear | RateRule::Sqrt);
        if self.base_batch.is_some() && !follows {
            let rule = "`base_batch` is only for learning_rate_rule = \"linear\" or \"sqrt\"";
            return Err(rule.to_owned());
        }
        Ok(())
    }

    fn check_tuning(&self) -> Result<(), String> {
        let Tuning {
            factors, held_out, ..
        } = &self.tuning;
        if let Some(found) = factors.iter().find(|f| !(f.is_finite() && **f > 0.0)) {
            return Err(format!("`tuning.factors` must be above 0, found {found}"));
        }
        let mut sorted = factors.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.dedup();
        if sorted.len() != factors.len() || factors.len() < 2 {
            let rule = "`tuning.factors` must be two different numbers at least, each once";
            return Err(rule.to_owned());
        }
        if !(*held_out > 0.0 && *held_out < 1.0) {
            return Err(format!(
                "`tuning.held_out` must be in (0, 1), found {held_out}"
            ));
        }
        Ok(())
    }

    /// The seeds of every arm.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn seeds(&self) -> Result<Vec<u64>, String> {
        self.seeds.list("seeds")
    }

    /// The seeds that learning rates are tuned with.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn tuning_seeds(&self) -> Result<Vec<u64>, String> {
        match &self.tuning.seeds {
            Some(seeds) => seeds.list("tuning.seeds"),
            None => Ok(self.seeds()?.into_iter().take(1).collect()),
        }
    }
}

impl SeedsEntry {
    fn list(&self, key: &str) -> Result<Vec<u64>, String> {
        let seeds = match self {
            Self::Range(text) if text.trim().parse::<u64>().is_ok() => Err(format!(
                "{text:?} may be how many or which one: write a range such as \"0..5\", or a list such as [5]"
            )),
            Self::Range(text) => parse_seeds(text).map(|seeds| seeds.0),
            Self::List(list) if list.is_empty() => Err("there is no seed in it".to_owned()),
            Self::List(list) => {
                let mut seen = BTreeSet::new();
                match list.iter().find(|seed| !seen.insert(**seed)) {
                    Some(seed) => Err(format!("{seed} stands there twice")),
                    None => Ok(list.clone()),
                }
            }
        };
        let seeds = seeds.map_err(|reason| format!("`{key}`: {reason}"))?;
        match seeds.iter().find(|seed| i64::try_from(**seed).is_err()) {
            Some(seed) => Err(format!(
                "`{key}`: {seed} is above the largest seed, {}",
                i64::MAX
            )),
            None => Ok(seeds),
        }
    }
}

impl Slurm {
    fn check(&self) -> Result<(), String> {
        let words = [
            ("partition", &self.partition),
            ("account", &self.account),
            ("qos", &self.qos),
            ("constraint", &self.constraint),
            ("time", &self.time),
            ("memory", &self.memory),
        ];
        let of_options = self.options.iter().map(|option| ("options", option));
        let words = words
            .into_iter()
            .filter_map(|(key, word)| Some((key, word.as_ref()?)));
        for (key, word) in words.chain(of_options) {
            if word.trim().is_empty() || word.chars().any(char::is_control) {
                return Err(format!(
                    "`slurm.{key}` must be one line and not empty, found {word:?}"
                ));
            }
        }
        if let Some(option) = self.options.iter().find(|option| !option.starts_with('-')) {
            return Err(format!(
                "`slurm.options` are written as for sbatch, such as \"--gres=gpu:1\", found {option:?}"
            ));
        }
        if let Some(time) = self.time.as_ref().filter(|time| !is_time(time)) {
            return Err(format!(
                "`slurm.time` must be minutes, hours:minutes:seconds or days-hours:minutes:seconds, such as \"30\", \"02:00:00\" or \
                 \"1-12:00:00\", found {time:?}"
            ));
        }
        if let Some(memory) = self.memory.as_ref().filter(|memory| !is_memory(memory)) {
            return Err(format!(
                "`slurm.memory` must be a number of K, M, G or T, such as \"2G\", found {memory:?}"
            ));
        }
        for (key, count) in [("cpus", self.cpus), ("concurrent", self.concurrent)] {
            if count == Some(0) {
                return Err(format!("`slurm.{key}` must be at least 1, found 0"));
            }
        }
        Ok(())
    }
}

/// Whether `sbatch --time` takes a word.
fn is_time(word: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    let (days, rest) = match word.split_once('-') {
        Some((days, rest)) => (Some(days), rest),
        None => (None, word),
    };
    let parts: Vec<&str> = rest.split(':').collect();
    let is_unlimited = ["UNLIMITED", "INFINITE"].contains(&word.to_ascii_uppercase().as_str());
    is_unlimited
        || days.is_none_or(is_number) && parts.len() <= 3 && parts.into_iter().all(is_number)
}

/// Whether `sbatch --mem` takes a word.
fn is_memory(word: &str) -> bool {
    let number = word.trim_end_matches(['K', 'M', 'G', 'T', 'k', 'm', 'g', 't']);
    !number.is_empty()
        && word.len() - number.len() <= 1
        && number.chars().all(|c| c.is_ascii_digit())
}

fn must_be_a_folder() -> &'static str {
    "must be made of letters, digits, '.', '_' and '-', and not be \".\" or \"..\": it is a folder's name"
}
