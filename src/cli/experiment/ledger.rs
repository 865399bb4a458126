//! `lab experiment ledger`.

use super::write::RESULT;
use crate::cli::output::{print, write_file};
use crate::cli::{CommandError, ExitCode};
use crate::experiment::ledger::Ledger;
use crate::experiment::outcome::Outcome;
use clap::Args;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

/// Gather all results into one table, sorted by verdict: what fails, what is not decided, what holds.
#[derive(Args, Debug)]
pub struct LedgerArgs {
    /// The folder with the results
    #[arg(long, value_name = "DIR", default_value = "experiments")]
    dir: PathBuf,
    /// As an HTML page instead of Markdown
    #[arg(long)]
    html: bool,
    /// The file to write, to which links are relative; without it the ledger is printed, with links relative to DIR
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &LedgerArgs) -> Result<ExitCode, CommandError> {
    let outcomes = outcomes(&args.dir)?;
    let place = args
        .out
        .as_deref()
        .map_or_else(|| Ok(String::new()), |out| place(&args.dir, out))?;
    let ledger = Ledger::of(&outcomes, &place);
    let text = if args.html {
        ledger.html()
    } else {
        ledger.markdown()
    };
    match &args.out {
        None => print(&text)?,
        Some(out) => {
            let text = text.trim_end().to_owned() + "\n";
            write_file(out, text.as_bytes())?;
            eprintln!("{} results, written to {}", outcomes.len(), out.display());
        }
    }
    Ok(ExitCode::Success)
}

/// The results in a folder, in the order of their names. One that cannot be read is an error: a ledger without it would
/// claim to be whole.
fn outcomes(folder: &Path) -> Result<Vec<Outcome>, CommandError> {
    let unreadable = |path: &Path, error: &dyn std::fmt::Display| {
        CommandError::Input(format!("{}: {error}", path.display()))
    };
    let entries = fs::read_dir(folder).map_err(|error| {
        let found = match error.kind() {
            ErrorKind::NotFound => "there is no such folder".to_owned(),
            ErrorKind::NotADirectory => "that is not a folder".to_owned(),
            _ => error.to_string(),
        };
        CommandError::Input(format!(
            "--dir {}: {found}: name the folder that `lab experiment run` has written results to, which is `experiments` \
             without its --out, or run `lab experiment run --all --quick` first",
            folder.display()
        ))
    })?;
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            !path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('.'))
        })
        .map(|path| path.join(RESULT))
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    if paths.is_empty() {
        return Err(CommandError::Input(format!(
            "--dir {} holds no result: `lab experiment run --all --quick` makes them in a few minutes",
            folder.display()
        )));
    }
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        serde_json::from_str(&text).map_err(|error| unreadable(path, &error))
    };
    paths.iter().map(read).collect()
}

/// The way from the folder of the ledger to the results, with a slash at its end.
fn place(results: &Path, ledger: &Path) -> Result<String, CommandError> {
    let whole = |path: &Path| {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        fs::canonicalize(path)
            .map_err(|error| CommandError::Input(format!("{}: {error}", path.display())))
    };
    let (to, from) = (
        whole(results)?,
        whole(ledger.parent().unwrap_or(Path::new(".")))?,
    );
    let parts = |path: &Path| -> Vec<String> {
        let named = path
            .components()
            .filter(|part| matches!(part, Component::Normal(_)));
        named
            .map(|part| part.as_os_str().to_string_lossy().into_owned())
            .collect()
    };
    let (to, from) = (parts(&to), parts(&from));
    let common = to.iter().zip(&from).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..", from.len() - common);
    let way: Vec<&str> = up.chain(to[common..].iter().map(String::as_str)).collect();
    Ok(way.iter().map(|part| format!("{part}/")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_from_the_ledger_to_the_results() {
        let place_of = |results: &str, ledger: &str| {
            let root = tempfile::tempdir().unwrap();
            fs::create_dir_all(root.path().join("docs/experiments")).unwrap();
            place(&root.path().join(results), &root.path().join(ledger)).unwrap()
        };
        assert_eq!(
            place_of("docs/experiments", "docs/ledger.md"),
            "experiments/"
        );
        assert_eq!(
            place_of("docs/experiments", "docs/experiments/ledger.md"),
            ""
        );
        assert_eq!(place_of("docs", "docs/experiments/ledger.md"), "../");
    }
}
