//! A folder of its own for each test, and the binary to run in it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// A small experiment that takes about a second.
pub const CONFIG: &str = r#"
[data]
dataset = "digits"
train = 300
test = 100

[model]
kind = "mlp"
hidden = [20]

[optimizer]
kind = "sgd"
learning_rate = 0.1
momentum = 0.9

[train]
batch_size = 32
epochs = 6

[[hooks]]
preset = "full"
every = 2
"#;

/// A temporary folder with `small.toml` in it.
pub struct Lab {
    folder: tempfile::TempDir,
}

impl Lab {
    pub fn new() -> Self {
        let lab = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        lab.write("small.toml", CONFIG);
        lab
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    pub fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// The names in the folder, sorted.
    pub fn entries(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
        command
            .current_dir(self.folder.path())
            .env_remove("LAB_DATA_DIR")
            .env_remove("COLUMNS")
            .args(arguments);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Finished {
        Finished::of(self.command(arguments).output().unwrap())
    }

    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// The rows of a run's `metrics.jsonl`, without the wall-clock times, the only fields that two
    /// equal runs may differ in.
    pub fn rows(&self, run: &str) -> Vec<serde_json::Value> {
        self.read(&format!("{run}/metrics.jsonl"))
            .lines()
            .map(|line| {
                let mut row: serde_json::Value = serde_json::from_str(line).unwrap();
                let fields = row.as_object_mut().unwrap();
                fields.remove("seconds").unwrap();
                fields.remove("wall_time").unwrap();
                row
            })
            .collect()
    }
}

/// What a finished command left.
#[derive(Debug)]
pub struct Finished {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Standard output of a command that must have succeeded.
    #[track_caller]
    pub fn success(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// Standard error of a command that must have ended with this code, and without a panic.
    #[track_caller]
    pub fn failure(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(!self.stderr.contains("panicked"), "{self:?}");
        self.stderr
    }
}

/// The folder with real data sets, if there is one.
pub fn real_data(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("LAB_DATA_DIR").map(PathBuf::from);
    let folder = folder.and_then(|folder| Path::new(&folder).canonicalize().ok());
    if folder.is_none() {
        eprintln!("{test}: skipped: LAB_DATA_DIR is not set to a folder with data sets");
    }
    folder
}
