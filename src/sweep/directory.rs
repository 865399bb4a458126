//! The folder of a sweep: the runs of its members, and the list of its tasks, which says nothing of what became of
//! them.

use super::{MemberState, State, Sweep, SweepError};
use crate::files::Together;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display, Formatter};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// The file with the list of tasks.
const LISTING: &str = "sweep.json";

/// The file whose lock is held while the list is looked at and written.
const LOCK: &str = ".lock";

/// The folder of a sweep.
#[derive(Clone, Debug)]
pub struct SweepDirectory {
    path: PathBuf,
    /// The tasks.
    pub listing: Listing,
}

/// `sweep.json`: the tasks of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listing {
    /// The sweep's name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// What tells it from others.
    pub fingerprint: String,
    /// The tasks, each at its number.
    pub tasks: Vec<Listed>,
}

/// A task in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// Its arm.
    pub arm: String,
    /// Its seed.
    pub seed: u64,
    /// Whether it only tunes a learning rate.
    pub tunes: bool,
    /// Its run, below the folder of the sweep.
    pub run: PathBuf,
}

impl Listing {
    fn of(sweep: &Sweep, out: &Path) -> Result<Self, SweepError> {
        let directory = sweep.directory(out);
        let listed = |task| -> Result<Listed, SweepError> {
            let place = sweep.place(task, out)?;
            Ok(Listed {
                arm: sweep.arms[task.arm].label.clone(),
                seed: task.seed,
                tunes: task.tunes.is_some(),
                run: place.strip_prefix(&directory).unwrap_or(&place).to_owned(),
            })
        };
        Ok(Self {
            name: sweep.name.clone(),
            file: sweep.file().to_owned(),
            fingerprint: sweep.fingerprint.clone(),
            tasks: sweep.tasks.iter().map(listed).collect::<Result<_, _>>()?,
        })
    }
}

impl SweepDirectory {
    /// Makes the folder of a sweep below that of all runs, or takes the one that is there: with `resume` also where the
    /// file was changed since, if no run is in the way.
    ///
    /// # Errors
    ///
    /// [`SweepError::Changed`] where the file was changed, with how many members stay valid.
    pub fn claim(sweep: &Sweep, out: &Path, resume: bool) -> Result<Self, SweepError> {
        let path = sweep.directory(out);
        // On a full disk, say, nothing is left of what was begun.
        let mut together = Together::default();
        let made = together.folder(&path);
        made.map_err(|source| io_error(&path, source))?;
        let is_locked_first = !path.join(LOCK).exists();
        let _lock = lock(&path)?;
        if is_locked_first {
            together.made(&path.join(LOCK));
        }
        if let Some(listing) = read(&path)? {
            together.keep();
            if listing.fingerprint == sweep.fingerprint {
                return Ok(Self { path, listing });
            }
            Change::of(sweep, out, &listing)?.check(resume)?;
        }
        let listing = Listing::of(sweep, out)?;
        let file = path.join(LISTING);
        let bytes = serde_json::to_vec_pretty(&listing).map_err(io::Error::from);
        let written = bytes.and_then(|mut bytes| {
            bytes.push(b'\n');
            together.file(&file, &bytes)
        });
        written.map_err(|source| io_error(&file, source))?;
        together.keep();
        Ok(Self { path, listing })
    }

    /// What has changed about a sweep since its folder was made; none where that is of the file as it is now, or is not
    /// there.
    ///
    /// # Errors
    ///
    /// Where the list of the folder cannot be read, or a run cannot be told.
    pub fn change(sweep: &Sweep, out: &Path) -> Result<Option<Change>, SweepError> {
        match read(&sweep.directory(out))? {
            Some(there) if there.fingerprint != sweep.fingerprint => {
                Change::of(sweep, out, &there).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Opens the folder of a sweep.
    ///
    /// # Errors
    ///
    /// [`SweepError::NotASweep`].
    pub fn open(path: &Path) -> Result<Self, SweepError> {
        let not = |reason: &str| SweepError::NotASweep {
            path: path.display().to_string(),
            reason: reason.to_owned(),
        };
        match read(path)? {
            Some(listing) => Ok(Self {
                path: path.to_owned(),
                listing,
            }),
            None if !path.exists() => Err(not("there is no such folder")),
            None => Err(not("it has no sweep.json, which `lab sweep FILE` writes")),
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What became of every task, in their order.
    pub fn states(&self) -> Vec<MemberState> {
        let tasks = self.listing.tasks.iter();
        tasks
            .map(|task| MemberState::of(&self.path.join(&task.run), None))
            .collect()
    }
}

/// What a changed file makes of the runs that are there.
#[derive(Clone, Debug)]
pub struct Change {
    file: String,
    directory: PathBuf,
    /// The numbers of the tasks whose runs are begun, and are theirs as before.
    pub valid: Vec<usize>,
    /// Why runs are in the way of tasks.
    in_the_way: Vec<String>,
    begun: usize,
    gone: usize,
}

impl Change {
    fn of(sweep: &Sweep, out: &Path, there: &Listing) -> Result<Self, SweepError> {
        let (mut valid, mut places, mut in_the_way) = (Vec::new(), Vec::new(), Vec::new());
        let directory = sweep.directory(out);
        for task in &sweep.tasks {
            let place = sweep.place(task, out)?;
            if let Some(member) = sweep.planned(task, out)? {
                match MemberState::of(&member.place(), Some(&member.config)).state {
                    State::Unusable(reason) => in_the_way.push(reason),
                    State::NotBegun | State::Waiting => {}
                    _ => valid.push(task.number),
                }
            }
            places.push(place);
        }
        let begun = there.tasks.iter().map(|task| directory.join(&task.run));
        let begun: Vec<PathBuf> = begun
            .filter(|place| place.join("config.toml").exists())
            .collect();
        Ok(Self {
            file: sweep.file().to_owned(),
            gone: begun.iter().filter(|place| !places.contains(place)).count(),
            begun: begun.len(),
            directory,
            valid,
            in_the_way,
        })
    }

    /// Refuses it, unless `resume` says that it is meant and no run is in the way.
    ///
    /// # Errors
    ///
    /// [`SweepError::Changed`], with what to do.
    pub fn check(&self, resume: bool) -> Result<(), SweepError> {
        match resume && self.in_the_way.is_empty() {
            true => Ok(()),
            false => Err(SweepError::Changed(self.to_string())),
        }
    }

    /// What became of the runs, in a sentence.
    pub fn counts(&self) -> String {
        let Self { begun, gone, .. } = self;
        let others = self.in_the_way.len();
        let verb = |count: usize| if count == 1 { "is" } else { "are" };
        format!(
            "{} was changed after {} was begun: of the {begun} run{} there {} {} valid, {others} {} of other configs now, \
             {gone} {} of no task any more",
            self.file,
            self.directory.display(),
            if *begun == 1 { "" } else { "s" },
            self.valid.len(),
            if self.valid.len() == 1 {
                "stays"
            } else {
                "stay"
            },
            verb(others),
            verb(*gone),
        )
    }
}

impl Display for Change {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let counts = self.counts();
        match self.in_the_way.first() {
            None => write!(
                formatter,
                "{counts}. --resume goes on with the file as it is now and keeps the valid runs; --out or `name` is \
                 another place"
            ),
            Some(first) => write!(
                formatter,
                "{counts}: {first}. Put the file back as it was, move those runs away, or choose another place with \
                 --out or `name`"
            ),
        }
    }
}

/// The list in a folder, if there is one.
fn read(path: &Path) -> Result<Option<Listing>, SweepError> {
    let file = path.join(LISTING);
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(io_error(&file, source)),
    };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|error| SweepError::NotASweep {
            path: path.display().to_string(),
            reason: format!("sweep.json: {error}; delete it, and `lab sweep FILE` writes it again"),
        })
}

/// Waits until nobody else looks at the list.
fn lock(path: &Path) -> Result<File, SweepError> {
    let place = path.join(LOCK);
    let mut options = OpenOptions::new();
    let file = options
        .create(true)
        .truncate(false)
        .write(true)
        .open(&place);
    let file = file.map_err(|source| io_error(&place, source))?;
    // A file system without locks protects nobody, and must not keep anybody from working.
    let _ = file.lock();
    Ok(file)
}

fn io_error(path: &Path, source: io::Error) -> SweepError {
    SweepError::Io {
        path: path.display().to_string(),
        source,
    }
}
