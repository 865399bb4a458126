//! `lab config`.

use super::output::print;
use super::{CommandError, ExitCode, Format};
use crate::config::{key_rows, schema};
use clap::{Args, Subcommand};

/// List the keys of a config, or print their JSON schema.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Every key, with its values, its default and its meaning
    Keys(Keys),
    /// The JSON schema by which editors complete and check a config
    Schema,
}

/// How keys are listed.
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
    };
    print(&text)?;
    Ok(ExitCode::Success)
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
}
