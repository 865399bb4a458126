//! Runs that are killed at any moment, on disks that are full and in folders that nobody may write
//! to, end with the same bytes as one that was left alone, and can always be gone on with.

use crate::lab::{Finished, Lab};
use serde_json::Value;
use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Every kind of state: momentum, a schedule, remembered eigenvectors, an end at a training loss.
const CONFIG: &str = r#"
[data]
dataset = "digits"
train = 64
test = 16

[model]
hidden = [8]

[optimizer]
learning_rate = 0.1
momentum = 0.9

[schedule]
kind = "cosine"

[train]
batch_size = 16
epochs = 40
stop_at_train_loss = 0.5
stop_check_every = 3

[[hooks]]
measures = ["hessian.lambda_max", "norm.l2"]
every = 3
unit = "steps"
warm_start = true
"#;

/// The user whom folders can be closed to; root may write everywhere.
const NOBODY: u32 = 65534;

const FILLER: &str = "out/filler";

/// What happens to a process besides being killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    None,
    /// Files cannot grow beyond a size.
    Limit,
    /// The disk has little room left.
    FullDisk,
    /// The folders of the run cannot be written to for a moment.
    ReadOnly,
}

/// Numbers without a pattern (Marsaglia 2003, "Xorshift RNGs").
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// A copy of the program where every user can reach it: the folders it was built in may be closed to others, as a home is.
struct Program(tempfile::TempDir);

impl Program {
    fn readable_by_all() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        // By another process: a file that any process started meanwhile still holds open for writing cannot be run.
        let copy = Command::new("cp")
            .arg(env!("CARGO_BIN_EXE_lab"))
            .arg(folder.path().join("lab"))
            .status();
        assert!(copy.unwrap().success());
        Self(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("lab")
    }
}

/// A disk of 1 MiB at `out`, if this system lets us have one.
pub struct Disk(PathBuf);

impl Disk {
    pub fn mounted(lab: &Lab) -> Option<Self> {
        let place = lab.path("out");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(&place)
            .stderr(Stdio::null())
            .status();
        mount
            .is_ok_and(|status| status.success())
            .then_some(Self(place))
    }

    /// Leaves so many bytes.
    pub fn fill(&self, left: u64) {
        let filler = self.0.join("filler");
        let free = Command::new("stat")
            .args(["-f", "-c", "%a %S"])
            .arg(&self.0)
            .output()
            .unwrap();
        let free: Vec<u64> = String::from_utf8(free.stdout)
            .unwrap()
            .split_whitespace()
            .map(|number| number.parse().unwrap())
            .collect();
        let size = (free[0] * free[1]).saturating_sub(left);
        std::fs::write(filler, vec![0; size as usize]).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// One run after another, each killed several times.
struct Campaign {
    dice: Dice,
    is_root: bool,
    program: Program,
    reference: Ending,
    /// How long an undisturbed run takes.
    length: Duration,
    /// Processes by trouble and by what became of them.
    ends: BTreeMap<(Trouble, &'static str), u64>,
}

/// What a run leaves, without times.
#[derive(Debug, PartialEq)]
struct Ending {
    model: Vec<u8>,
    rows: Vec<Value>,
    summary: Value,
    checkpoints: BTreeMap<String, (Value, Vec<u8>)>,
}

impl Ending {
    fn of(lab: &Lab) -> Self {
        let run = "out/tiny/seed-0";
        let folder = lab.path(&format!("{run}/checkpoints"));
        let names = std::fs::read_dir(folder).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut summary: Value =
            serde_json::from_str(&lab.read(&format!("{run}/summary.json"))).unwrap();
        forget_seconds(&mut summary);
        let record: Value = serde_json::from_str(&lab.read(&format!("{run}/run.json"))).unwrap();
        assert_eq!(record["status"], "finished");
        Self {
            model: lab.bytes(&format!("{run}/model.safetensors")),
            rows: lab.rows(run),
            summary,
            checkpoints: names
                .map(|name| {
                    let bytes = lab.bytes(&format!("{run}/checkpoints/{name}"));
                    (name, without_times(&bytes))
                })
                .collect(),
        }
    }
}

fn forget_seconds(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !name.contains("seconds"));
            fields.values_mut().for_each(forget_seconds);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_seconds),
        _ => {}
    }
}

/// A checkpoint's header without times and without the digest over them, and its values.
fn without_times(bytes: &[u8]) -> (Value, Vec<u8>) {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let metadata = header["__metadata__"]["lab"].take();
    let (digest, metadata) = metadata.as_str().unwrap().split_once(' ').unwrap();
    assert_eq!(digest.len(), "sha256:".len() + 64);
    let mut metadata: Value = serde_json::from_str(metadata).unwrap();
    forget_seconds(&mut metadata);
    // Rows hold seconds, which have more digits or fewer.
    metadata.as_object_mut().unwrap().remove("metrics_length");
    header["__metadata__"]["lab"] = metadata;
    (header, bytes[8 + length..].to_vec())
}

fn tiny() -> Lab {
    let lab = Lab::new();
    lab.write("tiny.toml", CONFIG);
    std::fs::create_dir(lab.path("out")).unwrap();
    lab
}

const TRAIN: [&str; 6] = ["train", "--config", "tiny.toml", "--out", "out", "--quiet"];
const RESUME: [&str; 4] = ["train", "--resume", "out/tiny/seed-0", "--quiet"];

impl Campaign {
    fn new(seed: u64) -> Self {
        let lab = tiny();
        // The second time everything is in the system's cache.
        lab.run(&TRAIN).success();
        std::fs::remove_dir_all(lab.path("out/tiny")).unwrap();
        let start = Instant::now();
        lab.run(&TRAIN).success();
        let id = Command::new("id").arg("-u").output().unwrap();
        Self {
            dice: Dice(seed),
            is_root: id.stdout.trim_ascii() == b"0",
            program: Program::readable_by_all(),
            length: start.elapsed(),
            reference: Ending::of(&lab),
            ends: BTreeMap::new(),
        }
    }

    fn killed(&self) -> u64 {
        let killed = self.ends.iter().filter(|((_, end), _)| *end == "killed");
        killed.map(|(_, count)| count).sum()
    }

    /// One run: up to six processes in trouble, then one left alone.
    fn run(&mut self, troubles: &[Trouble]) {
        let lab = tiny();
        let disk = troubles
            .contains(&Trouble::FullDisk)
            .then(|| Disk::mounted(&lab))
            .flatten();
        if self.is_root {
            // Folders that are closed must be closed to the program too.
            for folder in ["", "out"] {
                let path = lab.path(folder);
                std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
                chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        for _ in 0..1 + self.dice.below(6) {
            let trouble = troubles[self.dice.below(troubles.len() as u64) as usize];
            let is_possible = trouble != Trouble::FullDisk || disk.is_some();
            if is_possible && self.process(&lab, trouble, disk.as_ref()) == "finished" {
                break;
            }
        }
        let last = self.start(&lab, None);
        Finished::of(last.wait_with_output().unwrap()).success();
        let ending = Ending::of(&lab);
        assert_eq!(ending.rows, self.reference.rows);
        assert_eq!(ending.summary, self.reference.summary);
        let names = |ending: &Ending| ending.checkpoints.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&ending), names(&self.reference));
        // Bytes are not worth printing.
        assert!(ending == self.reference, "weights or checkpoints differ");
        assert_no_leftovers(&lab.path("out/tiny/seed-0"));
    }

    /// One process in trouble, killed at a random moment or left to meet its end.
    fn process(&mut self, lab: &Lab, trouble: Trouble, disk: Option<&Disk>) -> &'static str {
        if let (Trouble::FullDisk, Some(disk)) = (trouble, disk) {
            disk.fill(self.dice.below(160) << 10);
        }
        let limit = (trouble == Trouble::Limit).then(|| self.dice.below(40));
        let mut child = self.start(lab, limit);
        let moment = |dice: &mut Dice, length: Duration| {
            Duration::from_micros(dice.below(length.as_micros() as u64 + 1))
        };
        let folders = ["out/tiny/seed-0", "out/tiny/seed-0/checkpoints"];
        if trouble == Trouble::ReadOnly {
            std::thread::sleep(moment(&mut self.dice, self.length / 4));
            set_modes(lab, &folders, 0o555);
            std::thread::sleep(moment(&mut self.dice, self.length / 4));
            set_modes(lab, &folders, 0o755);
        }
        if trouble == Trouble::None || self.dice.below(4) > 0 {
            std::thread::sleep(moment(&mut self.dice, self.length / 2));
            child.kill().unwrap();
        }
        let output = child.wait_with_output().unwrap();
        let end = if output.status.signal() == Some(9) {
            "killed"
        } else {
            self.check(&Finished::of(output), trouble)
        };
        *self.ends.entry((trouble, end)).or_default() += 1;
        let _ = std::fs::remove_file(lab.path(FILLER));
        end
    }

    /// A process that was not killed ended well, or said what it could not write and what to do.
    fn check(&self, finished: &Finished, trouble: Trouble) -> &'static str {
        let error = &finished.stderr;
        assert!(!error.contains("stopped unexpectedly"), "{finished:?}");
        match finished.code {
            Some(0) => "finished",
            // 2 where the run could not be begun, of which nothing is left then.
            Some(1 | 2) if trouble != Trouble::None => {
                let reasons = ["no space is left", "File too large", "Permission denied"];
                assert!(
                    reasons.iter().any(|reason| error.contains(reason)),
                    "{error}"
                );
                assert_eq!(error.lines().count(), 1, "{error}");
                "could not write"
            }
            _ => panic!("{trouble:?}: {finished:?}"),
        }
    }

    /// Trains, or resumes where there is something to resume: a run is one from its config on.
    fn start(&self, lab: &Lab, limit: Option<u64>) -> Child {
        let arguments = match lab.exists("out/tiny/seed-0/config.toml") {
            true => &RESUME[..],
            false => &TRAIN[..],
        };
        self.command(lab, arguments, limit)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn command(&self, lab: &Lab, arguments: &[&str], limit: Option<u64>) -> Command {
        let mut command = Command::new(self.program.path());
        if let Some(limit) = limit {
            // In blocks of 512 bytes; a signal that is ignored leaves an error to the program.
            let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\" \"$@\"");
            command = Command::new("sh");
            command.args(["-c", &script]).arg(self.program.path());
        }
        command
            .args(arguments)
            .current_dir(lab.path(""))
            // Threads that wait for each other would take most of the time of so small a run.
            .env("RAYON_NUM_THREADS", "1");
        if self.is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }
}

fn set_modes(lab: &Lab, folders: &[&str], mode: u32) {
    for folder in folders {
        // There may be none yet.
        let _ = std::fs::set_permissions(lab.path(folder), PermissionsExt::from_mode(mode));
    }
}

/// No file that was being written when a process was killed.
fn assert_no_leftovers(run: &Path) {
    for folder in [run.to_owned(), run.join("checkpoints")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name();
            assert!(!name.to_string_lossy().ends_with(".part"), "{name:?}");
        }
    }
}

const TROUBLES: [Trouble; 4] = [
    Trouble::None,
    Trouble::Limit,
    Trouble::FullDisk,
    Trouble::ReadOnly,
];

fn campaign(kills: u64, seed: u64) {
    let mut campaign = Campaign::new(seed);
    let mut runs = 0;
    while campaign.killed() < kills {
        campaign.run(&TROUBLES);
        runs += 1;
    }
    println!("{runs} runs: {:?}", campaign.ends);
    let has_full_disk = campaign
        .ends
        .keys()
        .any(|(trouble, _)| *trouble == Trouble::FullDisk);
    if !has_full_disk {
        eprintln!("full disks were left out: no file system can be mounted here");
    }
}

#[test]
fn killed_runs_end_with_the_same_bytes() {
    campaign(20, 0x9E37_79B9_7F4A_7C15);
}

/// `cargo test --release --test end_to_end a_thousand_kills -- --ignored --nocapture`
#[test]
#[ignore = "takes ten minutes"]
fn a_thousand_kills_change_no_byte() {
    campaign(1000, 0x2545_F491_4F6C_DD1D);
}
