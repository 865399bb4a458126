//! Pages in a real browser, where there is one: Debian's `chromium`.

use std::path::Path;
use std::process::Command;

/// What a page has become once its script has run.
pub struct Opened {
    /// Its elements.
    pub document: String,
    /// What the browser's console says: errors, and everything that a policy has refused to load.
    pub console: Vec<String>,
}

/// Opens a page without a window; none, with a word about it, where there is no browser.
pub fn open(page: &Path, width: u32) -> Option<Opened> {
    let output = chromium(page, width, &["--dump-dom"])?;
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    let console = log.lines().filter(|line| line.contains("CONSOLE"));
    Some(Opened {
        document: String::from_utf8_lossy(&output.stdout).into_owned(),
        console: console.map(str::to_owned).collect(),
    })
}

/// Takes a picture of a page; says whether there is a browser.
#[allow(dead_code, reason = "not every test that opens pages takes pictures")]
pub fn picture(page: &Path, [width, height]: [u32; 2], out: &Path) -> bool {
    let size = format!("--window-size={width},{height}");
    let shot = format!("--screenshot={}", out.display());
    chromium(page, width, &[&size, &shot, "--hide-scrollbars"]).is_some()
}

fn chromium(page: &Path, width: u32, arguments: &[&str]) -> Option<std::process::Output> {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            "--enable-logging=stderr",
            "--virtual-time-budget=3000",
            "--timeout=20000",
        ])
        .arg(format!("--window-size={width},2000"))
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(arguments)
        .arg(format!("file://{}", page.canonicalize().unwrap().display()))
        .output();
    match output {
        Ok(output) => Some(output),
        Err(error) => {
            eprintln!("skipped: no browser to open a page in: chromium: {error}");
            None
        }
    }
}
