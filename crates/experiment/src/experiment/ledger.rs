//! The ledger: the claims of all results in one table, sorted by verdict.

use super::outcome::{Outcome, VerdictRow};
use crate::statistics::Verdict;
use crate::table::{Cell, Column, Markdown, Page, Renderer, Table};

/// A claim of a result, with what is right instead where it is not.
#[derive(Clone, Debug)]
struct Entry<'a> {
    outcome: &'a Outcome,
    row: &'a VerdictRow,
    instead: Option<&'a VerdictRow>,
}

/// The claims of some results, sorted by verdict: what fails, what is not decided, what holds.
#[derive(Clone, Debug)]
pub struct Ledger<'a> {
    entries: Vec<Entry<'a>>,
    /// Where the folders of the results are, seen from the ledger; empty or with a slash at its end.
    place: &'a str,
}

/// How verdicts are sorted: what is wrong is what one looks for.
fn order(verdict: Verdict) -> usize {
    match verdict {
        Verdict::Fails => 0,
        Verdict::NotDecided => 1,
        Verdict::Holds => 2,
    }
}

impl<'a> Ledger<'a> {
    /// Of results, whose folders are at `place` as seen from the ledger.
    pub fn of(outcomes: &'a [Outcome], place: &'a str) -> Self {
        let entries = outcomes.iter().flat_map(|outcome| {
            let rows = outcome.verdicts.iter().enumerate();
            rows.map(move |(place, row)| Entry {
                outcome,
                row,
                instead: instead(outcome, place),
            })
        });
        let mut entries: Vec<Entry> = entries.collect();
        // Stable: within a verdict, what is printed first, then in the order of the results. A negative control that
        // comes out as it must is nothing wrong.
        entries.sort_by_key(|entry| (order(entry.row.comes_out()), standing(entry.row)));
        Self { entries, place }
    }

    /// How many claims there are of each verdict, in one sentence.
    fn summary(&self) -> String {
        let count = |standing: &str, verdict: Verdict| {
            let of =
                |entry: &&Entry| entry.row.standing == standing && entry.row.comes_out() == verdict;
            self.entries.iter().filter(of).count()
        };
        let of = |standing: &str, [well, badly]: [&str; 2]| {
            let [holds, fails, open] = [Verdict::Holds, Verdict::Fails, Verdict::NotDecided]
                .map(|verdict| count(standing, verdict));
            format!("{holds} {well}, {fails} {badly}, {open} are not decided")
        };
        format!(
            "Of the claims as printed, {}. Of the corrected ones, {}. Of the negative controls, {}.",
            of("printed", ["hold", "fail"]),
            of("corrected", ["hold", "fail"]),
            of("control", ["come out as they must", "do not"])
        )
    }

    /// As Markdown.
    pub fn markdown(&self) -> String {
        let columns = ["claim", "source", "stands as", "expected"].map(Column::text);
        let columns = columns
            .into_iter()
            .chain([Column::text("measured").right(), Column::number("n")])
            .chain(["verdict", "what is right instead", "experiment"].map(Column::text));
        let rows = self.entries.iter().map(|entry| {
            let row = entry.row;
            vec![
                row.claim.as_str().into(),
                row.id.as_str().into(),
                row.stands_as().into(),
                row.expected.as_str().into(),
                row.measured_cell(),
                row.n.into(),
                row.verdict.to_string().into(),
                entry
                    .instead
                    .map_or(Cell::Empty, |row| row.claim.as_str().into()),
                format!("[{0}]({1}{0}/report.md)", entry.outcome.name, self.place).into(),
            ]
        });
        let page = Page::default()
            .paragraph("# Ledger of claims")
            .paragraph(self.summary())
            .paragraph(EXPLANATION)
            .table(Table::new(columns).with_rows(rows))
            .paragraph("## Experiments")
            .list(self.results());
        Markdown.page(&page)
    }

    /// A line for each result: its finding, with links to the report and the figures.
    fn results(&self) -> Vec<String> {
        let mut names: Vec<&str> = Vec::new();
        let mut lines = Vec::new();
        let mut entries: Vec<&Entry> = self.entries.iter().collect();
        entries.sort_by_key(|entry| (&entry.outcome.subject, &entry.outcome.name));
        for Entry { outcome, .. } in entries {
            if names.contains(&outcome.name.as_str()) {
                continue;
            }
            names.push(&outcome.name);
            let folder = format!("{}{}", self.place, outcome.name);
            let figures = outcome.figures.iter().map(|figure| {
                let name = figure.trim_end_matches(".svg");
                format!("[{name}]({folder}/{figure})")
            });
            let quick = if outcome.quick { " (quick run)" } else { "" };
            lines.push(format!(
                "[{}]({folder}/report.md){quick}: {} {} Figures: {}",
                outcome.name,
                outcome.claim,
                outcome.finding,
                figures.collect::<Vec<_>>().join(", "),
            ));
        }
        lines
    }

    /// As one HTML page that needs nothing else, but for the figures it links to.
    pub fn html(&self) -> String {
        let rows: String = self
            .entries
            .iter()
            .map(|entry| self.html_row(entry))
            .collect();
        let results = self.results();
        let results: String = results
            .iter()
            .map(|line| format!("<li>{}</li>\n", linked(line)))
            .collect();
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>Ledger of claims</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
             <h1>Ledger of claims</h1>\n<p>{}</p>\n<p>{}</p>\n<div class=\"wide\"><table>\n<thead><tr>\
             <th>claim</th><th>source</th><th>stands as</th><th>expected</th><th>measured</th><th>n</th>\
             <th>verdict</th><th>what is right instead</th><th>experiment</th></tr></thead>\n<tbody>\n\
             {rows}</tbody>\n</table></div>\n<h2>Experiments</h2>\n<ul>\n{results}</ul>\n</body>\n</html>\n",
            escaped(&self.summary()),
            escaped(EXPLANATION),
        )
    }

    fn html_row(&self, entry: &Entry) -> String {
        let row = entry.row;
        let verdict = row.verdict.to_string();
        let measured =
            Markdown.table(&Table::new([Column::text("")]).with_rows([vec![row.measured_cell()]]));
        let measured = measured
            .lines()
            .last()
            .unwrap_or_default()
            .trim_matches(['|', ' '])
            .to_owned();
        format!(
            "<tr class=\"{}\"><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"number\">{}</td>\
             <td class=\"number\">{}</td><td><b>{verdict}</b></td><td>{}</td>\
             <td><a href=\"{}{}/report.md\">{}</a></td></tr>\n",
            verdict.replace(' ', "-"),
            escaped(&row.claim),
            escaped(&row.id),
            escaped(&row.stands_as()),
            escaped(&row.expected),
            escaped(&measured),
            row.n,
            escaped(entry.instead.map_or("", |row| &row.claim)),
            escaped(self.place),
            escaped(&entry.outcome.name),
            escaped(&entry.outcome.name),
        )
    }
}

const EXPLANATION: &str = "Measured ± half of the 95 % interval; where n is 1 nothing was drawn, and ± is a bound of the \
    error of what was computed once. A verdict follows from a rule and that interval: \
    it holds where the whole interval agrees with what is expected, fails where no number of it does, and is not decided \
    otherwise. A claim stands as its source prints it (printed), as it is right where the source is not (corrected), or as \
    a negative control: it must fail where the source's reason is missing, or hold where that is not needed.";

const STYLE: &str = ":root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}\
    body{margin:1.5rem auto;max-width:100rem;padding:0 1rem}.wide{overflow-x:auto}\
    table{border-collapse:collapse;font-size:.9rem}th,td{padding:.3rem .6rem;border-bottom:1px solid #8884;text-align:left;\
    vertical-align:top}thead th{position:sticky;top:0;background:Canvas}.number{text-align:right;white-space:nowrap}\
    .fails b{color:#c2410c}.holds b{color:#0f766e}.not-decided b{opacity:.7}@media print{body{max-width:none}}";

fn standing(row: &VerdictRow) -> usize {
    ["printed", "corrected", "control"]
        .iter()
        .position(|word| row.standing == *word)
        .unwrap_or(usize::MAX)
}

/// Of a printed claim that does not hold, the corrected one of the same source that does: the next one after it, as
/// experiments put the correction behind what it corrects, or the first.
fn instead(outcome: &Outcome, place: usize) -> Option<&VerdictRow> {
    let row = &outcome.verdicts[place];
    if !row.as_printed || row.verdict == Verdict::Holds {
        return None;
    }
    let (before, after) = outcome.verdicts.split_at(place);
    after.iter().chain(before).find(|other| {
        other.standing == "corrected" && other.id == row.id && other.verdict == Verdict::Holds
    })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A line with links of Markdown as HTML.
fn linked(line: &str) -> String {
    let mut rest = line;
    let mut html = String::new();
    while let Some((before, after)) = rest.split_once('[') {
        let link = after
            .split_once("](")
            .and_then(|(text, after)| Some((text, after.split_once(')')?)));
        match link {
            Some((text, (address, after))) if !text.contains('[') => {
                html += &format!(
                    "{}<a href=\"{}\">{}</a>",
                    escaped(before),
                    escaped(address),
                    escaped(text)
                );
                rest = after;
            }
            _ => {
                html += &escaped(before);
                html.push('[');
                rest = after;
            }
        }
    }
    html + &escaped(rest)
}
