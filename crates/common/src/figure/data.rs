//! The numbers of a figure as one table.

use super::{Bars, Errors, Figure, Line, Mark, Points};
use crate::table::{Cell, Column, Table};

impl Figure {
    /// The numbers that are drawn, one row for each: the panel, the label of the mark, where it is, how large, and
    /// from where to where its band or error bar goes.
    pub fn data(&self) -> Table {
        let columns = ["x", "y", "value", "low", "high"].map(Column::number);
        let columns = ["panel", "label"]
            .map(Column::text)
            .into_iter()
            .chain(columns);
        let rows = self.panels.iter().flat_map(|panel| {
            let of = move |mark: &Mark| rows(mark, panel.x.categories.as_deref());
            let named = move |(label, numbers): (String, [f64; 5])| {
                let words = [panel.title.clone(), label].map(Cell::Text);
                words.into_iter().chain(numbers.map(cell)).collect()
            };
            panel.marks.iter().flat_map(of).map(named)
        });
        Table::new(columns).with_rows(rows)
    }
}

fn cell(number: f64) -> Cell {
    if number.is_nan() {
        Cell::Missing
    } else {
        Cell::number(number)
    }
}

/// Of each number of a mark its label, x, y, value, and the ends of what it may be; NaN where there is none.
fn rows(mark: &Mark, categories: Option<&[String]>) -> Vec<(String, [f64; 5])> {
    const NONE: f64 = f64::NAN;
    let label = mark.label().to_owned();
    match mark {
        Mark::Line(Line {
            x, y, band, errors, ..
        }) => {
            let ends = |place: usize| match band {
                Some(band) => [at(&band.low, place), at(&band.high, place)],
                None => ends(errors.as_ref(), y[place], place),
            };
            points(&label, x, y, ends)
        }
        Mark::Points(Points { x, y, errors, .. }) => {
            points(&label, x, y, |place| ends(errors.as_ref(), y[place], place))
        }
        Mark::Rule(rule) => {
            let (x, y) = if rule.is_upright {
                (rule.value, NONE)
            } else {
                (NONE, rule.value)
            };
            vec![(label, [x, y, NONE, NONE, NONE])]
        }
        Mark::Bars(Bars { values, errors, .. }) => {
            let bar = |(place, value): (usize, &f64)| {
                let [low, high] = ends(errors.as_ref(), *value, place);
                let category = categories.and_then(|names| names.get(place));
                let words = [label.as_str(), category.map_or("", String::as_str)];
                let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
                (words.join(": "), [place as f64, *value, NONE, low, high])
            };
            values.iter().enumerate().map(bar).collect()
        }
        Mark::Histogram(histogram) => {
            let edges = histogram.edges.windows(2).zip(&histogram.counts);
            let bin = |(edge, count): (&[f64], &f64)| {
                (
                    label.clone(),
                    [(edge[0] + edge[1]) / 2.0, *count, NONE, edge[0], edge[1]],
                )
            };
            edges.map(bin).collect()
        }
        Mark::Heat(field) | Mark::Contour(field) => {
            let rows = field.values.iter().zip(&field.y);
            let row = |(values, y): (&Vec<f64>, &f64)| {
                let cells = values.iter().zip(&field.x);
                let of = |(value, x): (&f64, &f64)| (label.clone(), [*x, *y, *value, NONE, NONE]);
                cells.map(of).collect::<Vec<_>>()
            };
            rows.flat_map(row).collect()
        }
    }
}

fn points(
    label: &str,
    x: &[f64],
    y: &[f64],
    ends: impl Fn(usize) -> [f64; 2],
) -> Vec<(String, [f64; 5])> {
    let row = |place: usize| {
        let [low, high] = ends(place);
        (label.to_owned(), [x[place], y[place], f64::NAN, low, high])
    };
    (0..x.len().min(y.len())).map(row).collect()
}

fn ends(errors: Option<&Errors>, value: f64, place: usize) -> [f64; 2] {
    let size =
        |of: fn(&Errors) -> &Vec<f64>| errors.map_or(f64::NAN, |errors| at(of(errors), place));
    [
        value - size(|errors| &errors.down),
        value + size(|errors| &errors.up),
    ]
}

fn at(values: &[f64], place: usize) -> f64 {
    values.get(place).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use crate::figure::{Axis, Bars, Figure, Line, Panel, Rule};
    use crate::table::{Csv, Renderer};

    #[test]
    fn every_number_of_a_figure_is_a_row() {
        let curves = Panel::new(Axis::counting("step"), Axis::new("loss", "nats"))
            .titled("left")
            .with(
                Line::new("a", vec![0.0, 1.0], vec![2.0, f64::NAN])
                    .with_errors(vec![0.5, 0.5], "error"),
            )
            .with(Rule::level("edge", 3.0));
        let bars = Panel::new(
            Axis::of_categories("arm", ["p", "q"]),
            Axis::new("norm", "1"),
        )
        .with(Bars::new("", vec![1.0, 2.0]));
        let data = Csv.table(&Figure::new("title").with(curves).with(bars).data());
        let expected = [
            "panel,label,x,y,value,low,high",
            "left,a,0,2,,1.5,2.5",
            "left,a,1,,,,",
            "left,edge,,3,,,",
            ",p,0,1,,,",
            ",q,1,2,,,",
        ];
        assert_eq!(data.lines().collect::<Vec<_>>(), expected);
    }
}
