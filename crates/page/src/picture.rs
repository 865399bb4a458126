//! Pictures that were drawn elsewhere.

use crate::page::Picture;
use maud::{Markup, html};
use std::fmt::Write;

/// Pictures beside each other; one alone is as wide as the text.
pub fn pictures(pictures: &[Picture]) -> Markup {
    html! {
        div.figures.single[pictures.len() == 1] {
            @for picture in pictures {
                figure {
                    img src=(address(&picture.svg)) alt=(alternative(picture));
                    figcaption { (picture.title) }
                }
            }
        }
    }
}

/// The document as an address that holds it.
fn address(svg: &str) -> String {
    let mut address = String::from("data:image/svg+xml,");
    for byte in svg.bytes() {
        match byte {
            b'%' | b'#' | b'"' | b'<' | b'>' | b'&' | 0..=31 | 127.. => {
                // Writing to a string does not fail.
                let _ = write!(address, "%{byte:02X}");
            }
            other => address.push(char::from(other)),
        }
    }
    address
}

/// What the picture says of itself; its title where it says nothing.
fn alternative(picture: &Picture) -> String {
    let said = picture.svg.split_once("<desc").and_then(|(_, rest)| {
        let (_, rest) = rest.split_once('>')?;
        Some(rest.split_once("</desc>")?.0)
    });
    let said = said.map(|text| {
        let marks = [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&amp;", "&"),
        ];
        marks
            .iter()
            .fold(text.to_owned(), |text, (mark, c)| text.replace(mark, c))
    });
    said.unwrap_or_else(|| picture.title.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_stands_in_its_address_and_tells_what_it_shows() {
        let picture = Picture {
            title: "a".to_owned(),
            svg: "<svg><desc id=\"d\">λ &lt; 1 &amp; 100%</desc>\n</svg>".to_owned(),
        };
        let html = pictures(std::slice::from_ref(&picture)).into_string();
        assert!(html.contains("alt=\"λ &lt; 1 &amp; 100%\""), "{html}");
        assert!(
            html.contains("data:image/svg+xml,%3Csvg%3E%3Cdesc id=%22d%22%3E%CE%BB %26lt;"),
            "{html}"
        );
        assert!(html.contains("100%25%3C/desc%3E%0A%3C/svg%3E"), "{html}");
        // One alone has the width of the text, two are beside each other.
        assert!(html.contains("class=\"figures single\""), "{html}");
        let two = pictures(&[picture.clone(), picture]).into_string();
        assert!(two.contains("class=\"figures\""), "{two}");
    }
}
