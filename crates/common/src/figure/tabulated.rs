//! A table as a picture: for slides and papers that take no other.

use super::colour::{Theme, Tint};
use super::layout::{EDGE, LEADING, TEXT, TITLE, TITLE_LEADING};
use super::render::Rendered;
use super::svg::{Anchor, Look, Svg, Type};
use super::text::{width, wrapped};
use super::{FigureError, image, name};
use crate::table::{Alignment, Table};

/// The room between columns.
const GAP: f64 = 11.0;

/// Words in a column that is wider are broken into lines.
const WIDEST: f64 = 190.0;

/// Above and below the words of a row.
const ROOM: f64 = 2.0;

/// A table that is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Tabulated<'a> {
    /// What it shows, in a few words; its caption stands below.
    pub title: &'a str,
    /// The table.
    pub table: &'a Table,
}

/// A column with its place.
struct Placed {
    left: f64,
    width: f64,
    is_right: bool,
}

/// The lines of words in each cell of a row.
type Row = Vec<Vec<String>>;

impl Tabulated<'_> {
    /// The table as an SVG document, whose words are text; names in it begin with the id.
    ///
    /// # Errors
    ///
    /// [`FigureError::Unnamed`] without a title.
    pub fn svg(&self, id: &str) -> Result<String, FigureError> {
        Ok(self.render(&name(id), Theme::Both)?.text)
    }

    /// The table as a PNG of 300 dots per inch, its letters as large as those of figures.
    ///
    /// # Errors
    ///
    /// As [`Tabulated::svg`], or where it is too large for an image.
    pub fn png(&self, theme: Theme) -> Result<Vec<u8>, FigureError> {
        image::png(&self.render("table", theme)?)
    }

    fn render(&self, id: &str, theme: Theme) -> Result<Rendered, FigureError> {
        if self.title.trim().is_empty() {
            return Err(FigureError::Unnamed("the title of a table"));
        }
        let (columns, header, rows) = self.layout();
        let inner = columns
            .last()
            .map_or(0.0, |last| last.left + last.width)
            .max(width(self.title, TITLE).min(2.0 * WIDEST));
        let title = wrapped(self.title, inner, TITLE);
        let caption = wrapped(self.table.caption().unwrap_or_default(), inner, TEXT);
        let top = EDGE + TITLE_LEADING * title.len() as f64 + LEADING * caption.len() as f64 + 6.0;
        let tall = |row: &Row| {
            let lines = row.iter().map(Vec::len).max().unwrap_or(1).max(1);
            LEADING * lines as f64 + 2.0 * ROOM
        };
        let height = top + tall(&header) + rows.iter().map(tall).sum::<f64>() + EDGE;
        let size = [inner + 2.0 * EDGE, height];
        let mut svg = Svg::new(id, theme);
        svg.rect(
            [0.0, 0.0, size[0], size[1]],
            &Look::filled(Tint::Background),
        );
        let mut y = EDGE + TITLE;
        for (lines, of, tint, leading) in [
            (&title, TITLE, Tint::Ink, TITLE_LEADING),
            (&caption, TEXT, Tint::Muted, LEADING),
        ] {
            for line in lines {
                svg.text(EDGE, y, line, &letters(of, tint.clone(), Anchor::Start));
                y += leading;
            }
        }
        let rule = |svg: &mut Svg<'_>, y: f64, tint: Tint| {
            let path = super::draw::segment([EDGE, y], [EDGE + inner, y]);
            svg.path(&path, &Look::stroked(tint, 0.7));
        };
        let mut y = top;
        rule(&mut svg, y, Tint::Ink);
        for (place, row) in std::iter::once(&header).chain(&rows).enumerate() {
            let tint = if place == 0 { Tint::Muted } else { Tint::Ink };
            cells(&mut svg, &columns, row, y + ROOM + 0.82 * LEADING, &tint);
            y += tall(row);
            let is_edge = place == 0 || place == rows.len();
            rule(&mut svg, y, if is_edge { Tint::Ink } else { Tint::Grid });
        }
        Ok(Rendered {
            text: svg.finish(size, self.title, &self.described()),
            size,
            areas: Vec::new(),
        })
    }

    /// The columns, the header, and the rows, each cell in lines.
    fn layout(&self) -> (Vec<Placed>, Row, Vec<Row>) {
        let broken = |text: String| wrapped(&text, WIDEST, TEXT);
        let columns = self.table.columns();
        let header: Row = columns
            .iter()
            .map(|column| broken(column.header().to_owned()))
            .collect();
        let rows: Vec<Row> = self
            .table
            .rows()
            .iter()
            .map(|row| row.iter().map(|cell| broken(cell.plain())).collect())
            .collect();
        let mut left = 0.0;
        let placed = columns.iter().enumerate().map(|(place, column)| {
            let lines = std::iter::once(&header).chain(&rows);
            let lines = lines.flat_map(|row| row.get(place).into_iter().flatten());
            let width = lines.map(|line| width(line, TEXT)).fold(0.0, f64::max);
            let placed = Placed {
                left,
                width,
                is_right: column.alignment() == Alignment::Right,
            };
            left += width + GAP;
            placed
        });
        (placed.collect(), header, rows)
    }

    /// All of it in words.
    fn described(&self) -> String {
        let header: Vec<&str> = self.table.columns().iter().map(|of| of.header()).collect();
        let rows = self.table.rows().iter().map(|row| {
            let cells: Vec<String> = row.iter().map(|cell| cell.plain()).collect();
            cells.join(", ")
        });
        let rows: Vec<String> = rows.collect();
        format!("Columns: {}. Rows: {}.", header.join(", "), rows.join("; "))
    }
}

fn letters(size: f64, tint: Tint, anchor: Anchor) -> Type {
    Type { size, tint, anchor }
}

fn cells(svg: &mut Svg<'_>, columns: &[Placed], row: &Row, top: f64, tint: &Tint) {
    for (column, lines) in columns.iter().zip(row) {
        let (x, anchor) = match column.is_right {
            true => (EDGE + column.left + column.width, Anchor::End),
            false => (EDGE + column.left, Anchor::Start),
        };
        for (place, line) in lines.iter().enumerate() {
            let y = top + LEADING * place as f64;
            svg.text(x, y, line, &letters(TEXT, tint.clone(), anchor));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Cell, Column};

    fn table() -> Table {
        let columns = [Column::text("measure"), Column::estimate("32 (n=10)")];
        Table::new(columns).captioned("Means.").with_rows([
            vec!["loss.train".into(), Cell::estimate(0.02, Some(0.001))],
            vec![["word"; 40].join(" ").into(), Cell::Missing],
        ])
    }

    #[test]
    fn a_table_is_drawn_with_its_words_as_text() {
        let table = table();
        let drawn = Tabulated {
            title: "Measures <at> the end",
            table: &table,
        };
        let svg = drawn.svg("a").unwrap();
        assert_eq!(svg, drawn.svg("a").unwrap());
        for text in [
            ">Measures &lt;at&gt; the end</text>",
            ">0.02000 ± 0.0010</text>",
            ">32 (n=10)</text>",
            "Rows: loss.train, 0.02000 ± 0.0010; word word",
        ] {
            assert!(svg.contains(text), "{text} is not in {svg}");
        }
        // Long words are broken, and every line stands within the width.
        let lines = svg.matches("word word").count();
        assert!(lines > 2, "{svg}");
        assert!(drawn.png(Theme::Light).unwrap().starts_with(b"\x89PNG"));
        let unnamed = Tabulated {
            title: " ",
            ..drawn
        };
        assert!(unnamed.svg("a").is_err());
    }
}
