//! Figures as files that a flag names.

use super::CommandError;
use crate::figure::{Figure, Theme};
use crate::plot::PlotError;
use std::path::Path;

/// What a figure is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text stays text.
    Svg,
    /// 300 dots per inch.
    Png,
}

impl Kind {
    /// What the ending of a file says, which this flag names.
    ///
    /// # Errors
    ///
    /// [`CommandError::Input`] for any ending but `.svg` and `.png`.
    pub fn of(flag: &str, path: &Path) -> Result<Self, CommandError> {
        let ending = path
            .extension()
            .map(|ending| ending.to_string_lossy().to_lowercase());
        match ending.as_deref() {
            Some("svg") => Ok(Self::Svg),
            Some("png") => Ok(Self::Png),
            _ => {
                let found = ending.map_or_else(|| "none".to_owned(), |ending| format!(".{ending}"));
                Err(CommandError::Input(format!(
                    "{flag} {}: the ending says what is written, .svg or .png; this is {found}",
                    path.display()
                )))
            }
        }
    }

    /// The ending of its files.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Png => "png",
        }
    }

    /// The figure as the bytes of the file at `path`.
    ///
    /// # Errors
    ///
    /// [`CommandError::Plot`] where the figure cannot be drawn.
    pub fn bytes(self, figure: &Figure, path: &Path) -> Result<Vec<u8>, CommandError> {
        let bytes = match self {
            Self::Svg => figure.svg(&id(path)).map(String::into_bytes),
            Self::Png => figure.png(Theme::Light),
        };
        bytes.map_err(|error| PlotError::from(error).into())
    }
}

/// The name that all names in a document begin with.
pub fn id(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
