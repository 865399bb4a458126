//! The `lab` command: parse, check, run, exit code.

use clap::Parser;
use lab::cli::{Cli, ExitCode, run};
use std::panic::{AssertUnwindSafe, catch_unwind};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Mesa's Vulkan layer asks for a Wayland display, which nothing here needs, and the library it asks
/// complains on standard error where `XDG_RUNTIME_DIR` is no absolute path. Of a folder that does not
/// exist it says nothing.
#[cfg(target_os = "linux")]
fn keep_display_probing_quiet() {
    let folder = std::env::var_os("XDG_RUNTIME_DIR");
    if !folder.is_some_and(|folder| std::path::Path::new(&folder).is_absolute()) {
        // SAFETY: this is the only thread yet, so nobody reads the environment meanwhile.
        unsafe { std::env::set_var("XDG_RUNTIME_DIR", "/nonexistent") };
    }
}

fn main() -> std::process::ExitCode {
    #[cfg(target_os = "linux")]
    keep_display_probing_quiet();
    let cli = Cli::parse();
    // Whatever panics below (a graphics driver, say) is reported in one line, not as a backtrace.
    std::panic::set_hook(Box::new(|_| {}));
    let result = catch_unwind(AssertUnwindSafe(|| run(cli)));
    let code = match result {
        Ok(Ok(code)) => code,
        Ok(Err(failure)) => {
            eprintln!("error: {failure}");
            failure.exit_code()
        }
        Err(payload) => {
            eprintln!("error: {}", lab::cli::panic_message(payload.as_ref()));
            ExitCode::Failed
        }
    };
    code.into()
}
