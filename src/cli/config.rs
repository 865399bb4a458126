//! `lab config`.

use super::output::print;
use super::{CommandError, ExitCode, Format};
use crate::config::{key_rows, schema};
use crate::measure::{Measure, catalogue};
use clap::{Args, Subcommand};

/// List the keys of a config or the measures of its hooks, or print the JSON schema of the keys.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Every key, with its values, its default and its meaning
    Keys(Keys),
    /// Every measure: what it is, what it survives, what it takes, where its definition stands
    Measures(Keys),
    /// The JSON schema by which editors complete and check a config
    Schema,
}

/// How a list is printed.
#[derive(Args, Debug)]
pub struct Keys {
    /// How to print
    #[arg(long, value_enum, default_value = "md")]
    format: Format,
}

/// Runs the command.
pub fn run(command: &ConfigCommand) -> Result<ExitCode, CommandError> {
    let text = match command {
        ConfigCommand::Schema => serde_json::to_string_pretty(&schema())
            .map_err(|error| CommandError::Other(error.to_string()))?,
        ConfigCommand::Keys(keys) => keys.format.text(key_rows().as_slice())?,
        ConfigCommand::Measures(list) => list.format.text(measures().as_slice())?,
    };
    print(&text)?;
    Ok(ExitCode::Success)
}

fn measures() -> Vec<&'static Measure> {
    catalogue().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_has_the_table_of_keys_as_it_is() {
        let readme = include_str!("../../README.md");
        let (_, rest) = readme.split_once("<!-- lab config keys -->").unwrap();
        let (table, _) = rest.split_once("<!-- end -->").unwrap();
        assert_eq!(
            table.trim(),
            Format::Md.text(key_rows().as_slice()).unwrap(),
            "paste the output of `lab config keys`"
        );
    }

    #[test]
    fn the_book_has_the_table_of_measures_as_it_is() {
        let chapter = include_str!("../../docs/measures.md");
        let (_, rest) = chapter.split_once("<!-- lab config measures -->").unwrap();
        let (table, _) = rest.split_once("<!-- end -->").unwrap();
        assert_eq!(
            table.trim(),
            Format::Md.text(measures().as_slice()).unwrap(),
            "paste the output of `lab config measures`"
        );
    }
}
