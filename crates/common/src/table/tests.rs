//! One small table with a cell of every kind, in every format.

use super::*;

fn table() -> Table {
    let columns = [
        Column::text("measure"),
        Column::estimate("value"),
        Column::number("samples").keyed("n"),
        Column::text("key | only"),
        Column::text("verdict").right(),
    ];
    Table::new(columns)
        .captioned("Two groups & 100 %.")
        .with_rows([
            vec![
                "loss.train".into(),
                Cell::estimate(0.12345678, Some(0.0123)),
                1297_usize.into(),
                Cell::Code("model.kind".to_owned()),
                "512 > 32".into(),
            ],
            vec![
                "norm_{1} | a\\b".into(),
                Cell::number(-1.5e-9),
                Cell::Missing,
                Cell::Code("a`b".to_owned()),
                Cell::Failed("unlike\nsamples".to_owned()),
            ],
            vec!["[short]".into()],
        ])
}

fn page() -> Page {
    Page::default()
        .paragraph("A number ± its error, \"paired\" and --all:\nsecond line.")
        .table(table())
        .list(["first; of 5 %".to_owned(), ["[second]"; 20].join(" ")])
        .list([])
}

#[test]
fn terminal() {
    insta::assert_snapshot!(Terminal.page(&page()), @r#"
    A number ± its error, "paired" and --all:
    second line.

    Two groups & 100 %.

    measure                  value  samples  key | only               verdict
    ─────────────── ─────────────── ──────── ─────────── ─────────────────────
    loss.train      0.1235 ± 0.012     1297  model.kind              512 > 32
    norm_{1} | a\b       -1.500e-9        -  a`b         none: unlike samples
    [short]

    - first; of 5 %
    - [second] [second] [second] [second] [second] [second] [second] [second] [second] [second] [second]
      [second] [second] [second] [second] [second] [second] [second] [second] [second]
    "#);
}

#[test]
fn markdown() {
    insta::assert_snapshot!(Markdown.page(&page()), @r#"
    A number ± its error, "paired" and --all:
    second line.

    Two groups & 100 %.

    | measure          |          value | samples | key \| only  |              verdict |
    |------------------|----------------|---------|--------------|----------------------|
    | loss.train       | 0.1235 ± 0.012 |    1297 | `model.kind` |             512 > 32 |
    | norm_{1} \| a\\b |      -1.500e-9 |       - | a`b          | none: unlike samples |
    | [short]          |                |         |              |                      |

    - first; of 5 %
    - [second] [second] [second] [second] [second] [second] [second] [second] [second] [second] [second] [second] [second] [second] [second] [second] [second] [second] [second] [second]
    "#);
}

#[test]
fn latex() {
    insta::assert_snapshot!(Latex.page(&page()), @r"
    A number $\pm$ its error, {\char34}paired{\char34} and -{-}all:
    second line.

    \begin{table} % needs \usepackage{booktabs}
    \centering\footnotesize\setlength{\tabcolsep}{3pt}
    \caption{Two groups \& 100 \%.}
    \begin{tabular}{lrrlr}
    \toprule
    measure & value & samples & key \textbar{} only & verdict \\
    \midrule
    loss.train & $0.1235 \pm 0.012$ & $1297$ & \texttt{model.kind} & 512 \textgreater{} 32 \\
    norm\_\{1\} \textbar{} a\textbackslash{}b & $-1.500 \times 10^{-9}$ & -- & \texttt{a\textasciigrave{}b} & none: unlike samples \\
    {[short]} &  &  &  &  \\
    \bottomrule
    \end{tabular}
    \end{table}

    \begin{itemize}
    \item first; of 5 \%
    \item {[second] [second] [second] [second] [second] [second] [second] [second] [second] [second] [second] [second] [second] [second] [second] [second] [second] [second] [second] [second]}
    \end{itemize}
    ");
}

#[test]
fn csv() {
    insta::assert_snapshot!(Csv.page(&page()), @r"
    measure,value,value_error,n,key | only,verdict
    loss.train,0.12345678,0.0123,1297,model.kind,512 > 32
    norm_{1} | a\b,-0.0000000015,,,a`b,none: unlike samples
    [short],,,,,
    ");
}

#[test]
fn json() {
    insta::assert_snapshot!(Json.page(&page()), @r#"
    [
      {
        "measure": "loss.train",
        "value": 0.12345678,
        "value_error": 0.0123,
        "n": 1297,
        "key | only": "model.kind",
        "verdict": "512 > 32"
      },
      {
        "measure": "norm_{1} | a\\b",
        "value": -1.5e-9,
        "value_error": null,
        "n": null,
        "key | only": "a`b",
        "verdict": "none: unlike samples"
      },
      {
        "measure": "[short]",
        "value": null,
        "value_error": null,
        "n": null,
        "key | only": null,
        "verdict": null
      }
    ]
    "#);
}

#[test]
fn rows_are_as_wide_as_the_table() {
    let table = Table::new([Column::text("a"), Column::text("b")])
        .with_rows([vec![], vec!["1".into(), "2".into(), "3".into()]]);
    let widths: Vec<usize> = table.rows.iter().map(Vec::len).collect();
    assert_eq!(widths, [2, 2]);
    assert_eq!(table.rows[0], [Cell::Empty, Cell::Empty]);
}
