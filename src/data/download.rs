//! One file from the first mirror that delivers it, resumed where an earlier attempt stopped.
//!
//! Bytes go to `<final name>.part`; only a file whose SHA-256 is right gets the final name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::ProgressBar;
use ureq::Agent;
use ureq::http::{Response, header};

use super::DataError;
use super::file::sha256_of_file;

/// Times one mirror is asked again after a dropped connection.
const RETRIES: usize = 3;

/// A file to download.
pub(super) struct Wanted<'a> {
    /// The file's name, for messages.
    pub name: &'a str,
    /// Its SHA-256, in lower-case hexadecimal.
    pub sha256: &'a str,
    /// Where it may be had, in the order to try.
    pub urls: Vec<String>,
    /// Where it goes.
    pub path: PathBuf,
}

/// Why a transfer failed.
enum TransferError {
    /// The mirror does not have it or sent something else: try the next one.
    Mirror(String),
    /// The connection broke: the same mirror may go on.
    Dropped(String),
    /// The disk: no mirror can help.
    Disk(io::Error),
}

/// An agent that gives up on silent servers, but not on slow ones.
pub(super) fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .user_agent(concat!("lab/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .timeout_per_read(Some(Duration::from_secs(60)))
        .build()
        .new_agent()
}

/// Downloads `wanted`; gives the URL that delivered it.
///
/// # Errors
/// Every mirror failed (the error names each with its reason), or the disk did.
pub(super) fn download(
    agent: &Agent,
    wanted: &Wanted<'_>,
    bar: &ProgressBar,
) -> Result<String, DataError> {
    let part = part_of(&wanted.path);
    let disk = |reason| DataError::Write {
        path: part.clone(),
        reason,
    };
    let mut tried = Vec::new();
    for url in &wanted.urls {
        match from_mirror(agent, url, &part, wanted.sha256, bar) {
            Ok(()) => {
                publish(&part, &wanted.path)?;
                return Ok(url.clone());
            }
            Err(TransferError::Disk(reason)) => return Err(disk(reason)),
            Err(TransferError::Mirror(reason) | TransferError::Dropped(reason)) => {
                tried.push((url.clone(), reason));
            }
        }
    }
    Err(DataError::Download {
        file: wanted.name.to_owned(),
        tried,
    })
}

/// Where the bytes of `path` are collected.
pub(super) fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// Gives a finished `.part` its final name, once its bytes are on the disk.
pub(super) fn publish(part: &Path, path: &Path) -> Result<(), DataError> {
    OpenOptions::new()
        .append(true)
        .open(part)
        .and_then(|file| file.sync_all())
        .and_then(|()| fs::rename(part, path))
        .map_err(|reason| DataError::Write {
            path: path.to_owned(),
            reason,
        })
}

/// Completes `part` from one mirror and checks its digest. A wrong digest deletes it; when part of
/// the bytes were older than this call, the mirror gets a second chance with a clean start.
fn from_mirror(
    agent: &Agent,
    url: &str,
    part: &Path,
    sha256: &str,
    bar: &ProgressBar,
) -> Result<(), TransferError> {
    let resumed = length(part) > 0;
    if resumed && sha256_of_file(part).map_err(TransferError::Disk)? == sha256 {
        return Ok(());
    }
    transfer_with_retries(agent, url, part, bar)?;
    let found = sha256_of_file(part).map_err(TransferError::Disk)?;
    if found == sha256 {
        return Ok(());
    }
    fs::remove_file(part).map_err(TransferError::Disk)?;
    if resumed {
        return from_mirror(agent, url, part, sha256, bar);
    }
    Err(TransferError::Mirror(format!(
        "wrong content: its SHA-256 is {found}, expected {sha256}"
    )))
}

/// Transfers until the file is complete, going on after a dropped connection as long as each
/// attempt brings new bytes.
fn transfer_with_retries(
    agent: &Agent,
    url: &str,
    part: &Path,
    bar: &ProgressBar,
) -> Result<(), TransferError> {
    let mut retries = RETRIES;
    loop {
        let before = length(part);
        match transfer(agent, url, part, bar) {
            Err(TransferError::Dropped(_)) if retries > 0 && length(part) > before => retries -= 1,
            outcome => return outcome,
        }
    }
}

/// One request: from the end of `part`, or from the start when there is none or the server does not
/// serve ranges.
fn transfer(agent: &Agent, url: &str, part: &Path, bar: &ProgressBar) -> Result<(), TransferError> {
    let start = length(part);
    let mut request = agent.get(url);
    if start > 0 {
        request = request.header(header::RANGE, format!("bytes={start}-"));
    }
    let response = request
        .call()
        .map_err(|error| TransferError::Mirror(error.to_string()))?;
    let (file, offset) = match response.status().as_u16() {
        206 if start > 0 && range_start(&response) == Some(start) => {
            (OpenOptions::new().append(true).open(part), start)
        }
        200 => (File::create(part), 0),
        206 | 416 if start > 0 => {
            fs::remove_file(part).map_err(TransferError::Disk)?;
            return transfer(agent, url, part, bar);
        }
        status => return Err(TransferError::Mirror(format!("HTTP status {status}"))),
    };
    let expected = response.body().content_length();
    if let Some(expected) = expected {
        bar.set_length(offset + expected);
    }
    bar.set_position(offset);
    let mut file = file.map_err(TransferError::Disk)?;
    let received = copy(response.into_body().into_reader(), &mut file, bar)?;
    match expected {
        Some(expected) if received < expected => Err(TransferError::Dropped(format!(
            "the connection ended after {received} of {expected} bytes"
        ))),
        _ => Ok(()),
    }
}

/// The first byte of a partial answer, from `Content-Range: bytes 100-199/200`.
fn range_start<T>(response: &Response<T>) -> Option<u64> {
    let range = response.headers().get(header::CONTENT_RANGE)?;
    let range = range.to_str().ok()?.strip_prefix("bytes ")?;
    range.split_once('-')?.0.trim().parse().ok()
}

/// Copies the body to the file, telling network from disk errors.
fn copy(mut body: impl Read, file: &mut File, bar: &ProgressBar) -> Result<u64, TransferError> {
    let mut buffer = vec![0; 1 << 16];
    let mut total = 0;
    loop {
        let read = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                return Err(TransferError::Dropped(format!(
                    "the connection broke: {error}"
                )));
            }
        };
        file.write_all(&buffer[..read])
            .map_err(TransferError::Disk)?;
        total += read as u64;
        bar.inc(read as u64);
    }
    Ok(total)
}

/// The length of a file, 0 when there is none.
fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

#[cfg(test)]
mod tests {
    use super::super::file::sha256_hex;
    use super::super::testing::server::{Reply, Server};
    use super::*;

    fn content() -> Vec<u8> {
        (0..200_000_u32)
            .map(|i| (i.wrapping_mul(i) >> 5) as u8)
            .collect()
    }

    struct Case {
        dir: tempfile::TempDir,
    }

    impl Case {
        fn new() -> Self {
            Self {
                dir: tempfile::tempdir().unwrap(),
            }
        }

        fn path(&self) -> PathBuf {
            self.dir.path().join("x.bin")
        }

        fn part(&self) -> PathBuf {
            self.dir.path().join("x.bin.part")
        }

        fn run(&self, servers: &[&Server]) -> Result<String, DataError> {
            let wanted = Wanted {
                name: "x.bin",
                sha256: &sha256_hex(&content()),
                urls: servers.iter().map(|server| server.url("x.bin")).collect(),
                path: self.path(),
            };
            download(&agent(), &wanted, &ProgressBar::hidden())
        }

        fn is_complete(&self) -> bool {
            fs::read(self.path()).is_ok_and(|bytes| bytes == content()) && !self.part().exists()
        }

        fn is_empty(&self) -> bool {
            fs::read_dir(self.dir.path()).unwrap().next().is_none()
        }
    }

    /// A server of `bytes` that honours ranges.
    fn honest(bytes: Vec<u8>) -> Server {
        Server::start(move |_, range, _| Reply::of(&bytes, range))
    }

    #[test]
    fn a_whole_file_arrives_under_its_final_name() {
        let (case, server) = (Case::new(), honest(content()));
        assert_eq!(case.run(&[&server]).unwrap(), server.url("x.bin"));
        assert!(case.is_complete());
        assert_eq!(server.ranges(), [None]);
    }

    #[test]
    fn a_dropped_connection_is_resumed_where_it_stopped() {
        let case = Case::new();
        let server = Server::start(|_, range, request| {
            let reply = Reply::of(&content(), range);
            if request == 0 {
                reply.cut(100_000)
            } else {
                reply
            }
        });
        case.run(&[&server]).unwrap();
        assert!(case.is_complete());
        let ranges = server.ranges();
        assert_eq!(ranges.len(), 2);
        assert!(
            ranges[1].is_some_and(|start| start > 0 && start <= 100_000),
            "{ranges:?}"
        );
    }

    #[test]
    fn a_part_left_by_an_earlier_call_is_resumed() {
        let (case, server) = (Case::new(), honest(content()));
        fs::write(case.part(), &content()[..50_000]).unwrap();
        case.run(&[&server]).unwrap();
        assert!(case.is_complete());
        assert_eq!(server.ranges(), [Some(50_000)]);
    }

    #[test]
    fn a_complete_part_needs_no_request() {
        let (case, server) = (Case::new(), honest(content()));
        fs::write(case.part(), content()).unwrap();
        case.run(&[&server]).unwrap();
        assert!(case.is_complete());
        assert!(server.ranges().is_empty());
    }

    #[test]
    fn a_server_without_ranges_starts_over() {
        let case = Case::new();
        let server = Server::start(|_, _, _| Reply::of(&content(), None));
        fs::write(case.part(), &content()[..50_000]).unwrap();
        case.run(&[&server]).unwrap();
        assert!(case.is_complete());
    }

    #[test]
    fn a_part_longer_than_the_file_starts_over() {
        let (case, server) = (Case::new(), honest(content()));
        fs::write(case.part(), vec![0; 300_000]).unwrap();
        case.run(&[&server]).unwrap();
        assert!(case.is_complete());
        assert_eq!(server.ranges(), [Some(300_000), None]);
    }

    #[test]
    fn a_wrong_part_is_thrown_away_and_the_mirror_asked_again() {
        let (case, server) = (Case::new(), honest(content()));
        fs::write(case.part(), vec![0; 50_000]).unwrap();
        case.run(&[&server]).unwrap();
        assert!(case.is_complete());
        assert_eq!(server.ranges(), [Some(50_000), None]);
    }

    #[test]
    fn wrong_bytes_leave_nothing_behind() {
        let (case, server) = (Case::new(), honest(vec![1; 1000]));
        let message = case.run(&[&server]).unwrap_err().to_string();
        assert!(
            message.contains("wrong content: its SHA-256 is "),
            "{message}"
        );
        assert!(message.contains(&sha256_hex(&content())), "{message}");
        assert!(case.is_empty());
    }

    #[test]
    fn the_next_mirror_helps_out() {
        let case = Case::new();
        let absent = Server::start(|_, _, _| Reply::status(404));
        let (wrong, good) = (honest(vec![1; 9]), honest(content()));
        let url = case.run(&[&absent, &wrong, &good]).unwrap();
        assert_eq!(url, good.url("x.bin"));
        assert!(case.is_complete());
    }

    #[test]
    fn when_none_delivers_every_mirror_is_named_with_its_reason() {
        let case = Case::new();
        let absent = Server::start(|_, _, _| Reply::status(404));
        let broken = Server::start(|_, range, _| Reply::of(&content(), range).cut(0));
        let message = case.run(&[&absent, &broken]).unwrap_err().to_string();
        let line = format!("{}: HTTP status 404", absent.url("x.bin"));
        assert!(message.contains(&line), "{message}");
        let line = format!("{}: the connection ", broken.url("x.bin"));
        assert!(message.contains(&line), "{message}");
        assert!(!case.path().exists());
    }
}
