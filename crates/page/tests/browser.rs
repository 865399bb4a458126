//! What the script of a page does in a real browser.

#[path = "../../../tests/end_to_end/browser.rs"]
mod browser;

use browser::{Opened, open};
use lab_common::figure::{Axis, Figure, Line, Panel, Rule};
use lab_common::table::{Cell, Column, Table};
use lab_page::{Grid, Page, Part, Section};

fn page() -> String {
    let rows = (0..9_u32).map(|row| {
        let value = match row {
            4 => Cell::Missing,
            row => Cell::number(f64::from((row * 5) % 9) - 4.0),
        };
        let verdict = ["undecided", "32 larger"][row as usize % 2];
        vec![format!("m{row}").into(), value, verdict.into()]
    });
    let columns = [
        Column::text("measure"),
        Column::number("value"),
        Column::text("verdict"),
    ];
    let table = Table::new(columns).captioned("Nine rows").with_rows(rows);
    let loss = Axis::new("loss", "nats").log();
    let panel = Panel::new(Axis::counting("epochs"), loss)
        .with(
            Line::new("32, small", vec![0.0, 1.0, 2.0], vec![1.0, 0.1, 0.01]).with_band(
                vec![0.5, 0.05, 0.005],
                vec![2.0, 0.2, 0.02],
                "smallest to largest of 3 seeds",
            ),
        )
        .with(Line::new("512", vec![0.0, 2.0], vec![1.5, 0.5]))
        .with(Rule::level("edge", 0.3));
    let figures = vec![
        Figure::new("Loss").with(panel.clone()),
        Figure::new("Again").with(panel),
    ];
    let page = Page {
        title: "A page".to_owned(),
        about: String::new(),
        sections: vec![
            Section::new("Table")
                .with(Part::Table(Grid::from(table).marked(vec![1, 2], "decided"))),
            Section::new("Figures").with(Part::Figures(figures)),
        ],
    };
    page.html().unwrap()
}

/// Opens a page with a script after its own, which leaves what it has found in an element.
fn after(script: &str) -> Option<(Opened, String)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    let found = format!(
        "<script>const found = (() => {{ {script} }})();\n\
         document.body.append(Object.assign(document.createElement('output'), {{ id: 'found', textContent: found }}));\
         </script></body>"
    );
    std::fs::write(&path, page().replace("</body>", &found)).unwrap();
    let opened = open(&path, 1000)?;
    let (_, rest) = opened
        .document
        .split_once("<output id=\"found\">")
        .unwrap_or_default();
    let found = rest
        .split("</output>")
        .next()
        .unwrap_or_default()
        .to_owned();
    Some((opened, found))
}

#[test]
fn columns_are_sorted_and_rows_filtered() {
    let script = r#"
        const rows = () => [...document.querySelectorAll("tbody tr")].filter((row) => !row.hidden)
            .map((row) => row.cells[0].textContent).join(" ");
        const said = [];
        const value = document.querySelectorAll("th button")[1];
        for (let i = 0; i < 3; i++) { value.click(); said.push(rows()); }
        const [search, ...boxes] = document.querySelectorAll(".filters input, .filters select");
        const type = (element, value, event) => {
            element.value = value; element.dispatchEvent(new Event(event)); said.push(rows());
        };
        type(search, "m7", "input");
        type(search, "", "input");
        const select = document.querySelector("select");
        type(select, "32 larger", "change");
        const box = document.querySelector("input[type=checkbox]");
        box.click(); said.push(rows());
        said.push(document.querySelector(".filters [aria-live]").textContent);
        return said.join("|");
    "#;
    let Some((opened, found)) = after(script) else {
        return;
    };
    assert_eq!(opened.console, Vec::<String>::new());
    // Values 5 row mod 9 - 4: what is missing stays below whichever way the others go.
    let expected = [
        "ascending",
        "descending",
        "m0 m1 m2 m3 m4 m5 m6 m7 m8",
        "m7",
        "m0 m1 m2 m3 m4 m5 m6 m7 m8",
        "m1 m3 m5 m7",
        "m1",
        "1 of 9 rows",
    ];
    let mut order: Vec<(i64, usize)> = (0..9)
        .filter(|row| *row != 4)
        .map(|row| ((row as i64 * 5) % 9, row))
        .collect();
    order.sort_unstable();
    let ascending: Vec<String> = order.iter().map(|(_, row)| format!("m{row}")).collect();
    let descending: Vec<String> = ascending.iter().rev().cloned().collect();
    let mut expected = expected.map(str::to_owned);
    expected[0] = ascending.join(" ") + " m4";
    expected[1] = descending.join(" ") + " m4";
    assert_eq!(found.split('|').collect::<Vec<_>>(), expected);
}

#[test]
fn a_pointer_and_the_arrow_keys_are_told_the_numbers() {
    let script = r#"
        const svg = document.querySelector("figure svg");
        const area = JSON.parse(document.querySelector("figure").dataset.areas)[0];
        const said = [];
        const point = (share) => {
            const place = new DOMPoint(area[0] + share * area[2], area[1] + 0.5 * area[3])
                .matrixTransform(svg.getScreenCTM());
            svg.dispatchEvent(new PointerEvent("pointermove", { clientX: place.x, clientY: place.y }));
            const tip = document.querySelector(".tip");
            said.push(tip ? [...tip.children].map((line) => line.textContent).join("; ") : "nothing");
        };
        point(0.05); point(0.5); point(3);
        for (const key of ["ArrowRight", "ArrowRight", "Escape"]) {
            svg.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
            const tip = document.querySelector(".tip");
            said.push(tip ? tip.firstChild.textContent : "nothing");
        }
        point(0.05);
        const tip = document.querySelector(".tip").getBoundingClientRect();
        const figure = document.querySelector("figure").getBoundingClientRect();
        said.push(tip.left >= figure.left && tip.right <= figure.right + 1);
        const zoom = document.querySelector(".zoom");
        zoom.click();
        said.push(document.querySelector("figure").className + " " + zoom.textContent);
        return said.join("|");
    "#;
    let Some((opened, found)) = after(script) else {
        return;
    };
    assert_eq!(opened.console, Vec::<String>::new());
    let expected = [
        "epochs 0; 32, small: 1 (0.5 to 2); 512: 1.5; edge: 0.3",
        "epochs 1; 32, small: 0.1 (0.05 to 0.2); edge: 0.3",
        "nothing",
        "epochs 0",
        "epochs 1",
        "nothing",
        "epochs 0; 32, small: 1 (0.5 to 2); 512: 1.5; edge: 0.3",
        "true",
        "wide smaller",
    ];
    assert_eq!(found.split('|').collect::<Vec<_>>(), expected);
}

/// What a panel shows is what was chosen, with labels of its own, and the numbers told are of what is seen.
#[test]
fn a_part_of_a_panel_is_looked_at_closer() {
    let script = r#"
        const figure = document.querySelector("figure");
        const svg = figure.querySelector("svg");
        const [left, top, width, height] = JSON.parse(figure.dataset.areas)[0];
        const said = [];
        const send = (name, across, up) => {
            const place = new DOMPoint(left + across * width, top + (1 - up) * height).matrixTransform(svg.getScreenCTM());
            svg.dispatchEvent(new PointerEvent(name, { clientX: place.x, clientY: place.y, bubbles: true }));
        };
        const labels = () => [...svg.querySelectorAll(".closer .label")].map((label) => label.textContent).join(" ");
        const told = () => document.querySelector(".tip")?.firstChild.textContent ?? "nothing";
        const drag = (from, to) => { send("pointerdown", ...from); send("pointermove", ...to); send("pointerup", ...to); };
        // The axis reaches a twentieth of the data beyond them at both ends.
        const at = (epochs) => (epochs + 0.08) / 2.16;
        drag([at(0.5), 0.5], [at(1.5), 0.5]);
        said.push(labels());
        const [grid, marks, axes] = ["grid", "marks", "axes"].map((name) => svg.querySelector(`g[data-part="${name}"][data-panel="0"]`));
        said.push([grid, marks, axes].every((part) => getComputedStyle(part).display === "none"));
        send("pointermove", 0.1, 0.5);
        said.push(told());
        // The point at one epoch is in the middle now, as a mark and as what is told.
        const line = [...svg.querySelectorAll(".closer path")].find((path) => path.querySelector("title")?.textContent === "32, small");
        const xs = [...line.getAttribute("d").matchAll(/[ML](-?[\d.]+)/g)].map((match) => Number(match[1]));
        said.push(Math.abs((xs[1] - left) / width - 0.5) < 0.01 && xs[0] < left && xs[2] > left + width);
        svg.dispatchEvent(new KeyboardEvent("keydown", { key: "+", bubbles: true }));
        said.push(labels());
        svg.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
        said.push(`${labels()}${getComputedStyle(marks).display}`);
        drag([0.5, 0.25], [0.5, 0.75]);
        said.push(svg.querySelectorAll(".closer .label").length > 3);
        const button = figure.querySelector(".whole");
        said.push(button.hidden);
        button.click();
        said.push(`${labels()}${button.hidden}`);
        drag([0.5, 0.5], [0.505, 0.505]);
        said.push(labels());
        return said.join("|");
    "#;
    let Some((opened, found)) = after(script) else {
        return;
    };
    assert_eq!(opened.console, Vec::<String>::new());
    let expected = [
        "0.01 0.1 1 0.6 0.8 1.0 1.2 1.4",
        "true",
        "epochs 1",
        "true",
        "0.02 0.05 0.1 0.2 0.5 0.8 0.9 1.0 1.1 1.2",
        "inline",
        "true",
        "false",
        "true",
        "",
    ];
    assert_eq!(found.split('|').collect::<Vec<_>>(), expected);
}

#[test]
fn what_goes_wrong_in_a_page_is_on_the_console() {
    let image = "document.body.append(Object.assign(new Image(), { src: 'https://example.org/a.png' })); return 1;";
    let Some((opened, _)) = after(image) else {
        return;
    };
    // The policy in its head refuses to load anything.
    assert!(
        opened
            .console
            .iter()
            .any(|line| line.contains("Content Security Policy")),
        "{:?}",
        opened.console
    );
}
