//! The folder with the data sets, as flags and the environment name it.

use clap::builder::{OsStringValueParser, TypedValueParser};
use std::ffi::OsString;
use std::path::PathBuf;

/// The environment variable that names the folder where no flag does.
const VARIABLE: &str = "LAB_DATA_DIR";

/// The folder where no flag names one: the variable's, or `data`.
pub(super) fn of_data() -> PathBuf {
    named(std::env::var_os(VARIABLE))
}

/// A variable that is set to nothing counts as not set, as usual in shells.
fn named(variable: Option<OsString>) -> PathBuf {
    let named = variable.filter(|name| !name.is_empty());
    named.map_or_else(|| PathBuf::from("data"), PathBuf::from)
}

/// Reads a folder's name from a flag. An empty one, often a variable of a script that is not set,
/// would be the working folder.
pub(super) fn parser() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().try_map(|name| match name.is_empty() {
        true => Err("the name is empty; name a folder, or leave the flag out"),
        false => Ok(PathBuf::from(name)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_is_not_set() {
        for variable in [None, Some(OsString::new())] {
            assert_eq!(named(variable), PathBuf::from("data"));
        }
        assert_eq!(named(Some("sets".into())), PathBuf::from("sets"));
    }
}
