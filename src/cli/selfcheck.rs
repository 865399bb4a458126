//! `lab selfcheck`.

use super::output::print;
use super::{CommandError, ExitCode, Format, device};
use crate::backend::{BackendKind, Compute, Precision};
use crate::report::Checks;
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
    /// How to print
    #[arg(long, value_enum, default_value = "md")]
    format: Format,
}

/// Runs the command.
pub fn run(args: &SelfcheckArgs) -> Result<ExitCode, CommandError> {
    let backend = pick(BackendKind::ALL, &args.backend, BackendKind::as_str);
    let precision = pick(Precision::ALL, &args.precision, Precision::as_str);
    let compute = Compute::open(backend.unwrap_or_default(), precision.unwrap_or_default())?;
    let device = device::announcement_of_first_use(&compute);
    device.iter().for_each(|device| eprintln!("{device}"));
    let checks =
        selfcheck::run(&compute).map_err(|error| CommandError::Other(error.to_string()))?;
    let failed = checks.iter().filter(|check| !check.passed()).count();
    let place = format!(
        "{} on {} ({})",
        compute.precision,
        compute.kind,
        compute.device_name()
    );
    let report = Checks {
        checks: &checks,
        place: &place,
    };
    print(&args.format.text(&report)?)?;
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
