//! Downloads the files of a dataset into a data folder.

mod archive;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ureq::Agent;

use super::catalog::{Entry, Known, entry};
use super::download::{Wanted, agent, download};
use super::verify::inspect;
use super::{DataError, DatasetName, FileReport, FileState, verify};

/// The environment variable with the base URL of a mirror laid out as a data folder
/// (`<base>/mnist/train-images-idx3-ubyte.gz`, …, `<base>/cifar-10-binary.tar.gz`). It replaces the
/// public mirrors; digests are checked all the same.
pub const MIRROR_VARIABLE: &str = "LAB_DATA_MIRROR";

/// How to fetch.
#[derive(Clone, Debug, Default)]
pub struct FetchOptions {
    /// Base URLs of mirrors laid out as a data folder, in the order to try. When absent,
    /// [`MIRROR_VARIABLE`] decides, and without it the public mirrors.
    pub base_urls: Option<Vec<String>>,
    /// No progress bar. (There is none either where stderr is not a terminal.)
    pub quiet: bool,
}

/// Makes sure that the data folder `dir` has every file of the dataset `name`: what is there and
/// official is kept, what is missing or damaged is downloaded, checked by its SHA-256 and put in
/// place. An interrupted download goes on where it stopped.
///
/// # Errors
/// No mirror delivered a file, the disk failed, or a readable file that is not the official one
/// stands in the way (it is never overwritten).
pub fn fetch(
    name: DatasetName,
    dir: &Path,
    options: &FetchOptions,
) -> Result<Vec<FileReport>, DataError> {
    if name == DatasetName::Digits {
        return Ok(verify(name, dir));
    }
    let variable = std::env::var(MIRROR_VARIABLE).ok();
    let fetcher = Fetcher {
        dataset: name,
        entry: *entry(name),
        dir,
        mirrors: mirrors(entry(name), options.base_urls.as_deref(), variable),
        quiet: options.quiet,
        agent: agent(),
    };
    fetcher.run()
}

/// The base URLs to try, each ending in a slash.
fn mirrors(entry: &Entry, given: Option<&[String]>, variable: Option<String>) -> Vec<String> {
    let variable = variable.filter(|url| !url.trim().is_empty());
    let Some(bases) = given
        .map(<[String]>::to_vec)
        .or(variable.map(|url| vec![url]))
    else {
        return entry.mirrors.iter().map(|&url| url.to_owned()).collect();
    };
    let below = |base: &String| {
        let base = base.trim().trim_end_matches('/');
        match entry.archive {
            Some(_) => format!("{base}/"),
            None => format!("{base}/{}/", entry.folder),
        }
    };
    bases.iter().map(below).collect()
}

struct Fetcher<'a> {
    dataset: DatasetName,
    entry: Entry,
    dir: &'a Path,
    mirrors: Vec<String>,
    quiet: bool,
    agent: Agent,
}

impl Fetcher<'_> {
    fn run(&self) -> Result<Vec<FileReport>, DataError> {
        let folder = self.folder();
        let mut reports = Vec::new();
        for file in self.entry.files {
            let report = inspect(self.dataset, &self.entry, &folder, file);
            refuse_to_overwrite(&report, file)?;
            reports.push(report);
        }
        if reports.iter().all(|report| report.state.is_usable()) {
            return Ok(reports);
        }
        fs::create_dir_all(&folder).map_err(|reason| DataError::Write {
            path: folder.clone(),
            reason,
        })?;
        match self.entry.archive {
            Some(archive) => self.through_archive(archive, &mut reports)?,
            None => self.file_by_file(&mut reports)?,
        }
        Ok(reports)
    }

    fn folder(&self) -> PathBuf {
        self.dir.join(self.entry.folder)
    }

    fn file_by_file(&self, reports: &mut [FileReport]) -> Result<(), DataError> {
        let folder = self.folder();
        for (file, report) in self.entry.files.iter().zip(reports) {
            if report.state.is_usable() {
                continue;
            }
            let sha256 = file.sha256.unwrap_or_default();
            let url = self.get(file.name, sha256, folder.join(file.name))?;
            *report = inspect(self.dataset, &self.entry, &folder, file);
            report.downloaded_from = Some(url);
        }
        Ok(())
    }

    /// Downloads one file; gives the URL that delivered it.
    fn get(&self, name: &str, sha256: &str, path: PathBuf) -> Result<String, DataError> {
        let bar = progress_bar(name, self.quiet);
        let wanted = Wanted {
            name,
            sha256,
            urls: self
                .mirrors
                .iter()
                .map(|base| format!("{base}{name}"))
                .collect(),
            path,
        };
        let outcome = download(&self.agent, &wanted, &bar);
        bar.finish_and_clear();
        outcome
    }
}

/// A readable file that is not the official one is the user's own. Under another name (unpacked)
/// it does not stand in the way and is good enough.
fn refuse_to_overwrite(report: &FileReport, file: &Known) -> Result<(), DataError> {
    match (&report.state, &report.path) {
        (&FileState::Unofficial { samples }, Some(path)) if path.ends_with(file.name) => {
            Err(DataError::Occupied {
                path: path.clone(),
                samples,
            })
        }
        _ => Ok(()),
    }
}

/// A bar on stderr; hidden when quiet, and by itself where stderr is not a terminal.
fn progress_bar(name: &str, quiet: bool) -> ProgressBar {
    let target = if quiet {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    let bar = ProgressBar::with_draw_target(None, target).with_message(name.to_owned());
    match ProgressStyle::with_template(
        "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta}",
    ) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
