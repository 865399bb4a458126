//! `lab selfcheck`.

use super::output::print;
use super::{ExitCode, Failure, Format, device};
use crate::backend::{BackendKind, Compute, Precision};
use crate::report::{checks_csv, checks_table};
use crate::selfcheck;
use clap::Args;

/// Compare this installation with closed forms.
#[derive(Args, Debug)]
pub struct SelfcheckArgs {
    /// Where to compute
    #[arg(long, value_name = "BACKEND", default_value = "cpu", value_parser = ["cpu", "ndarray", "wgpu"])]
    backend: String,
    /// The floating-point type
    #[arg(long, value_name = "TYPE", default_value = "f32", value_parser = ["f32", "f64"])]
    precision: String,
    /// How to print: a Markdown table, JSON, or CSV
    #[arg(long, value_enum, default_value = "md")]
    format: Format,
}

/// Runs the command.
pub fn run(args: &SelfcheckArgs) -> Result<ExitCode, Failure> {
    let backend = pick(BackendKind::ALL, &args.backend, BackendKind::as_str);
    let precision = pick(Precision::ALL, &args.precision, Precision::as_str);
    let compute = Compute::open(backend.unwrap_or_default(), precision.unwrap_or_default())?;
    let device = device::announcement_of_first_use(&compute);
    device.iter().for_each(|device| eprintln!("{device}"));
    let checks = selfcheck::run(&compute).map_err(|error| Failure::Other(error.to_string()))?;
    let failed = checks.iter().filter(|check| !check.passed()).count();
    match args.format {
        Format::Md => print(&format!(
            "{}\n\n{} on {} ({}): {} of {} checks passed",
            checks_table(&checks),
            compute.precision,
            compute.kind,
            compute.device_name(),
            checks.len() - failed,
            checks.len()
        ))?,
        Format::Json => print(
            &serde_json::to_string_pretty(&checks)
                .map_err(|error| Failure::Other(error.to_string()))?,
        )?,
        Format::Csv => print(&checks_csv(&checks).map_err(Failure::Other)?)?,
    }
    if failed == 0 {
        Ok(ExitCode::Success)
    } else {
        eprintln!("error: {failed} of {} checks failed", checks.len());
        Ok(ExitCode::Failed)
    }
}

fn pick<T: Copy>(all: &[T], word: &str, name: impl Fn(T) -> &'static str) -> Option<T> {
    all.iter().copied().find(|choice| name(*choice) == word)
}
