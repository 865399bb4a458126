//! Notes what a binary is made of: the git revision of its source and the version of the tensor library.

use std::path::Path;
use std::process::Command;

/// What is compiled. Other files may differ without making another program.
const SOURCES: [&str; 5] = ["src", "crates", "build.rs", "Cargo.toml", "Cargo.lock"];

fn main() {
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
    }
    for file in files_of_revision() {
        println!("cargo::rerun-if-changed={file}");
    }
    let revision = revision().unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=LAB_REVISION={revision}");
    let lock = std::fs::read_to_string("Cargo.lock").unwrap_or_default();
    let burn = locked_version(&lock, "burn").unwrap_or("unknown");
    println!("cargo::rustc-env=LAB_BURN_VERSION={burn}");
}

/// The revision checked out here, marked if what is compiled differs from it; none where this is not
/// the root of a checkout, as in a package within somebody else's.
fn revision() -> Option<String> {
    if !Path::new(".git").exists() {
        return None;
    }
    let revision = git(&["rev-parse", "HEAD"])?;
    let changes = git(&[
        &["--no-optional-locks", "status", "--porcelain", "--"][..],
        &SOURCES,
    ]
    .concat())?;
    Some(if changes.is_empty() {
        revision
    } else {
        format!("{revision} (modified)")
    })
}

/// The files that change when another revision is checked out or committed.
fn files_of_revision() -> Vec<String> {
    if !Path::new(".git").exists() {
        return Vec::new();
    }
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    let names = ["HEAD", "packed-refs"].map(str::to_owned);
    let paths = names.into_iter().chain(branch);
    let paths = paths.filter_map(|name| git(&["rev-parse", "--git-path", &name]));
    // Cargo takes a file that is not there for one that has changed.
    paths.filter(|path| Path::new(path).exists()).collect()
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// The version of a package in a lock file.
fn locked_version<'l>(lock: &'l str, package: &str) -> Option<&'l str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    let version = lines.nth(1)?.strip_prefix("version = \"")?;
    version.strip_suffix('"')
}
