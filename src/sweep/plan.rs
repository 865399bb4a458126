//! The tasks of a sweep with their configs.

use super::axes::{self, Arm};
use super::file::SweepFile;
use super::matching::{Target, rate_overrides, target};
use super::{MemberState, RateRule, SweepError};
use crate::config::{self, Config, ConfigError, Override};
use crate::data::{self, sha256_hex};
use crate::measure;
use crate::random::Streams;
use crate::run::RunDirectory;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A sweep: numbered tasks, fixed by its file and its base.
#[derive(Debug)]
pub struct Sweep {
    /// Its name, and that of its folder.
    pub name: String,
    /// What its file says.
    pub entries: SweepFile,
    /// The arms, in the order of the tasks.
    pub arms: Vec<Arm>,
    /// The tasks, each at its number.
    pub tasks: Vec<Task>,
    /// Equal for equal files and bases only, but for comments and what a cluster is asked for.
    pub fingerprint: String,
    file: String,
    base: Base,
    base_batch: Option<usize>,
    target: Option<Target>,
    known: Vec<&'static str>,
    data_dir: PathBuf,
    /// How many training samples there are, by the `[data]` of a config.
    samples: RefCell<BTreeMap<String, usize>>,
}

/// The config that every member begins with.
#[derive(Clone, Debug)]
pub struct Base {
    /// The file, as messages call it.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// One run of a sweep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Task {
    /// Its number.
    pub number: usize,
    /// The place of its arm.
    pub arm: usize,
    /// Its seed.
    pub seed: u64,
    /// What the learning rate is multiplied by, of a run that only tunes it.
    pub tunes: Option<f64>,
}

/// A task whose config is known.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its config.
    pub config: Config,
    /// The folder below which its run is written.
    pub out: PathBuf,
}

impl Member {
    /// The directory of its run.
    pub fn place(&self) -> PathBuf {
        RunDirectory::place(&self.out, &self.config)
    }
}

impl Sweep {
    /// Expands the text of a file over its base; counts of samples are those in a data folder.
    ///
    /// # Errors
    ///
    /// [`SweepError`], the first thing that is wrong. Configs of members are checked when they are asked for.
    pub fn new(file: &Path, text: &str, base: Base, data_dir: &Path) -> Result<Self, SweepError> {
        let shown = file.display().to_string();
        let entries = SweepFile::parse(text, &shown)?;
        let wrong = |rule: String| SweepError::rule(&shown, rule);
        let stem = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let name = entries.name.clone().unwrap_or(stem);
        if !config::is_folder_name(&name) {
            return Err(wrong(format!(
                "`name` must be set, because the file's stem {name:?} cannot be a folder's name here: allowed are \
                 letters, digits, '.', '_' and '-'"
            )));
        }
        let arms = axes::arms(&entries, "base").map_err(wrong)?;
        let tasks = tasks(&entries, arms.len()).map_err(wrong)?;
        let mut sweep = Self {
            fingerprint: fingerprint(text, &base.text),
            name,
            entries,
            arms,
            tasks,
            file: shown.clone(),
            base,
            base_batch: None,
            target: None,
            known: measure::names(),
            data_dir: data_dir.to_owned(),
            samples: RefCell::default(),
        };
        sweep.target = sweep.find_target()?;
        sweep.base_batch = sweep.find_base_batch()?;
        Ok(sweep)
    }

    /// The file, as messages call it.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The folder with the data sets.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The folder of the sweep, below that of all runs.
    pub fn directory(&self, out: &Path) -> PathBuf {
        out.join(&self.name)
    }

    /// The task of a number.
    ///
    /// # Errors
    ///
    /// [`SweepError::NoTask`].
    pub fn task(&self, number: usize) -> Result<&Task, SweepError> {
        self.tasks.get(number).ok_or_else(|| SweepError::NoTask {
            file: self.file.clone(),
            task: number,
            of: self.tasks.len(),
        })
    }

    /// The runs that tune the learning rate of an arm; none where it is not tuned.
    pub fn tuning_of(&self, arm: usize) -> impl Iterator<Item = &Task> {
        let tunes = move |task: &&Task| task.arm == arm && task.tunes.is_some();
        self.tasks.iter().filter(tunes)
    }

    /// A task as messages call it.
    pub fn called(&self, task: &Task) -> String {
        let label = &self.arms[task.arm].label;
        match task.tunes {
            None => format!("{label}, seed {}", task.seed),
            Some(factor) => format!(
                "{label}, seed {}, tuning at {factor} times the learning rate",
                task.seed
            ),
        }
    }

    /// The member of a task below the folder of all runs; `tuned` is the learning rate of its arm, where tuning has found
    /// it.
    ///
    /// # Errors
    ///
    /// [`SweepError::Member`] with the key, or that of the data that steps are counted over.
    pub fn member(
        &self,
        task: &Task,
        tuned: Option<f64>,
        out: &Path,
    ) -> Result<Member, SweepError> {
        let directory = self.directory(out);
        let Some(factor) = task.tunes else {
            let extra = tuned.map(|rate| rate_of("tuning", rate));
            return Ok(Member {
                config: self.config(task, extra.into_iter().collect())?,
                out: directory,
            });
        };
        let written = self.config(task, Vec::new())?.optimizer.learning_rate;
        let rate = factor * written;
        let held_out = self.entries.tuning.held_out;
        let flag = "learning_rate_rule = \"tuned\"";
        let extra = vec![
            rate_of(flag, rate),
            Override::from_flag(flag, "data.held_out", &held_out.into()),
            Override::without(flag, "hooks"),
            Override::from_flag(flag, "name", &format!("learning_rate-{rate}").into()),
        ];
        Ok(Member {
            config: self.config(task, extra)?,
            // Deeper than `lab compare` looks: these are no runs to compare.
            out: directory.join("tuning").join(&self.arms[task.arm].label),
        })
    }

    /// The directory of a task's run, which does not depend on what tuning finds.
    ///
    /// # Errors
    ///
    /// As [`Sweep::member`].
    pub fn place(&self, task: &Task, out: &Path) -> Result<PathBuf, SweepError> {
        if task.tunes.is_some() {
            return Ok(self.member(task, None, out)?.place());
        }
        let arm = self.directory(out).join(&self.arms[task.arm].label);
        Ok(arm.join(format!("seed-{}", task.seed)))
    }

    /// The member of a task, as far as it is known: nothing where its learning rate is still to be tuned.
    ///
    /// # Errors
    ///
    /// As [`Sweep::member`] and [`Sweep::tuned`].
    pub fn planned(&self, task: &Task, out: &Path) -> Result<Option<Member>, SweepError> {
        if task.tunes.is_some() {
            return self.member(task, None, out).map(Some);
        }
        match self.tuned(task.arm, out)? {
            None => self.member(task, None, out).map(Some),
            Some(tuned) => {
                let rate = tuned.rate();
                rate.map(|rate| self.member(task, Some(rate), out))
                    .transpose()
            }
        }
    }

    /// What became of a task.
    ///
    /// # Errors
    ///
    /// As [`Sweep::planned`].
    pub fn state(&self, task: &Task, out: &Path) -> Result<MemberState, SweepError> {
        Ok(match self.planned(task, out)? {
            Some(member) => MemberState::of(&member.place(), Some(&member.config)),
            None => MemberState::waiting(),
        })
    }

    /// Refuses members that another version of this program has made.
    ///
    /// # Errors
    ///
    /// [`SweepError::MixedVersions`].
    pub fn check_version(state: &MemberState) -> Result<(), SweepError> {
        let here = env!("CARGO_PKG_VERSION");
        match &state.record {
            Some(record) if record.version != here => Err(SweepError::MixedVersions {
                place: state.place.display().to_string(),
                made: record.version.clone(),
                here: here.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// The config of a task, with what is set besides arm and matching.
    fn config(&self, task: &Task, extra: Vec<Override>) -> Result<Config, SweepError> {
        let named = |source: ConfigError| SweepError::Member {
            file: self.file.clone(),
            task: task.number,
            member: self.called(task),
            source: Box::new(source),
        };
        let arm = &self.arms[task.arm];
        let seed = i64::try_from(task.seed).unwrap_or(i64::MAX);
        let mut overrides = vec![
            Override::from_flag("seeds", "seed", &seed.into()),
            Override::from_flag("the folder", "name", &arm.label.as_str().into()),
        ];
        let settings = arm.settings.iter();
        overrides.extend(settings.map(|setting| match &setting.value {
            Some(value) => Override::from_flag(&setting.origin, &setting.key, value),
            None => Override::without(&setting.origin, &setting.key),
        }));
        overrides.extend(rate_overrides(
            self.entries.learning_rate_rule,
            self.base_batch,
        ));
        overrides.extend(extra);
        let Some(target) = self.target else {
            return self.parsed(&overrides).map_err(named);
        };
        overrides.extend(target.overrides());
        let config = self.parsed(&overrides).map_err(named)?;
        if !matches!(target, Target::CumulativeRate(_)) {
            return Ok(config);
        }
        let length = target.length_of(&config, self.samples(&config)?);
        let length = length.map_err(|rule| {
            SweepError::rule(
                &self.file,
                format!("task {} ({}): {rule}", task.number, self.called(task)),
            )
        })?;
        overrides.extend(length);
        self.parsed(&overrides).map_err(named)
    }

    fn parsed(&self, overrides: &[Override]) -> Result<Config, ConfigError> {
        let Base { file, text } = &self.base;
        config::parse(text, file, overrides, "base", &self.known)
    }

    /// The base as it is written.
    fn base_config(&self) -> Result<Config, SweepError> {
        self.parsed(&[]).map_err(|source| SweepError::Base {
            file: self.file.clone(),
            source: Box::new(source),
        })
    }

    fn find_target(&self) -> Result<Option<Target>, SweepError> {
        let wrong = |rule: String| SweepError::rule(&self.file, rule);
        let samples = |config: &Config| self.samples(config);
        target(&self.entries, || self.base_config(), samples, wrong)
    }

    /// The batch size at which learning rates are as written, where they follow it.
    fn find_base_batch(&self) -> Result<Option<usize>, SweepError> {
        let follows = matches!(
            self.entries.learning_rate_rule,
            RateRule::Linear | RateRule::Sqrt
        );
        if !follows || self.entries.base_batch.is_some() {
            return Ok(self.entries.base_batch);
        }
        let size = self.base_config()?.train.batch_size;
        let rule = "learning rates that follow the batch size need `base_batch`, because every step of the base \
                    uses all samples";
        size.map(Some)
            .ok_or_else(|| SweepError::rule(&self.file, rule))
    }

    /// How many training samples a config has.
    fn samples(&self, config: &Config) -> Result<usize, SweepError> {
        let key = config
            .value("data")
            .map(|data| data.to_string())
            .unwrap_or_default();
        if let Some(count) = self.samples.borrow().get(&key) {
            return Ok(*count);
        }
        let streams = Streams::new(config.seed);
        let count = data::load(&config.data, &self.data_dir, &streams)?
            .train
            .len();
        self.samples.borrow_mut().insert(key, count);
        Ok(count)
    }
}

fn rate_of(flag: &str, rate: f64) -> Override {
    Override::from_flag(flag, "optimizer.learning_rate", &rate.into())
}

/// Every task: those that tune first, then one seed of every arm after another, so that arms can be compared early and
/// more seeds at the end of the list change no number.
fn tasks(file: &SweepFile, arms: usize) -> Result<Vec<Task>, String> {
    let seeds = file.seeds()?;
    let mut tasks = Vec::new();
    let mut add = |arm, seed, tunes| {
        let number = tasks.len();
        tasks.push(Task {
            number,
            arm,
            seed,
            tunes,
        });
    };
    if file.learning_rate_rule == RateRule::Tuned {
        for arm in 0..arms {
            for seed in file.tuning_seeds()? {
                for factor in &file.tuning.factors {
                    add(arm, seed, Some(*factor));
                }
            }
        }
    }
    for seed in seeds {
        for arm in 0..arms {
            add(arm, seed, None);
        }
    }
    Ok(tasks)
}

/// What two texts say, without comments and without what a cluster is asked for, as 16 hexadecimal digits.
fn fingerprint(file: &str, base: &str) -> String {
    let said = |text: &str| {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let table = text.parse::<toml::Table>();
        table.map(|mut table| {
            table.remove("slurm");
            table.to_string()
        })
    };
    // A base that is no TOML is what it is; whoever reads it says so.
    let [file, base] = [file, base].map(|text| said(text).unwrap_or_else(|_| text.to_owned()));
    sha256_hex(format!("{file}\n[base]\n{base}").as_bytes())[..16].to_owned()
}
