//! `lab doctor`.

use super::output::print;
use super::{CommandError, DataDir, ExitCode, Format};
use crate::backend::{BackendKind, Compute, Precision};
use crate::data::{self, ListRow};
use crate::report::{Health, HealthPart, State};
use crate::run::{BURN, REVISION};
use crate::selfcheck;
use crate::starters::STARTERS;
use clap::Args;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

/// Look at what this machine has: backends, data, places to write to.
///
/// Backends on the processor are compared with closed forms; of a graphics card only whether it answers
/// (`lab selfcheck --backend wgpu` computes on it). Exit code 1 where a run on the processor would not work.
#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// How to print
    #[arg(long, value_enum, default_value = "md")]
    format: Format,
    /// The folder under which runs are written
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: PathBuf,
    #[command(flatten)]
    data_dir: DataDir,
}

/// Runs the command.
pub fn run(args: &DoctorArgs) -> Result<ExitCode, CommandError> {
    let data_dir = &args.data_dir.data_dir;
    let mut parts = vec![program(), processor(), threads()];
    parts.extend(backends());
    parts.push(configs());
    parts.push(runs(&args.out));
    parts.push(data_folder(data_dir));
    parts.extend(data::list(data_dir).iter().map(data_set));
    parts.push(slurm());
    let health = Health { parts: &parts };
    print(&args.format.text(&health)?)?;
    match health.broken().as_slice() {
        [] => Ok(ExitCode::Success),
        _ => Ok(ExitCode::Failed),
    }
}

fn program() -> HealthPart {
    let version = env!("CARGO_PKG_VERSION");
    HealthPart::new(
        "program",
        State::Fine,
        format!("lab {version}, revision {REVISION}, Burn {BURN}"),
    )
}

/// The instructions that matrix products are chosen by when they run.
fn processor() -> HealthPart {
    let mut found = vec![env::consts::ARCH];
    #[cfg(target_arch = "x86_64")]
    {
        let has = [
            ("AVX2", std::is_x86_feature_detected!("avx2")),
            ("FMA", std::is_x86_feature_detected!("fma")),
            ("AVX-512", std::is_x86_feature_detected!("avx512f")),
        ];
        found.extend(has.iter().filter(|(_, has)| *has).map(|(name, _)| *name));
    }
    HealthPart::new("processor", State::Fine, found.join(", "))
}

fn threads() -> HealthPart {
    const VARIABLE: &str = "RAYON_NUM_THREADS";
    let cores = available_parallelism().map_or(1, usize::from);
    let threads = rayon::current_num_threads();
    let why = match env::var(VARIABLE) {
        Ok(value) => format!("{VARIABLE} is {value:?}"),
        Err(_) => format!("{VARIABLE} is not set"),
    };
    let found = format!("{threads}, of {cores} cores that this process may use ({why})");
    HealthPart::new("threads", State::Fine, found)
}

fn backends() -> Vec<HealthPart> {
    let processors = [
        (BackendKind::Cpu, Precision::F32),
        (BackendKind::Cpu, Precision::F64),
        (BackendKind::NdArray, Precision::F32),
    ];
    let checked = processors.map(|(kind, precision)| checked_backend(kind, precision));
    checked.into_iter().chain([graphics_card()]).collect()
}

fn checked_backend(kind: BackendKind, precision: Precision) -> HealthPart {
    let name = format!("backend {kind}, {precision}");
    let checks = Compute::open(kind, precision)
        .map_err(|error| error.to_string())
        .and_then(|compute| selfcheck::run(&compute).map_err(|error| error.to_string()));
    match checks {
        Err(error) => HealthPart::new(name, State::Broken, error),
        Ok(checks) => {
            let passed = checks.iter().filter(|check| check.passed()).count();
            let state = match passed == checks.len() {
                true => State::Fine,
                false => State::Broken,
            };
            let found = format!("{passed} of {} closed forms", checks.len());
            HealthPart::new(name, state, found)
        }
    }
}

fn graphics_card() -> HealthPart {
    match Compute::open(BackendKind::Wgpu, Precision::F32) {
        Ok(compute) => HealthPart::new("backend wgpu", State::Fine, compute.device_name()),
        Err(error) => HealthPart::new("backend wgpu", State::Absent, error.to_string()),
    }
}

fn configs() -> HealthPart {
    let found = match Path::new("configs").is_dir() {
        true => "configs/ is here".to_owned(),
        false => "no folder configs/ here; `lab init` writes one".to_owned(),
    };
    let within = STARTERS.len();
    HealthPart::new(
        "configs",
        State::Fine,
        format!("{found}; {within} are within the program"),
    )
}

fn runs(out: &Path) -> HealthPart {
    match writable(out) {
        Ok(place) => HealthPart::new(
            "runs",
            State::Fine,
            format!("{} can be written to", place.display()),
        ),
        Err(error) => HealthPart::new(
            "runs",
            State::Broken,
            format!("{error}; choose another place by --out"),
        ),
    }
}

fn data_folder(folder: &Path) -> HealthPart {
    let shown = folder.display();
    match (folder.is_dir(), writable(folder)) {
        (true, Ok(_)) => HealthPart::new("data folder", State::Fine, format!("{shown}")),
        (true, Err(_)) => {
            let found = format!("{shown}, which can be read but not written to");
            HealthPart::new("data folder", State::Fine, found)
        }
        (false, Ok(_)) => {
            let found = format!(
                "{shown} is not there; `lab data fetch` makes it, --data-dir or LAB_DATA_DIR names another"
            );
            HealthPart::new("data folder", State::Absent, found)
        }
        (false, Err(error)) => {
            let found = format!("{error}; --data-dir or LAB_DATA_DIR names another");
            HealthPart::new("data folder", State::Absent, found)
        }
    }
}

fn data_set(row: &ListRow) -> HealthPart {
    let name = format!("data {}", row.dataset);
    match row.present {
        true => HealthPart::new(name, State::Fine, "here"),
        false => HealthPart::new(name, State::Absent, row.how.as_str()),
    }
}

fn slurm() -> HealthPart {
    let paths = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&paths)
        .map(|folder| folder.join("sbatch"))
        .find(|file| file.is_file());
    match found {
        Some(file) => HealthPart::new("Slurm", State::Fine, file.display().to_string()),
        None => HealthPart::new(
            "Slurm",
            State::Absent,
            "no `sbatch`; only `lab sweep --launcher slurm` needs it",
        ),
    }
}

/// The folder that a folder is, or would be made in, where files can be made in it: one is, and removed.
fn writable(folder: &Path) -> Result<PathBuf, String> {
    let there = folder.ancestors().find(|folder| folder.exists());
    let there = there.unwrap_or(Path::new("."));
    if !there.is_dir() {
        return Err(format!("{} is no folder", there.display()));
    }
    let probe = there.join(format!(".lab-doctor-{}", std::process::id()));
    let tried = fs::write(&probe, []).and_then(|()| fs::remove_file(&probe));
    match tried {
        Ok(()) => Ok(folder.to_owned()),
        Err(error) => Err(format!("{} cannot be written to: {error}", there.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_is_not_there_yet_is_as_writable_as_the_folder_it_is_made_in() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("runs/of/today");
        assert_eq!(writable(&deep).unwrap(), deep);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = writable(&file.join("runs")).unwrap_err();
        assert_eq!(error, format!("{} is no folder", file.display()));
    }

    #[test]
    fn a_missing_data_set_is_absent_and_says_how_to_get_it() {
        let folder = tempfile::tempdir().unwrap();
        let parts: Vec<HealthPart> = data::list(folder.path()).iter().map(data_set).collect();
        let mnist = parts.iter().find(|part| part.name == "data mnist").unwrap();
        assert_eq!(mnist.state, State::Absent);
        assert!(mnist.found.contains("lab data fetch mnist"), "{mnist:?}");
        let digits = parts.iter().find(|part| part.name == "data digits");
        assert_eq!(digits.unwrap().state, State::Fine);
    }
}
