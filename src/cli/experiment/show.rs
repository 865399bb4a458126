//! `lab experiment show`.

use crate::cli::output::print;
use crate::cli::{CommandError, ExitCode, Format};
use crate::experiment::catalogue::{self, expected};
use crate::experiment::{About, Parameter};
use crate::report::Report;
use crate::table::{Cell, Column, Page, Table};
use clap::Args;

/// Show one experiment: the claim, the mathematics, every parameter with its default, and what would refute it.
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// Its name, as `lab experiment list` prints it
    #[arg(value_name = "NAME")]
    name: String,
    /// How to print
    #[arg(long, value_enum, default_value = "md")]
    format: Format,
}

struct Description {
    about: About,
    parameters: Vec<Parameter>,
}

/// Runs the command.
pub fn run(args: &ShowArgs) -> Result<ExitCode, CommandError> {
    let experiment = catalogue::find(&args.name)?;
    let description = Description {
        about: experiment.about(),
        parameters: experiment.parameters(),
    };
    print(&args.format.text(&description)?)?;
    Ok(ExitCode::Success)
}

impl Report for Description {
    fn page(&self) -> Page {
        let about = &self.about;
        let seeds = match about.seeds.full {
            0 => "Nothing in it is random.".to_owned(),
            full => format!(
                "It runs over {full} seeds, {} with --quick.",
                about.seeds.quick
            ),
        };
        let page = Page::default()
            .paragraph(format!("# {}", about.name))
            .paragraph(about.claim)
            .paragraph(about.mathematics)
            .paragraph(format!("It would be refuted by this: {}", about.refuted_by))
            .paragraph(format!("Source: {}", about.source))
            .paragraph(format!(
                "{seeds} On two cores a full run takes about {} s, a quick one {} s.",
                about.seconds.full, about.seconds.quick
            ));
        if self.parameters.is_empty() {
            return page;
        }
        page.table(self.records())
    }

    fn records(&self) -> Table {
        let columns =
            ["parameter", "meaning", "default", "with --quick", "allowed"].map(Column::text);
        Table::new(columns).with_rows(self.parameters.iter().map(|parameter| {
            vec![
                Cell::Code(parameter.name.to_owned()),
                parameter.meaning.into(),
                parameter.full.to_string().into(),
                parameter.quick.to_string().into(),
                expected(parameter).into(),
            ]
        }))
    }

    fn json(&self) -> Result<String, serde_json::Error> {
        let about = &self.about;
        let parameters = self.parameters.iter().map(|parameter| {
            serde_json::json!({
                "name": parameter.name,
                "meaning": parameter.meaning,
                "default": parameter.full.json(),
                "quick": parameter.quick.json(),
                "allowed": expected(parameter),
            })
        });
        serde_json::to_string_pretty(&serde_json::json!({
            "name": about.name,
            "subject": about.subject.word(),
            "claim": about.claim,
            "source": about.source,
            "mathematics": about.mathematics,
            "refuted_by": about.refuted_by,
            "seeds": {"full": about.seeds.full, "quick": about.seeds.quick},
            "seconds": {"full": about.seconds.full, "quick": about.seconds.quick},
            "parameters": parameters.collect::<Vec<_>>(),
        }))
    }
}
