//! The document around everything on a page.

use crate::figure;
use crate::numbers::Numbers;
use crate::page::{Page, Part, Section};
use crate::picture;
use crate::table::grid;
use lab_common::figure::FigureError;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// What a page says it was made by, in its head.
pub const GENERATOR: &str = "lab report";

const STYLE: &str = include_str!("style.css");
/// One block, so that its names are its own.
const SCRIPT: &str = concat!(
    "\"use strict\";\n{\n",
    include_str!("script/elements.js"),
    include_str!("script/tables.js"),
    include_str!("script/numbers.js"),
    include_str!("script/closer.js"),
    include_str!("script/figures.js"),
    "}\n"
);

/// Nothing is loaded from anywhere: styles and scripts are those in the file.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

impl Page {
    /// The page as a HTML document; the same page gives the same bytes.
    ///
    /// # Errors
    ///
    /// [`FigureError`] where a figure cannot be drawn.
    pub fn html(&self) -> Result<String, FigureError> {
        html(self)
    }
}

fn html(page: &Page) -> Result<String, FigureError> {
    let mut numbers = Numbers::default();
    let sections: Vec<Markup> = (1..)
        .zip(&page.sections)
        .map(|(number, of)| section(number, of, &mut numbers))
        .collect::<Result<_, _>>()?;
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content=(GENERATOR);
                title { (page.title) }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (page.title) }
                    @if !page.about.is_empty() { p.about { (page.about) } }
                    (contents(page))
                }
                main { @for section in &sections { (section) } }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    Ok(document.into_string() + "\n")
}

fn contents(page: &Page) -> Markup {
    html! {
        @if page.sections.len() > 1 {
            nav aria-label="Contents" {
                ul {
                    @for (number, section) in (1..).zip(&page.sections) {
                        li { a href=(format!("#section-{number}")) { (section.title) } }
                    }
                }
            }
        }
    }
}

fn section(number: usize, section: &Section, numbers: &mut Numbers) -> Result<Markup, FigureError> {
    let parts = parts(&section.parts, numbers)?;
    let name = format!("section-{number}");
    Ok(html! {
        section id=(name) aria-labelledby=(format!("{name}-title")) {
            h2 id=(format!("{name}-title")) { (section.title) }
            (parts)
        }
    })
}

fn parts(parts: &[Part], numbers: &mut Numbers) -> Result<Markup, FigureError> {
    let parts: Vec<Markup> = parts
        .iter()
        .map(|of| part(of, numbers))
        .collect::<Result<_, _>>()?;
    Ok(html! { @for part in &parts { (part) } })
}

fn part(part: &Part, numbers: &mut Numbers) -> Result<Markup, FigureError> {
    Ok(match part {
        Part::Lead(text) => html! { p.lead { (text) } },
        Part::Paragraph(text) => html! {
            p { @for (place, line) in text.lines().enumerate() { @if place > 0 { br; } (line) } }
        },
        Part::List(items) => html! { ul { @for item in items { li { (item) } } } },
        Part::Code(text) => html! { pre.code tabindex="0" { code { (text) } } },
        Part::Table(of) => grid(of),
        Part::Figures(figures) => figure::figures(figures, numbers)?,
        Part::Pictures(pictures) => picture::pictures(pictures),
        Part::Folded { title, parts } => {
            let parts = self::parts(parts, numbers)?;
            html! { details { summary { (title) } (parts) } }
        }
    })
}
