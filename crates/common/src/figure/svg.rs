//! Writing SVG.

use super::colour::{DASHES, Theme, Tint};
use super::mark::Style;
use std::collections::BTreeSet;
use std::fmt::Write;

/// How a shape is painted.
#[derive(Clone, Debug, Default)]
pub(super) struct Look {
    pub fill: Option<Tint>,
    pub stroke: Option<(Tint, f64)>,
    pub dash: usize,
    pub opacity: Option<f64>,
    /// The name of the region it is cut to.
    pub clip: Option<String>,
    /// Whether its edges are not smoothed: cells that touch would show seams.
    pub is_crisp: bool,
    /// What a pointer that rests on it reads.
    pub title: String,
}

impl Look {
    pub fn filled(tint: Tint) -> Self {
        Self {
            fill: Some(tint),
            ..Self::default()
        }
    }

    pub fn stroked(tint: Tint, width: f64) -> Self {
        Self {
            stroke: Some((tint, width)),
            ..Self::default()
        }
    }

    pub fn clipped(self, clip: &str) -> Self {
        Self {
            clip: Some(clip.to_owned()),
            ..self
        }
    }

    pub fn titled(self, title: &str) -> Self {
        Self {
            title: title.to_owned(),
            ..self
        }
    }

    pub fn with_opacity(self, opacity: f64) -> Self {
        Self {
            opacity: Some(opacity),
            ..self
        }
    }

    pub fn dashed(self, dash: usize) -> Self {
        Self { dash, ..self }
    }
}

/// Where a text begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A text's look.
#[derive(Clone, Debug)]
pub(super) struct Type {
    pub size: f64,
    pub tint: Tint,
    pub anchor: Anchor,
}

impl Style {
    pub(super) fn tint(self) -> Tint {
        self.colour.map_or(Tint::Ink, Tint::Series)
    }
}

/// An SVG document that is being written.
pub(super) struct Svg<'a> {
    id: &'a str,
    theme: Theme,
    body: String,
    /// The classes that the style sheet must know, with the property that they set.
    classes: BTreeSet<(Tint, &'static str)>,
}

impl<'a> Svg<'a> {
    pub fn new(id: &'a str, theme: Theme) -> Self {
        Self {
            id,
            theme,
            body: String::new(),
            classes: BTreeSet::new(),
        }
    }

    /// A name within this figure.
    pub fn name(&self, part: &str) -> String {
        format!("{}-{part}", self.id)
    }

    /// A region to cut shapes to.
    pub fn clip(&mut self, name: &str, [x, y, width, height]: [f64; 4]) {
        let [x, y, width, height] = [x, y, width, height].map(number);
        self.line(&format!(
            "<clipPath id=\"{name}\"><rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/></clipPath>"
        ));
    }

    /// Begins a part of a panel, which a page can find again.
    pub fn open(&mut self, part: &str, panel: usize) {
        self.line(&format!("<g data-part=\"{part}\" data-panel=\"{panel}\">"));
    }

    /// Ends what was begun last.
    pub fn close(&mut self) {
        self.line("</g>");
    }

    /// A shape by its path.
    pub fn path(&mut self, path: &str, look: &Look) {
        if path.is_empty() {
            return;
        }
        let looks = self.look(look);
        self.shape(&format!("path d=\"{path}\"{looks}"), "path", &look.title);
    }

    pub fn rect(&mut self, [x, y, width, height]: [f64; 4], look: &Look) {
        let looks = self.look(look);
        let [x, y, width, height] = [x, y, width, height].map(number);
        self.shape(
            &format!("rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"{looks}"),
            "rect",
            &look.title,
        );
    }

    pub fn text(&mut self, x: f64, y: f64, text: &str, of: &Type) {
        let mut classes = Vec::new();
        let paint = self.paint("fill", &of.tint, &mut classes) + &class_attribute(&classes);
        let anchor = match of.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        self.line(&format!(
            "<text x=\"{}\" y=\"{}\" font-size=\"{}\"{anchor}{paint}>{}</text>",
            number(x),
            number(y),
            number(of.size),
            escaped(text)
        ));
    }

    /// The whole document, with the words that stand for it where it is not seen.
    pub fn finish(self, [width, height]: [f64; 2], title: &str, description: &str) -> String {
        let Self { id, body, .. } = &self;
        let mut head = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" id=\"{id}\" role=\"img\" \
             aria-labelledby=\"{id}-title {id}-description\" width=\"{}\" height=\"{}\" \
             viewBox=\"0 0 {} {}\" font-family=\"'DejaVu Sans', Helvetica, Arial, sans-serif\">\n",
            number(SHOWN * width),
            number(SHOWN * height),
            number(width),
            number(height),
        );
        // Writing to a string does not fail.
        let _ = writeln!(head, "<title id=\"{id}-title\">{}</title>", escaped(title));
        let _ = writeln!(
            head,
            "<desc id=\"{id}-description\">{}</desc>",
            escaped(description)
        );
        head + &self.style_sheet() + body + "</svg>\n"
    }

    fn style_sheet(&self) -> String {
        if self.theme != Theme::Both {
            return String::new();
        }
        let rules = self.classes.iter().filter_map(|(tint, property)| {
            let (class, colour) = (tint.class()?, tint.dark());
            Some(format!(
                ".{}-{property}-{class}{{{property}:{colour}}}\n",
                self.id
            ))
        });
        let rules: String = rules.collect();
        format!("<style>@media screen and (prefers-color-scheme: dark){{\n{rules}}}</style>\n")
    }

    fn look(&mut self, look: &Look) -> String {
        let mut classes = Vec::new();
        let mut attributes = match &look.fill {
            Some(tint) => self.paint("fill", tint, &mut classes),
            None => " fill=\"none\"".to_owned(),
        };
        if let Some((tint, width)) = &look.stroke {
            attributes += &self.paint("stroke", tint, &mut classes);
            let _ = write!(attributes, " stroke-width=\"{}\"", number(*width));
        }
        match DASHES[look.dash % DASHES.len()] {
            "" => {}
            dashes => {
                let _ = write!(attributes, " stroke-dasharray=\"{dashes}\"");
            }
        }
        if look.stroke.is_some() {
            attributes += " stroke-linejoin=\"round\"";
        }
        if let Some(opacity) = look.opacity {
            let _ = write!(attributes, " opacity=\"{}\"", number(opacity));
        }
        if look.is_crisp {
            attributes += " shape-rendering=\"crispEdges\"";
        }
        if let Some(clip) = &look.clip {
            let _ = write!(attributes, " clip-path=\"url(#{clip})\"");
        }
        attributes + &class_attribute(&classes)
    }

    /// The attributes that give a property a colour: by themselves that of a light background, which the style
    /// sheet overrules.
    fn paint(&mut self, property: &'static str, tint: &Tint, classes: &mut Vec<String>) -> String {
        let colour = match self.theme {
            Theme::Dark => tint.dark(),
            Theme::Light | Theme::Both => tint.light(),
        };
        if let Some(class) = tint.class().filter(|_| self.theme == Theme::Both) {
            classes.push(format!("{}-{property}-{class}", self.id));
            self.classes.insert((tint.clone(), property));
        }
        format!(" {property}=\"{colour}\"")
    }

    fn shape(&mut self, opening: &str, name: &str, title: &str) {
        match title {
            "" => self.line(&format!("<{opening}/>")),
            _ => self.line(&format!(
                "<{opening}><title>{}</title></{name}>",
                escaped(title)
            )),
        }
    }

    fn line(&mut self, text: &str) {
        self.body.push_str(text);
        self.body.push('\n');
    }
}

fn class_attribute(classes: &[String]) -> String {
    match classes {
        [] => String::new(),
        _ => format!(" class=\"{}\"", classes.join(" ")),
    }
}

/// How large a figure is shown on a screen that is not told otherwise: at its size in print letters are small there.
pub(super) const SHOWN: f64 = 1.75;

/// A length with two decimals at most.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

/// Text as XML holds it. Control characters, which it cannot hold, are left out.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(' '),
            '\u{FFFE}' | '\u{FFFF}' => {}
            other if other.is_control() => {}
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_short_and_have_no_negative_zero() {
        assert_eq!(
            [0.0, -0.001, 1.5, 2.0, 10.0, 1.239].map(number),
            ["0", "0", "1.5", "2", "10", "1.24"]
        );
    }

    #[test]
    fn text_becomes_well_formed() {
        assert_eq!(escaped("a<b & \"c\"\u{1}\n"), "a&lt;b &amp; &quot;c&quot; ");
    }
}
