//! What a run was made with.

use std::process::Command;

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The git revision that this program was built from, marked if its source differed from it; "unknown"
/// where it was built outside a checkout.
pub const REVISION: &str = env!("LAB_REVISION");

/// The tensor library's version.
pub const BURN: &str = env!("LAB_BURN_VERSION");

/// The revision checked out in the working folder, marked if files differ from it.
pub(super) fn revision_of_folder() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let revision = git(&["rev-parse", "HEAD"])?;
    let is_clean = git(&["status", "--porcelain"])?.is_empty();
    Some(if is_clean {
        revision
    } else {
        format!("{revision} (modified)")
    })
}
