//! New names for tensors, as the user says: `--rename 'fc(\d)=layers.$1'`.

use regex::Regex;
use thiserror::Error;

/// A pattern and what takes its place.
#[derive(Clone, Debug)]
pub struct Rename {
    pattern: Regex,
    replacement: String,
}

/// Why a pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RenameError {
    /// There is no `=`.
    #[error("must have the form PATTERN=NAME, for example 'fc(\\d)=layers.$1'")]
    Form,
    /// The pattern is no regular expression.
    #[error("the pattern is no regular expression: {0}")]
    Pattern(String),
    /// The new name refers to a group that the pattern does not have.
    #[error(
        "the name refers to ${{{0}}}, a group that the pattern does not have; write ${{1}}x where a letter follows $1"
    )]
    Group(String),
}

impl Rename {
    /// Reads `PATTERN=NAME`; the last `=` divides them.
    ///
    /// # Errors
    ///
    /// [`RenameError`].
    pub fn parse(text: &str) -> Result<Self, RenameError> {
        let (pattern, replacement) = text.rsplit_once('=').ok_or(RenameError::Form)?;
        if pattern.is_empty() {
            return Err(RenameError::Form);
        }
        let pattern = Regex::new(pattern).map_err(|error| {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            RenameError::Pattern(last.trim_start_matches("error: ").to_owned())
        })?;
        for group in groups(replacement) {
            let is_there = match group.parse::<usize>() {
                Ok(number) => number < pattern.captures_len(),
                Err(_) => pattern.capture_names().flatten().any(|name| name == group),
            };
            if !is_there {
                return Err(RenameError::Group(group));
            }
        }
        Ok(Self {
            pattern,
            replacement: replacement.to_owned(),
        })
    }

    /// A name with every occurrence of the pattern replaced.
    pub fn apply(&self, name: &str) -> String {
        let replaced = self.pattern.replace_all(name, self.replacement.as_str());
        replaced.into_owned()
    }
}

/// The groups that a replacement refers to, as the library reads them: the longest word behind `$`.
fn groups(replacement: &str) -> Vec<String> {
    let mut groups = Vec::new();
    let mut rest = replacement;
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        if let Some(escaped) = rest.strip_prefix('$') {
            rest = escaped;
            continue;
        }
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let group = match rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            Some((group, _)) => group,
            None => &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())],
        };
        if !group.is_empty() {
            groups.push(group.to_owned());
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_the_pattern_stand_in_the_name() {
        let rename = Rename::parse(r"fc(\d)=layers.$1").unwrap();
        assert_eq!(rename.apply("fc2.weight"), "layers.2.weight");
        assert_eq!(rename.apply("head.weight"), "head.weight");
        assert_eq!(Rename::parse("^ema\\.=").unwrap().apply("ema.a.b"), "a.b");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let message = |text: &str| Rename::parse(text).unwrap_err().to_string();
        assert!(message("fc").starts_with("must have the form PATTERN=NAME"));
        assert!(message("=x").starts_with("must have the form PATTERN=NAME"));
        assert!(message("a(=b").contains("unclosed group"));
        // `$1x` is the group named `1x`.
        assert!(message("a(b)=$1x").contains("${1x}"));
        assert!(message("ab=$1").contains("${1}"));
    }
}
