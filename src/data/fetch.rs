//! Downloads the files of a dataset into a data folder.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ureq::Agent;

use super::catalog::{Entry, Known, entry};
use super::download::{Wanted, agent, download, part_of, publish};
use super::file::sha256_of_file;
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
            let report = inspect(self.dataset, &folder, file);
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
            Some((name, sha256)) => self.through_archive(name, sha256, &mut reports)?,
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
            let url = self.get(file.name, file.sha256, folder.join(file.name))?;
            *report = inspect(self.dataset, &folder, file);
            report.downloaded_from = Some(url);
        }
        Ok(())
    }

    /// Downloads the archive next to the folder, unpacks what is wanted of it, and deletes it.
    fn through_archive(
        &self,
        name: &str,
        sha256: &str,
        reports: &mut [FileReport],
    ) -> Result<(), DataError> {
        let archive = self.dir.join(name);
        let url = match sha256_of_file(&archive) {
            Ok(found) if found == sha256 => None,
            _ => Some(self.get(name, sha256, archive.clone())?),
        };
        let wanted: Vec<&Known> = self
            .entry
            .files
            .iter()
            .zip(&*reports)
            .filter(|(_, report)| !report.state.is_usable())
            .map(|(file, _)| file)
            .collect();
        self.unpack(&archive, &wanted)?;
        fs::remove_file(&archive).map_err(|reason| DataError::Write {
            path: archive.clone(),
            reason,
        })?;
        for (file, report) in self.entry.files.iter().zip(reports) {
            if !report.state.is_usable() {
                *report = inspect(self.dataset, &self.folder(), file);
                report.downloaded_from.clone_from(&url);
            }
        }
        Ok(())
    }

    /// Writes the wanted members of the archive, each under its final name only when whole.
    fn unpack(&self, archive: &Path, wanted: &[&Known]) -> Result<(), DataError> {
        let damaged = |problem| DataError::Format {
            path: archive.to_owned(),
            problem,
            dataset: self.dataset,
            dir: self.dir.to_owned(),
        };
        let file = File::open(archive).map_err(|reason| DataError::Read {
            path: archive.to_owned(),
            reason,
        })?;
        let mut unpacked = 0;
        tar::for_each_file(Members::new(io::BufReader::new(file)), |member, content| {
            let last = member.rsplit('/').next().unwrap_or(member);
            if !wanted.iter().any(|file| file.name == last) {
                return Ok(());
            }
            let path = self.folder().join(last);
            let part = part_of(&path);
            File::create(&part)
                .and_then(|mut file| io::copy(content, &mut file))
                .map_err(|reason| DataError::Write {
                    path: part.clone(),
                    reason,
                })?;
            unpacked += 1;
            publish(&part, &path)
        })
        .map_err(|stop| match stop {
            tar::Stop::Damaged(problem) => damaged(problem),
            tar::Stop::Visitor(error) => error,
        })?;
        if unpacked < wanted.len() {
            return Err(damaged(FormatError::Archive {
                reason: format!("it has {unpacked} of the {} files wanted", wanted.len()),
            }));
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

#[cfg(test)]
mod tests {
    use super::super::catalog::Kind;
    use super::super::file::sha256_hex;
    use super::super::gzip::tests::gzip;
    use super::super::server::{Reply, Server};
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
                sha256: sha256_hex(&contents[i]).leak(),
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
            archive: Some(("c.tar.gz", sha256_hex(&archive).leak())),
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
