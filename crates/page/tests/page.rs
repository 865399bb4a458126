//! What is in a file, and what is not.

use lab_common::figure::{Axis, Figure, Line, Panel, Rule};
use lab_common::table::{Cell, Column, Table};
use lab_page::{Grid, Page, Part, Section};
use proptest::prelude::*;

fn figure(title: &str) -> Figure {
    let panel = Panel::new(Axis::counting("epochs"), Axis::new("loss", "nats"))
        .with(
            Line::new("32, small", vec![0.0, 1.0], vec![2.0, 1.0 / 3.0]).with_band(
                vec![1.0, 0.25],
                vec![3.0, 0.5],
                "range",
            ),
        )
        .with(Rule::level("edge", 1.5));
    Figure::new(title).with(panel)
}

fn page(words: &str) -> Page {
    let table = Table::new([Column::text(words), Column::estimate("value")])
        .captioned(words)
        .with_rows([
            vec![words.into(), Cell::estimate(0.123_456_789, Some(0.01))],
            vec![Cell::Code(words.to_owned()), Cell::Missing],
            vec!["c".into(), Cell::Failed(words.to_owned())],
        ]);
    Page {
        title: format!("t {words}"),
        about: words.to_owned(),
        sections: vec![
            Section::new(words)
                .with(Part::Lead(words.to_owned()))
                .paragraph(words)
                .with(Part::List(vec![words.to_owned()]))
                .with(Part::Code(words.to_owned())),
            Section::new("Second")
                .with(Part::Table(Grid::from(table).marked(vec![1], words)))
                .with(Part::Folded {
                    title: words.to_owned(),
                    parts: vec![Part::Figures(vec![figure("one"), figure("two")])],
                }),
        ],
    }
}

/// The document without its own style and script.
fn body(page: &Page) -> String {
    let html = page.html().unwrap();
    let (_, rest) = html.split_once("<body>").unwrap();
    let (body, _) = rest.rsplit_once("<script>").unwrap();
    // Where a name may be broken.
    body.replace("<wbr>", "")
}

#[test]
fn a_page_is_whole_without_its_script() {
    let body = body(&page("words"));
    for part in [
        "<h1>t words</h1>",
        "<a href=\"#section-2\">Second</a>",
        "<p class=\"lead\">words</p>",
        "<caption>words</caption>",
        "<th scope=\"row\">words</th><td class=\"right\" data-value=\"0.123456789\">0.1235 ± 0.010</td>",
        "<tr class=\"marked\"><th scope=\"row\"><code>words</code></th><td class=\"right\">-</td>",
        "<span class=\"failed\">none: words</span>",
        // Every number that is drawn.
        ",epochs,loss (nats),from,to\n&quot;32, small&quot;,0,2,1,3\n&quot;32, small&quot;,1,0.333333,0.25,0.5\nedge,,1.5,,\n",
        // The figure in words, and its names apart from those of the other.
        "<desc id=\"figure-1-description\">",
        "<desc id=\"figure-2-description\">",
    ] {
        let part = part.trim_end();
        assert!(body.contains(part), "{part} is not in {body}");
    }
}

#[test]
fn nothing_is_loaded_from_anywhere() {
    let html = page("words").html().unwrap();
    assert!(html.contains("default-src 'none'"));
    for way in [
        "<script src",
        "<link rel=\"stylesheet\"",
        "@import",
        "fetch(",
        "XMLHttpRequest",
        "<img",
        "<iframe",
    ] {
        assert!(!html.contains(way), "{way}");
    }
    let names = html.replace("http://www.w3.org/2000/svg", "");
    assert!(!names.contains("http:") && !names.contains("https:"));
    // A style or a font by its address.
    assert!(names.matches("url(").count() == names.matches("url(#figure-").count());
}

#[test]
fn the_same_page_gives_the_same_bytes() {
    assert_eq!(page("a").html().unwrap(), page("a").html().unwrap());
}

#[test]
fn what_a_page_brings_besides_its_content_is_small() {
    let html = Page::default().html().unwrap();
    assert!(html.len() < 30_000, "{}", html.len());
}

#[test]
fn a_figure_that_cannot_be_drawn_is_an_error() {
    let section = Section::new("a").with(Part::Figures(vec![Figure::new("no panels")]));
    let page = Page {
        sections: vec![section],
        ..Page::default()
    };
    assert!(page.html().is_err());
}

proptest! {
    #[test]
    fn no_words_become_elements(words in "[ -~]{1,24}") {
        let marker = "<b>&\"'</script><script>alert(1)</script>";
        let body = body(&page(&format!("{words}{marker}")));
        prop_assert!(!body.contains("<b>") && !body.contains("<script"), "{}", body);
        let tags = |text: &str| text.matches('<').count();
        prop_assert_eq!(tags(&body), tags(&crate::body(&page("words"))));
    }
}
