//! A tiny HTTP server on 127.0.0.1 for the tests of downloads.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the server answers.
pub(in crate::data) struct Reply {
    status: u16,
    content_range: Option<String>,
    announced: usize,
    body: Vec<u8>,
}

impl Reply {
    /// `content` from byte `range` on: 206, or 416 when that is past its end; 200 without a range.
    pub(in crate::data) fn of(content: &[u8], range: Option<usize>) -> Self {
        let total = content.len();
        match range {
            Some(start) if start >= total => Self::status(416),
            Some(start) => Self {
                status: 206,
                content_range: Some(format!("bytes {start}-{}/{total}", total - 1)),
                announced: total - start,
                body: content[start..].to_vec(),
            },
            None => Self {
                status: 200,
                content_range: None,
                announced: total,
                body: content.to_vec(),
            },
        }
    }

    /// A status without content.
    pub(in crate::data) fn status(status: u16) -> Self {
        Self {
            status,
            content_range: None,
            announced: 0,
            body: Vec::new(),
        }
    }

    /// The same announcement, but the connection ends after `length` bytes of the body.
    pub(in crate::data) fn cut(mut self, length: usize) -> Self {
        self.body.truncate(length);
        self
    }

    fn send(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        let mut head = format!("HTTP/1.1 {} Status\r\nConnection: close\r\n", self.status);
        if let Some(range) = &self.content_range {
            head += &format!("Content-Range: {range}\r\n");
        }
        head += &format!("Content-Length: {}\r\n\r\n", self.announced);
        stream.write_all(head.as_bytes())?;
        stream.write_all(&self.body)
    }
}

type Requests = Arc<Mutex<Vec<(String, Option<usize>)>>>;

/// A server that runs until the test process ends.
pub(in crate::data) struct Server {
    address: SocketAddr,
    requests: Requests,
}

impl Server {
    /// Starts a server; `answer` gets the path, the start of the requested range, and how many
    /// requests came before.
    pub(in crate::data) fn start(
        answer: impl Fn(&str, Option<usize>, usize) -> Reply + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Requests::default();
        let log = Arc::clone(&requests);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let Some((path, range)) = request(&stream) else {
                    continue;
                };
                let earlier = {
                    let mut log = log.lock().unwrap();
                    log.push((path.clone(), range));
                    log.len() - 1
                };
                // The client may hang up first; that is its right.
                let _ = answer(&path, range, earlier).send(&mut stream);
            }
        });
        Self { address, requests }
    }

    /// The URL of a file below the root.
    pub(in crate::data) fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    /// The range start of every request so far.
    pub(in crate::data) fn ranges(&self) -> Vec<Option<usize>> {
        let requests = self.requests.lock().unwrap();
        requests.iter().map(|(_, range)| *range).collect()
    }

    /// The path of every request so far.
    pub(in crate::data) fn paths(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests.iter().map(|(path, _)| path.clone()).collect()
    }
}

/// The path and the range start of one request.
fn request(stream: &TcpStream) -> Option<(String, Option<usize>)> {
    let mut lines = BufReader::new(stream).lines();
    let path = lines.next()?.ok()?.split(' ').nth(1)?.to_owned();
    let mut range = None;
    for line in lines {
        let line = line.ok()?.to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("range: bytes=") {
            range = value.trim_end_matches('-').parse().ok();
        }
    }
    Some((path, range))
}
