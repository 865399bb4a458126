//! Files that are members of an archive: what is wanted of it is unpacked, and the archive deleted.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use lab_formats::archive::{Archive as ZipMembers, ArchiveError};

use super::Fetcher;
use crate::data::catalog::{Archive, ArchiveKind, Known, files_of};
use crate::data::download::{part_of, publish};
use crate::data::file::{candidates, sha256_of_file};
use crate::data::gzip::Members;
use crate::data::verify::inspect;
use crate::data::{DataError, FileReport, FormatError, tar};

impl Fetcher<'_> {
    /// Downloads the archive next to the folder, unpacks what is wanted of it, and deletes it. What other datasets
    /// want of it is unpacked too, where they lack it: it would have to be downloaded again.
    pub(super) fn through_archive(
        &self,
        known: Archive,
        reports: &mut [FileReport],
    ) -> Result<(), DataError> {
        let archive = self.dir.join(known.name);
        let url = match sha256_of_file(&archive) {
            Ok(found) if found == known.sha256 => None,
            _ => Some(self.get(known.name, known.sha256, archive.clone())?),
        };
        let wanted: Vec<&Known> = self
            .entry
            .files
            .iter()
            .zip(&*reports)
            .filter(|(_, report)| !report.state.is_usable())
            .map(|(file, _)| file)
            .collect();
        let is_own = |file: &&Known| self.entry.files.iter().any(|own| own.name == file.name);
        let is_absent = |file: &&Known| {
            let mut places = candidates(&self.folder(), file.name).into_iter();
            !places.any(|path| path.exists())
        };
        let others = files_of(known).into_iter();
        let others = others.filter(|file| !is_own(file) && is_absent(file));
        let all: Vec<&Known> = wanted.iter().copied().chain(others).collect();
        let unpacked = match known.kind {
            ArchiveKind::Tar => self.unpack_tar(&archive, &all)?,
            ArchiveKind::Zip => self.unpack_zip(&archive, &all)?,
        };
        let missing = wanted.iter().filter(|file| !unpacked.contains(&file.name));
        let missing = missing.count();
        if missing > 0 {
            let reason = format!(
                "it has {} of the {} files wanted",
                wanted.len() - missing,
                wanted.len()
            );
            return Err(self.damaged(&archive, reason));
        }
        fs::remove_file(&archive).map_err(|reason| DataError::Write {
            path: archive.clone(),
            reason,
        })?;
        for (file, report) in self.entry.files.iter().zip(reports) {
            if !report.state.is_usable() {
                *report = inspect(self.dataset, &self.entry, &self.folder(), file);
                report.downloaded_from.clone_from(&url);
            }
        }
        Ok(())
    }

    fn damaged(&self, archive: &Path, reason: String) -> DataError {
        DataError::Format {
            path: archive.to_owned(),
            problem: FormatError::Archive { reason },
            dataset: self.dataset,
            dir: self.dir.to_owned(),
        }
    }

    /// Writes the wanted members of the archive, each under its final name only when whole; gives their names.
    fn unpack_tar(
        &self,
        archive: &Path,
        wanted: &[&Known],
    ) -> Result<Vec<&'static str>, DataError> {
        let file = File::open(archive).map_err(|reason| DataError::Read {
            path: archive.to_owned(),
            reason,
        })?;
        let mut unpacked = Vec::new();
        tar::for_each_file(
            Members::new(io::BufReader::new(file)),
            |member, content| -> Result<(), DataError> {
                if let Some(file) = named(wanted, member) {
                    self.write(file, content)?;
                    unpacked.push(file.name);
                }
                Ok(())
            },
        )
        .map_err(|stop| match stop {
            tar::Stop::Damaged(problem) => DataError::Format {
                path: archive.to_owned(),
                problem,
                dataset: self.dataset,
                dir: self.dir.to_owned(),
            },
            tar::Stop::Visitor(error) => error,
        })?;
        Ok(unpacked)
    }

    /// The same of a zip archive, which is read whole.
    pub(super) fn unpack_zip(
        &self,
        archive: &Path,
        wanted: &[&Known],
    ) -> Result<Vec<&'static str>, DataError> {
        let bytes = fs::read(archive).map_err(|reason| DataError::Read {
            path: archive.to_owned(),
            reason,
        })?;
        let damaged = |error: ArchiveError| self.damaged(archive, error.to_string());
        let members = ZipMembers::open(&bytes).map_err(damaged)?;
        let mut unpacked = Vec::new();
        for member in members.names() {
            if let Some(file) = named(wanted, member) {
                let content = members.read(member).map_err(damaged)?;
                self.write(file, &mut &content[..])?;
                unpacked.push(file.name);
            }
        }
        Ok(unpacked)
    }

    /// Writes a file of the dataset.
    fn write(&self, file: &Known, content: &mut dyn io::Read) -> Result<(), DataError> {
        let path = self.folder().join(file.name);
        let part = part_of(&path);
        File::create(&part)
            .and_then(|mut file| io::copy(content, &mut file))
            .map_err(|reason| DataError::Write {
                path: part.clone(),
                reason,
            })?;
        publish(&part, &path)
    }
}

/// The wanted file of a member's name, wherever in the archive it is.
fn named<'a>(wanted: &[&'a Known], member: &str) -> Option<&'a Known> {
    let last = member.rsplit('/').next().unwrap_or(member);
    wanted.iter().copied().find(|file| file.name == last)
}
