//! `lab experiment`.

mod ledger;
mod list;
mod run;
mod show;
mod write;

pub(super) use write::RESULT;

use super::{CommandError, ExitCode};
use crate::experiment::Subject;
use crate::experiment::catalogue::Refusal;
use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Claims of the literature that run: set-up, figures, numbers with errors, and computed verdicts.
#[derive(Debug, Subcommand)]
pub enum ExperimentCommand {
    List(list::ListArgs),
    Show(show::ShowArgs),
    Run(run::RunArgs),
    Ledger(ledger::LedgerArgs),
}

/// Runs the command.
pub fn run(command: &ExperimentCommand) -> Result<ExitCode, CommandError> {
    match command {
        ExperimentCommand::List(args) => list::run(args),
        ExperimentCommand::Show(args) => show::run(args),
        ExperimentCommand::Run(args) => run::run(args),
        ExperimentCommand::Ledger(args) => ledger::run(args),
    }
}

impl From<Refusal> for CommandError {
    fn from(refusal: Refusal) -> Self {
        Self::Input(refusal.to_string())
    }
}

/// A parser of the words of subjects.
fn subject() -> impl TypedValueParser<Value = Subject> {
    let words = Subject::ALL.map(Subject::word);
    PossibleValuesParser::new(words).map(|word| {
        let found = Subject::ALL
            .into_iter()
            .find(|subject| subject.word() == word);
        found.unwrap_or(Subject::LeastSquares)
    })
}
