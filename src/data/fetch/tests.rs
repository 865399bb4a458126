//! Downloads from a server on this machine.

use super::*;
use crate::data::catalog::{Archive, ArchiveKind, Kind, files_of};
use crate::data::file::sha256_hex;
use crate::data::gzip::tests::gzip;
use crate::data::own::tests::zip;
use crate::data::testing::server::{Reply, Server};
use crate::data::{cifar, idx, tar};

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
