//! The `lab` command: parse, check, run, exit code.

use clap::Parser;
use lab::cli::{Cli, ExitCode, run};
use std::panic::{AssertUnwindSafe, catch_unwind};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
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
