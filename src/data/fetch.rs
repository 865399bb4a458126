//! Downloads the files of a dataset into a data folder.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lab_formats::archive::{Archive as ZipMembers, ArchiveError};
use ureq::Agent;

use super::catalog::{Archive, ArchiveKind, Entry, Known, entry, files_of};
use super::download::{Wanted, agent, download, part_of, publish};
use super::file::{candidates, sha256_of_file};
use super::gzip::Members;
use super::verify::inspect;
use super::{DataError, DatasetName, FileReport, FileState, FormatError, tar, verify};

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

    /// Downloads the archive next to the folder, unpacks what is wanted of it, and deletes it. What other datasets
    /// want of it is unpacked too, where they lack it: it would have to be downloaded again.
    fn through_archive(&self, known: Archive, reports: &mut [FileReport]) -> Result<(), DataError> {
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
    fn unpack_zip(
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

/// The wanted file of a member's name, wherever in the archive it is.
fn named<'a>(wanted: &[&'a Known], member: &str) -> Option<&'a Known> {
    let last = member.rsplit('/').next().unwrap_or(member);
    wanted.iter().copied().find(|file| file.name == last)
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

#[cfg(test)]
mod tests {
    use super::super::catalog::Kind;
    use super::super::file::sha256_hex;
    use super::super::gzip::tests::gzip;
    use super::super::own::tests::zip;
    use super::super::testing::server::{Reply, Server};
    use super::super::{cifar, idx};
    use super::*;

    /// Two small files in place of a dataset's, and the bytes behind them.
    fn small_entry() -> (Entry, Vec<Vec<u8>>) {
        let contents = vec![
            gzip(&idx::tests::write_images(2, [28, 28], &[3; 2 * 784])),
            gzip(&idx::tests::write_labels(&[1, 2])),
        ];
        let names = ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"];
        let kinds = [Kind::Images, Kind::Labels];
        let files: Vec<Known> = (0..2)
            .map(|i| Known {
                name: names[i],
                kind: kinds[i],
                train: true,
                sha256: Some(sha256_hex(&contents[i]).leak()),
            })
            .collect();
        let entry = Entry {
            files: files.leak(),
            ..*entry(DatasetName::Mnist)
        };
        (entry, contents)
    }

    fn run(entry: Entry, dir: &Path, server: &Server) -> Result<Vec<FileReport>, DataError> {
        Fetcher {
            dataset: DatasetName::Mnist,
            mirrors: mirrors(&entry, Some(&[server.url("")]), None),
            entry,
            dir,
            quiet: true,
            agent: agent(),
        }
        .run()
    }

    fn serve(contents: Vec<Vec<u8>>) -> Server {
        Server::start(move |path, range, _| {
            let index = usize::from(path.contains("labels"));
            Reply::of(&contents[index], range)
        })
    }

    #[test]
    fn every_file_is_fetched_once() {
        let dir = tempfile::tempdir().unwrap();
        let (entry, contents) = small_entry();
        let server = serve(contents);
        let reports = run(entry, dir.path(), &server).unwrap();
        let official = FileState::Official { samples: 2 };
        assert!(reports.iter().all(|report| report.state == official));
        assert!(
            reports
                .iter()
                .all(|report| report.downloaded_from.is_some())
        );
        assert_eq!(
            server.paths(),
            [
                "/mnist/train-images-idx3-ubyte.gz",
                "/mnist/train-labels-idx1-ubyte.gz"
            ]
        );
        let again = run(entry, dir.path(), &server).unwrap();
        assert!(again.iter().all(|report| report.downloaded_from.is_none()));
        assert_eq!(server.paths().len(), 2);
    }

    #[test]
    fn a_damaged_file_is_replaced_and_a_good_one_kept() {
        let dir = tempfile::tempdir().unwrap();
        let (entry, contents) = small_entry();
        let folder = dir.path().join("mnist");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(entry.files[0].name), &contents[0][..30]).unwrap();
        fs::write(folder.join(entry.files[1].name), &contents[1]).unwrap();
        let server = serve(contents.clone());
        run(entry, dir.path(), &server).unwrap();
        assert_eq!(server.paths(), ["/mnist/train-images-idx3-ubyte.gz"]);
        assert_eq!(
            fs::read(folder.join(entry.files[0].name)).unwrap(),
            contents[0]
        );
    }

    #[test]
    fn a_file_of_the_users_own_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let (entry, contents) = small_entry();
        let path = dir.path().join("mnist").join(entry.files[1].name);
        fs::create_dir(dir.path().join("mnist")).unwrap();
        let own = gzip(&idx::tests::write_labels(&[5]));
        fs::write(&path, &own).unwrap();
        let server = serve(contents);
        let message = run(entry, dir.path(), &server).unwrap_err().to_string();
        assert_eq!(
            message,
            format!(
                "{} is readable (1 samples) but not the official file, and is not overwritten. \
                 Move it away, or fetch into another folder with --dir.",
                path.display()
            )
        );
        assert_eq!(fs::read(&path).unwrap(), own);
        assert!(server.paths().is_empty());
    }

    /// An archive with both batches, as an entry, and its bytes.
    fn small_archive(members: &[(&str, &[u8])]) -> (Entry, Vec<u8>) {
        let archive = gzip(&tar::tests::write(members));
        let known = entry(DatasetName::Cifar10);
        let entry = Entry {
            files: [known.files[0], known.files[5]].to_vec().leak(),
            archive: Some(Archive {
                name: "c.tar.gz",
                sha256: sha256_hex(&archive).leak(),
                kind: ArchiveKind::Tar,
            }),
            ..*known
        };
        (entry, archive)
    }

    #[test]
    fn an_archive_is_unpacked_and_deleted() {
        let dir = tempfile::tempdir().unwrap();
        let (train, test) = (cifar::tests::write(&[1, 2, 3]), cifar::tests::write(&[4]));
        let (entry, archive) = small_archive(&[
            ("cifar-10-batches-bin/", b""),
            ("cifar-10-batches-bin/readme.html", b"<p>"),
            ("cifar-10-batches-bin/data_batch_1.bin", &train),
            ("cifar-10-batches-bin/test_batch.bin", &test),
        ]);
        let server = Server::start(move |_, range, _| Reply::of(&archive, range));
        let reports = run(entry, dir.path(), &server).unwrap();
        assert_eq!(reports[0].state, FileState::Unofficial { samples: 3 });
        assert_eq!(reports[1].downloaded_from, Some(server.url("c.tar.gz")));
        let folder = dir.path().join("cifar-10-batches-bin");
        assert_eq!(fs::read(folder.join("data_batch_1.bin")).unwrap(), train);
        let in_folder = fs::read_dir(&folder).unwrap().count();
        let in_dir = fs::read_dir(dir.path()).unwrap().count();
        assert_eq!((in_folder, in_dir), (2, 1));
    }

    #[test]
    fn a_zip_archive_is_unpacked_and_its_files_have_no_digest_to_match() {
        let dir = tempfile::tempdir().unwrap();
        let images = gzip(&idx::tests::write_images(1, [28, 28], &[3; 784]));
        let labels = gzip(&idx::tests::write_labels(&[26]));
        let archive = zip(&[
            (
                "gzip/emnist-letters-train-images-idx3-ubyte.gz",
                images.clone(),
            ),
            (
                "gzip/emnist-letters-train-labels-idx1-ubyte.gz",
                labels.clone(),
            ),
            ("gzip/emnist-letters-test-images-idx3-ubyte.gz", images),
            ("gzip/emnist-letters-test-labels-idx1-ubyte.gz", labels),
            ("gzip/emnist-letters-mapping.txt", b"1 65 97".to_vec()),
        ]);
        let known = Archive {
            name: "gzip.zip",
            sha256: sha256_hex(&archive).leak(),
            kind: ArchiveKind::Zip,
        };
        let of = |archive| Entry {
            archive: Some(archive),
            ..*entry(DatasetName::EmnistLetters)
        };
        let served = archive.clone();
        let server = Server::start(move |_, range, _| Reply::of(&served, range));
        let fetcher = |entry| Fetcher {
            dataset: DatasetName::EmnistLetters,
            mirrors: mirrors(&entry, Some(&[server.url("")]), None),
            entry,
            dir: dir.path(),
            quiet: true,
            agent: agent(),
        };
        let reports = fetcher(of(known)).run().unwrap();
        let unlisted = FileState::Unlisted { samples: 1 };
        assert!(
            reports.iter().all(|report| report.state == unlisted),
            "{reports:?}"
        );
        assert_eq!(server.paths(), ["/gzip.zip"]);
        let folder = dir.path().join("emnist");
        let count = |path: &Path| fs::read_dir(path).unwrap().count();
        assert_eq!((count(&folder), count(dir.path())), (4, 1));
        let again = fetcher(of(known)).run().unwrap();
        assert!(again.iter().all(|report| report.downloaded_from.is_none()));
        // What is not a zip archive says so, and leaves no file.
        fs::remove_dir_all(&folder).unwrap();
        let wrong = b"<html>".to_vec();
        let sha256 = sha256_hex(&wrong).leak();
        let server = Server::start(move |_, range, _| Reply::of(&wrong, range));
        let entry = of(Archive { sha256, ..known });
        let fetcher = Fetcher {
            mirrors: mirrors(&entry, Some(&[server.url("")]), None),
            entry,
            ..fetcher(entry)
        };
        let message = fetcher.run().unwrap_err().to_string();
        assert!(
            message.contains("gzip.zip: the archive is damaged (not a zip archive"),
            "{message}"
        );
        assert_eq!(count(&folder), 0);
    }

    #[test]
    fn what_other_datasets_want_of_an_archive_is_unpacked_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let names = files_of(entry(DatasetName::EmnistDigits).archive.unwrap());
        let members: Vec<(&str, Vec<u8>)> = names.iter().map(|file| (file.name, vec![1])).collect();
        let bytes = zip(&members);
        let path = dir.path().join("gzip.zip");
        fs::write(&path, &bytes).unwrap();
        fs::create_dir(dir.path().join("emnist")).unwrap();
        let entry = entry(DatasetName::EmnistDigits);
        let fetcher = Fetcher {
            dataset: DatasetName::EmnistDigits,
            mirrors: Vec::new(),
            entry: *entry,
            dir: dir.path(),
            quiet: true,
            agent: agent(),
        };
        let unpacked = fetcher.unpack_zip(&path, &names).unwrap();
        assert_eq!(unpacked.len(), 24);
        assert!(
            dir.path()
                .join("emnist/emnist-byclass-test-labels-idx1-ubyte.gz")
                .exists()
        );
    }

    #[test]
    fn an_archive_without_a_wanted_file_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let train = cifar::tests::write(&[1]);
        let (entry, archive) = small_archive(&[("data_batch_1.bin", &train)]);
        let server = Server::start(move |_, range, _| Reply::of(&archive, range));
        let message = run(entry, dir.path(), &server).unwrap_err().to_string();
        assert!(
            message.contains("it has 1 of the 2 files wanted"),
            "{message}"
        );
    }

    #[test]
    fn mirrors_come_from_the_options_then_the_variable_then_the_catalogue() {
        let mnist = entry(DatasetName::Mnist);
        let given = ["http://a".to_owned(), "http://b/".to_owned()];
        let variable = || Some("http://c/data/".to_owned());
        assert_eq!(
            mirrors(mnist, Some(&given), variable()),
            ["http://a/mnist/", "http://b/mnist/"]
        );
        assert_eq!(mirrors(mnist, None, variable()), ["http://c/data/mnist/"]);
        assert_eq!(mirrors(mnist, None, Some(String::new())), mnist.mirrors);
        let cifar = entry(DatasetName::Cifar10);
        assert_eq!(mirrors(cifar, None, variable()), ["http://c/data/"]);
    }

    #[test]
    fn real_mnist_is_fetched_from_a_mirror_of_it() {
        let source = std::env::var_os("LAB_DATA_DIR").map(PathBuf::from);
        let Some(source) = source.filter(|dir| dir.join("mnist").is_dir()) else {
            println!("skipped: LAB_DATA_DIR not set");
            return;
        };
        let server = Server::start(move |path, range, _| {
            match fs::read(source.join(path.trim_start_matches('/'))) {
                Ok(bytes) => Reply::of(&bytes, range),
                Err(_) => Reply::status(404),
            }
        });
        let dir = tempfile::tempdir().unwrap();
        let options = FetchOptions {
            base_urls: Some(vec![server.url("")]),
            quiet: true,
        };
        let reports = fetch(DatasetName::Mnist, dir.path(), &options).unwrap();
        assert_eq!(reports.len(), 4);
        for report in reports {
            assert!(matches!(report.state, FileState::Official { .. }));
            assert!(report.downloaded_from.is_some());
        }
    }

    #[test]
    fn digits_need_no_fetching() {
        let reports = fetch(
            DatasetName::Digits,
            Path::new("nowhere"),
            &FetchOptions::default(),
        );
        assert_eq!(
            reports.unwrap()[0].state,
            FileState::Embedded { samples: 1797 }
        );
    }
}
