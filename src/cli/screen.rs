//! How wide the terminal is that a result is printed on.

use crate::table::{Fitted, Markdown, Page, Renderer, Table, Terminal};
use std::io::IsTerminal;

/// Narrower than this nothing is fitted: there would be a word in a line.
const LEAST: usize = 20;

/// The longest line of words: longer ones are read no better.
const MOST: usize = 200;

/// The characters in a line of what standard output goes to: those that the environment names (`COLUMNS`), or the terminal's
/// own; none where it is no terminal, so that what is piped or written into a file has whole lines.
fn width() -> Option<usize> {
    let named = std::env::var("COLUMNS").ok();
    let named = named.and_then(|text| text.trim().parse().ok());
    let width = named.or_else(|| of_terminal().filter(|_| std::io::stdout().is_terminal()));
    width.filter(|width| *width >= LEAST)
}

/// The columns of the terminal that standard output is.
#[cfg(unix)]
fn of_terminal() -> Option<usize> {
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: the call fills the structure that it is given, or fails.
    let code = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &raw mut size) };
    (code == 0 && size.ws_col > 0).then_some(usize::from(size.ws_col))
}

#[cfg(not(unix))]
fn of_terminal() -> Option<usize> {
    None
}

/// A page as Markdown: as wide as the terminal, or in whole lines.
pub fn markdown(page: &Page) -> String {
    rendered(page, width(), true)
}

/// A page as plain text, in the same way.
pub fn text(page: &Page) -> String {
    rendered(page, width(), false)
}

/// A table as Markdown, in the same way.
pub fn markdown_table(table: &Table) -> String {
    markdown(&Page::from(table.clone()))
}

fn rendered(page: &Page, width: Option<usize>, has_bars: bool) -> String {
    match (width.map(|width| width.min(MOST)), has_bars) {
        (Some(width), has_bars) => Fitted { width, has_bars }.page(page),
        (None, true) => Markdown.page(page),
        (None, false) => Terminal.page(page),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_whole_lines_where_nobody_looks() {
        let page = Page::default().paragraph("a word ".repeat(40));
        assert_eq!(rendered(&page, None, true).lines().count(), 1);
        let fitted = rendered(&page, Some(60), true);
        assert!(
            fitted.lines().all(|line| line.chars().count() <= 60),
            "{fitted}"
        );
        assert!(fitted.lines().count() > 3);
    }
}
