//! LaTeX: a `table` with the rules of the package booktabs, numbers in math mode, and words in which
//! every character stands for itself. Words may hold Greek letters and signs, as those of this
//! program do; other characters beyond ASCII are left to the document's encoding.

use super::{Alignment, Cell, Number, Renderer, Table, one_line, two_digits};

/// Prints LaTeX. The document needs `\usepackage{booktabs}`, nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Latex;

impl Renderer for Latex {
    fn table(&self, table: &Table) -> String {
        let alignments = table.columns.iter().map(|column| match column.alignment {
            Alignment::Left => 'l',
            Alignment::Right => 'r',
        });
        let alignments: String = alignments.collect();
        let header: Vec<String> = table.columns.iter().map(|c| words(&c.header)).collect();
        let caption = table.caption.as_ref();
        let mut lines = vec![
            "\\begin{table} % needs \\usepackage{booktabs}".to_owned(),
            "\\centering\\footnotesize\\setlength{\\tabcolsep}{3pt}".to_owned(),
        ];
        lines.extend(caption.map(|caption| format!("\\caption{{{}}}", words(caption))));
        lines.push(format!("\\begin{{tabular}}{{{alignments}}}"));
        lines.push("\\toprule".to_owned());
        lines.push(row(&header));
        lines.push("\\midrule".to_owned());
        lines.extend(table.rows.iter().map(|cells| {
            let cells: Vec<String> = cells.iter().map(set).collect();
            row(&cells)
        }));
        let end = ["\\bottomrule", "\\end{tabular}", "\\end{table}"];
        lines.extend(end.map(str::to_owned));
        lines.join("\n")
    }

    fn paragraph(&self, text: &str) -> Option<String> {
        let lines: Vec<String> = text.lines().map(words).collect();
        Some(lines.join("\n"))
    }

    fn list(&self, items: &[String]) -> Option<String> {
        let items = items
            .iter()
            .map(|item| format!("\\item {}", shielded(&words(item))));
        let mut lines = vec!["\\begin{itemize}".to_owned()];
        lines.extend(items);
        lines.push("\\end{itemize}".to_owned());
        Some(lines.join("\n"))
    }
}

fn row(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| shielded(cell)).collect();
    format!("{} \\\\", cells.join(" & "))
}

/// Text whose bracket, where it begins with one, is not taken for an argument of the command before it.
fn shielded(text: &str) -> String {
    if text.starts_with('[') {
        format!("{{{text}}}")
    } else {
        text.to_owned()
    }
}

fn set(cell: &Cell) -> String {
    match cell {
        Cell::Missing => "--".to_owned(),
        Cell::Number(number) => number_in_math(number),
        Cell::Count(count) => format!("${count}$"),
        Cell::Code(code) => format!("\\texttt{{{}}}", escaped(&one_line(code))),
        Cell::Empty | Cell::Text(_) | Cell::Failed(_) => words(&cell.plain()),
    }
}

fn number_in_math(number: &Number) -> String {
    let value = figure(&number.figure());
    match number.error {
        Some(error) => format!("${value} \\pm {}$", figure(&two_digits(error))),
        None => format!("${value}$"),
    }
}

/// Digits with their exponent as a power of ten.
fn figure(text: &str) -> String {
    match text.split_once('e') {
        Some((digits, exponent)) => format!("{digits} \\times 10^{{{exponent}}}"),
        None if text.ends_with("inf") => text.replace("inf", "\\infty"),
        None if text == "NaN" => "\\mathrm{NaN}".to_owned(),
        None => text.to_owned(),
    }
}

/// Words; numbers among them that have a sign or an exponent are set as numbers.
fn words(text: &str) -> String {
    let text = one_line(text);
    let set = text.split(' ').map(|word| {
        let core = word.trim_matches(|c: char| "()[],;:.%±×x".contains(c));
        let is_number = core.starts_with(|c: char| c == '-' || c.is_ascii_digit())
            && core.contains(['-', 'e'])
            && core.parse::<f64>().is_ok();
        match word.split_once(core) {
            Some((before, after)) if is_number => {
                format!("{}${}${}", escaped(before), figure(core), escaped(after))
            }
            _ => escaped(word),
        }
    });
    set.collect::<Vec<_>>().join(" ")
}

/// Text in which every character stands for itself.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    let mut last = None;
    for c in text.chars() {
        // Two of these would be joined to one other sign.
        let is_joined = "-',".contains(c) && last == Some(c);
        match (command(c), math(c)) {
            (Some(command), _) => escaped.push_str(command),
            (None, Some(sign)) => escaped.push_str(&format!("${sign}$")),
            (None, None) if is_joined => escaped.push_str(&format!("{{{c}}}")),
            (None, None) => escaped.push(c),
        }
        last = Some(c);
    }
    escaped
}

/// What stands for a character that has a meaning of its own in text.
fn command(c: char) -> Option<&'static str> {
    Some(match c {
        '\\' => "\\textbackslash{}",
        '{' => "\\{",
        '}' => "\\}",
        '$' => "\\$",
        '&' => "\\&",
        '#' => "\\#",
        '%' => "\\%",
        '_' => "\\_",
        '^' => "\\textasciicircum{}",
        '~' => "\\textasciitilde{}",
        '<' => "\\textless{}",
        '>' => "\\textgreater{}",
        '|' => "\\textbar{}",
        '"' => "{\\char34}",
        '`' => "\\textasciigrave{}",
        '…' => "\\ldots{}",
        '·' => "\\textperiodcentered{}",
        '–' => "\\textendash{}",
        _ => return None,
    })
}

/// Signs and letters that only math mode has.
fn math(c: char) -> Option<&'static str> {
    Some(match c {
        '±' => "\\pm",
        '×' => "\\times",
        '−' => "-",
        '‖' => "\\|",
        '≤' => "\\le",
        '≥' => "\\ge",
        '≠' => "\\ne",
        '∞' => "\\infty",
        '∈' => "\\in",
        '→' => "\\to",
        '√' => "\\surd",
        '½' => "\\frac12",
        '¼' => "\\frac14",
        '∇' => "\\nabla",
        'Σ' => "\\Sigma",
        '∏' => "\\prod",
        'Φ' => "\\Phi",
        'α' => "\\alpha",
        'β' => "\\beta",
        'γ' => "\\gamma",
        'δ' => "\\delta",
        'ε' => "\\varepsilon",
        'η' => "\\eta",
        'θ' => "\\theta",
        'λ' => "\\lambda",
        'μ' => "\\mu",
        'π' => "\\pi",
        'ρ' => "\\rho",
        'σ' => "\\sigma",
        'τ' => "\\tau",
        'φ' => "\\varphi",
        'ᵀ' => "^{\\top}",
        '⁻' => "^{-}",
        '⁰' => "^0",
        '¹' => "^1",
        '²' => "^2",
        '³' => "^3",
        'ⁿ' => "^n",
        'ᵏ' => "^k",
        'ˣ' => "^x",
        '₀' => "_0",
        '₁' => "_1",
        '₂' => "_2",
        'ᵢ' => "_i",
        'ⱼ' => "_j",
        'ₖ' => "_k",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What TeX makes of text in which no command is left but those of [`command`].
    fn read(mut text: &str) -> String {
        let printable: Vec<char> = (' '..='~').chain("…·–".chars()).collect();
        let mut read = String::new();
        while let Some(c) = text.chars().next() {
            let found = printable
                .iter()
                .find_map(|c| Some((*c, text.strip_prefix(command(*c)?)?)));
            let braced = ["{-}", "{'}", "{,}"];
            let braced = braced.iter().find_map(|b| Some((b, text.strip_prefix(b)?)));
            match (found, braced) {
                (Some((c, rest)), _) => {
                    read.push(c);
                    text = rest;
                }
                (None, Some((b, rest))) => {
                    read.push_str(&b[1..2]);
                    text = rest;
                }
                (None, None) => {
                    assert!(!"\\{}$&#%_^~<>|\"`".contains(c), "{c} is left in {text}");
                    read.push(c);
                    text = &text[c.len_utf8()..];
                }
            }
        }
        read
    }

    proptest! {
        #[test]
        fn every_character_stands_for_itself(text in "[ -~…·–]{0,30}") {
            let set = escaped(&text);
            prop_assert_eq!(read(&set), text);
            for pair in ["--", "''", ",,"] {
                prop_assert!(!set.contains(pair), "{set}");
            }
        }
    }

    #[test]
    fn numbers_are_set_as_numbers() {
        let cases = [
            (Cell::number(-0.012346), "$-0.01235$"),
            (Cell::number(1.234e-7), "$1.234 \\times 10^{-7}$"),
            (
                Cell::estimate(0.1, Some(5.8e-5)),
                "$0.1000 \\pm 5.8 \\times 10^{-5}$",
            ),
            (Cell::number(f64::NAN), "$\\mathrm{NaN}$"),
            (Cell::number(f64::NEG_INFINITY), "$-\\infty$"),
            (Cell::from(1297_usize), "$1297$"),
        ];
        for (cell, text) in cases {
            assert_eq!(set(&cell), text);
        }
    }

    #[test]
    fn numbers_among_words_are_set_as_numbers_where_that_can_be_seen() {
        let cases = [
            (
                "residual 8.1e-5 of 0.6796, rounding ≤ 4.7e-5",
                "residual $8.1 \\times 10^{-5}$ of 0.6796, rounding $\\le$ $4.7 \\times 10^{-5}$",
            ),
            ("0.0 (-1.2e-3)", "0.0 ($-1.2 \\times 10^{-3}$)"),
            (
                "layers.0.weight --seeds 0..3",
                "layers.0.weight -{-}seeds 0..3",
            ),
            ("2-3 e-3 sgd_b32 50%", "2-3 e-3 sgd\\_b32 50\\%"),
        ];
        for (text, set) in cases {
            assert_eq!(words(text), set);
        }
    }
}
