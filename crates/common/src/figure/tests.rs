mod gallery;

use super::image::tree;
use super::text::width;
use super::*;
use resvg::tiny_skia::Pixmap;
use resvg::usvg::{self, Node, roxmltree};

const NAN: f64 = f64::NAN;

fn axes() -> Panel {
    Panel::new(Axis::counting("epochs"), Axis::new("loss", "nats"))
}

fn small() -> Figure {
    let line = Line::new(
        "training",
        vec![0.0, 1.0, 2.0, 3.0],
        vec![2.0, 1.0, NAN, 0.5],
    )
    .with_band(
        vec![1.5, 0.5, NAN, 0.5],
        vec![2.5, 1.5, NAN, 0.5],
        "smallest to largest of 3 seeds",
    );
    Figure::new("Loss").with(axes().with(line).with(Rule::level("target", 0.25)))
}

#[test]
fn a_small_figure_is_written_as_it_was() {
    insta::assert_snapshot!(small().svg("f").unwrap());
}

#[test]
fn every_figure_is_well_formed_and_its_names_are_its_own() {
    for (name, figure) in gallery::all() {
        let text = figure.svg(name).unwrap();
        let document = roxmltree::Document::parse(&text).unwrap();
        let prefix = format!("{name}-");
        let mut names: Vec<&str> = Vec::new();
        for node in document
            .descendants()
            .filter(|node| *node != document.root_element())
        {
            names.extend(node.attribute("id"));
            for class in node.attribute("class").unwrap_or(&prefix).split(' ') {
                assert!(class.starts_with(&prefix), "{class}");
            }
        }
        assert!(names.iter().all(|id| id.starts_with(&prefix)), "{names:?}");
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}

#[test]
fn every_figure_says_what_it_is_to_those_who_cannot_see_it() {
    for (name, figure) in gallery::all() {
        let text = figure.svg(name).unwrap();
        let document = roxmltree::Document::parse(&text).unwrap();
        let root = document.root_element();
        let said = root.attribute("aria-labelledby").unwrap().split(' ');
        let words: Vec<&str> = said
            .map(|id| {
                let mut nodes = document.descendants();
                nodes
                    .find(|node| node.attribute("id") == Some(id))
                    .unwrap()
                    .text()
                    .unwrap()
            })
            .collect();
        assert_eq!(
            (root.attribute("role"), words[0]),
            (Some("img"), figure.title.as_str())
        );
        assert!(words[1].contains(&figure.panels[0].x.name), "{}", words[1]);
    }
    let text = small().svg("f").unwrap();
    assert!(
        text.contains("Line &quot;training&quot;: 3 points, 1 missing, from 2 at 0 to 0.5 at 3"),
        "{text}"
    );
}

/// All texts of a document with their places.
fn texts(document: &str) -> Vec<(String, usvg::Rect)> {
    fn collect(group: &usvg::Group, found: &mut Vec<(String, usvg::Rect)>) {
        for node in group.children() {
            match node {
                Node::Group(group) => collect(group, found),
                Node::Text(text) => {
                    let words: String = text.chunks().iter().map(|chunk| chunk.text()).collect();
                    found.push((words, text.abs_bounding_box()));
                }
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    collect(tree(document).unwrap().root(), &mut found);
    found
}

#[test]
fn no_text_is_cut_and_no_two_overlap() {
    for (name, figure) in gallery::all() {
        let document = figure.svg(name).unwrap();
        let size = tree(&document).unwrap().size();
        let texts = texts(&document);
        for (index, (text, place)) in texts.iter().enumerate() {
            let is_inside = place.left() >= 0.0
                && place.top() >= 0.0
                && place.right() <= size.width()
                && place.bottom() <= size.height();
            assert!(is_inside, "{name}: {text}");
            for (other, taken) in &texts[..index] {
                let is_apart = place.left() >= taken.right()
                    || place.right() <= taken.left()
                    || place.top() >= taken.bottom()
                    || place.bottom() <= taken.top();
                assert!(is_apart, "{name}: {text} | {other}");
            }
        }
    }
}

#[test]
fn widths_of_texts_are_those_of_the_renderer() {
    for text in [
        "optimizer.learning_rate 0.1",
        "−1.5×10⁻¹²",
        "λmax (nats)",
        "AVATAR To fi",
    ] {
        let document = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"900\" height=\"90\"><text x=\"5\" y=\"50\" \
             font-size=\"20\">{text}</text></svg>"
        );
        // The box of the outlines leaves out the room before the first letter and after the last.
        let found = f64::from(texts(&document)[0].1.width());
        let difference = width(text, 20.0) - found;
        assert!((-1.0..6.0).contains(&difference), "{text}: {difference}");
    }
}

#[test]
fn the_same_figure_gives_the_same_bytes() {
    for (name, figure) in gallery::all() {
        assert_eq!(figure.svg(name).unwrap(), figure.svg(name).unwrap());
    }
    assert_eq!(
        small().png(Theme::Light).unwrap(),
        small().png(Theme::Light).unwrap()
    );
}

#[test]
fn the_image_is_that_of_the_document_at_300_dots_per_inch() {
    let bytes = small().png(Theme::Light).unwrap();
    // The same from the document, whose dark scheme an image has not.
    assert_eq!(png_of_svg(&small().svg("a").unwrap()).unwrap(), bytes);
    let image = Pixmap::decode_png(&bytes).unwrap();
    assert_eq!(image.width(), 960);
    assert_eq!(image.pixel(0, 0).unwrap().demultiply().red(), 255);
    let has_size = bytes.windows(4).any(|bytes| bytes == b"pHYs");
    assert!(has_size);
    let is_ink = |pixel: &resvg::tiny_skia::PremultipliedColorU8| pixel.red() < 60;
    assert!(image.pixels().iter().filter(|pixel| is_ink(pixel)).count() > 2000);
    let dark = Pixmap::decode_png(&small().png(Theme::Dark).unwrap()).unwrap();
    assert!(dark.pixel(0, 0).unwrap().red() < 40);
}

#[test]
fn a_viewer_who_prefers_dark_gets_every_colour_anew() {
    let text = small().svg("f").unwrap();
    let (sheet, body) = text.split_once("</style>").unwrap();
    assert!(sheet.contains("@media screen and (prefers-color-scheme: dark)"));
    for class in body.split("class=\"").skip(1) {
        for name in class.split('"').next().unwrap().split(' ') {
            assert!(sheet.contains(&format!(".{name}{{")), "{name}");
        }
    }
}

#[test]
fn what_is_missing_is_a_gap_and_never_zero() {
    let y = vec![5.0, NAN, NAN, 6.0, 7.0];
    let x = (0..5).map(f64::from).collect();
    let text = Figure::new("Gap")
        .with(axes().with(Line::new("a", x, y)))
        .svg("f")
        .unwrap();
    let paths = text
        .lines()
        .filter(|line| line.contains("<title>a</title>"));
    let drawn: Vec<&str> = paths.collect();
    // The line from 3 to 4, and the point at 0, which stands alone.
    assert_eq!(drawn.len(), 2);
    assert_eq!(drawn[0].matches('L').count(), 1);
    assert!(!text.contains("NaN") && !text.contains("inf"));
}

#[test]
fn a_panel_without_numbers_says_so() {
    let text = |panel: Panel| Figure::new("Empty").with(panel).svg("f").unwrap();
    assert!(text(axes()).contains(">no data</text>"));
    let lost = Line::new("a", vec![0.0, 1.0], vec![NAN, NAN]);
    assert!(text(axes().with(lost)).contains(">no number: all 2 are missing</text>"));
}

fn refusal(panel: Panel) -> String {
    Figure::new("Refused")
        .with(panel)
        .svg("f")
        .unwrap_err()
        .to_string()
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let line = |y: Vec<f64>| Line::new("a", (0..y.len()).map(|i| i as f64).collect(), y);
    let bars = |values: Vec<f64>| Bars::new("b", values);
    let classes = || {
        Panel::new(
            Axis::of_categories("class", ["x", "y"]),
            Axis::new("margin", "logits"),
        )
    };
    let infinite = refusal(axes().with(line(vec![1.0, f64::INFINITY])));
    assert_eq!(
        infinite,
        "\"a\": y 1 is inf; only finite numbers and NaN, a gap, can be drawn"
    );
    let log = Panel::new(Axis::counting("epochs"), Axis::new("loss", "nats").log());
    let negative = refusal(log.with(line(vec![1.0, NAN, -2.0])));
    assert_eq!(
        negative,
        "\"a\": y = -2, which a logarithmic axis has no place for"
    );
    assert!(
        refusal(axes().with(Line::new("a", vec![1.0], vec![]))).contains("0 y where 1 are needed")
    );
    assert!(refusal(axes().with(bars(vec![1.0]))).contains("axis of categories"));
    assert!(refusal(classes().with(bars(vec![1.0]))).contains("1 values where 2 are needed"));
    assert!(refusal(classes().with(line(vec![1.0]))).contains("only bars"));
    let edges = Histogram::new("h", vec![0.0, 0.0], vec![1.0]);
    assert!(refusal(axes().with(edges)).contains("must ascend"));
    let unnamed = Panel::new(Axis::counting("epochs"), Axis::new("loss", " "));
    assert!(refusal(unnamed).contains("the unit of an axis is empty"));
    let range = Panel::new(
        Axis::counting("epochs").over([2.0, 2.0]),
        Axis::new("loss", "nats"),
    );
    assert!(refusal(range).contains("from 2 to 2"));
    let huge = refusal(axes().with(line(vec![-1.7e308, 1.7e308])));
    assert!(huge.contains("the range of the axis"), "{huge}");
    assert!(
        Figure::new("None").svg("f").is_err() && Figure::new("").with(axes()).svg("f").is_err()
    );
}

#[test]
fn a_histogram_counts_every_number_once() {
    let values: Vec<f64> = (0..1000)
        .map(|i| f64::from(i * i % 317))
        .chain([NAN])
        .collect();
    let histogram = Histogram::of("h", &values).unwrap();
    assert_eq!(histogram.counts.iter().sum::<f64>(), 1000.0);
    assert_eq!(
        (histogram.edges[0], *histogram.edges.last().unwrap()),
        (0.0, 316.0)
    );
    assert_eq!(Histogram::of("h", &[2.0, 2.0]).unwrap().counts, [2.0]);
    assert!(Histogram::of("h", &[f64::INFINITY]).is_err());
}

#[test]
fn a_name_is_one_that_pages_take() {
    let text = small().svg("1 a/b").unwrap();
    assert!(text.contains("id=\"figure-1-a-b\""), "{text}");
}

#[test]
fn one_label_has_one_style_in_all_panels() {
    let line = |label: &str| Line::new(label, vec![0.0, 1.0], vec![0.0, 1.0]);
    let figure = Figure::new("Two")
        .with(axes().with(line("a")).with(line("b")))
        .with(axes().with(line("b")).with(line("a")));
    let text = figure.svg("f").unwrap();
    for label in ["a", "b"] {
        let title = format!("<title>{label}</title>");
        let lines: Vec<&str> = text.lines().filter(|line| line.contains(&title)).collect();
        let colour = |line: &str| line.split("stroke=\"").nth(1).unwrap()[..7].to_owned();
        assert_eq!(lines.len(), 2);
        assert_eq!(colour(lines[0]), colour(lines[1]));
    }
}
