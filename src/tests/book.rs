//! Tests of the texts: README and the chapters of `docs/` lead to what is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// README and the chapters of the book.
fn texts() -> Vec<PathBuf> {
    let mut texts = vec![root().join("README.md"), root().join("ARCHITECTURE.md")];
    texts.extend(chapters());
    texts
}

fn chapters() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("docs")).unwrap();
    let mut chapters: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
        .collect();
    chapters.sort();
    chapters
}

/// The lines outside blocks of code.
fn prose(text: &str) -> String {
    let mut is_code = false;
    let mut prose = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    prose
}

/// The targets of links: what stands between `](` and `)`.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    let rests = prose.split("](").skip(1);
    rests
        .filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()))
        .collect()
}

/// The name by which a heading is linked to, as GitHub and mdBook make it.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        c if c.is_alphanumeric() => Some(c),
        _ => None,
    });
    kept.collect()
}

fn anchors(text: &str) -> BTreeSet<String> {
    let prose = prose(text);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    headings.map(anchor).collect()
}

/// What is wrong with a link from the file at `from`.
fn fault(from: &Path, link: &str) -> Option<String> {
    if link.starts_with("https://") || link.starts_with("http://") {
        return None;
    }
    let (path, section) = link.split_once('#').unwrap_or((link, ""));
    let to = match path {
        "" => from.to_owned(),
        path => from.parent()?.join(path),
    };
    if !to.exists() {
        return Some(format!("{}: {link} leads nowhere", from.display()));
    }
    if section.is_empty() {
        return None;
    }
    let text = fs::read_to_string(&to).unwrap_or_default();
    let leads = anchors(&text).contains(section);
    (!leads).then(|| format!("{}: {link} leads to no section", from.display()))
}

#[test]
fn links_lead_somewhere() {
    let mut count = 0;
    let mut faults = Vec::new();
    for path in texts() {
        let links = links(&fs::read_to_string(&path).unwrap());
        count += links.len();
        faults.extend(links.iter().filter_map(|link| fault(&path, link)));
    }
    assert_eq!(faults, Vec::<String>::new());
    assert!(count > 20, "{count} links");
}

#[test]
fn a_link_that_leads_nowhere_is_seen() {
    let readme = root().join("README.md");
    assert!(fault(&readme, "docs/nothing.md").is_some());
    assert!(fault(&readme, "docs/method.md#nothing").is_some());
    assert_eq!(fault(&readme, "docs/method.md#eigenvalues"), None);
    assert_eq!(
        links("[a](b.md) `x` [c](d)\n```\n[e](f)\n```\n"),
        ["b.md", "d"]
    );
    assert_eq!(anchor("## Three networks, twice"), "three-networks-twice");
}

#[test]
fn the_summary_has_every_chapter_once() {
    let folder = root().join("docs");
    let summary = fs::read_to_string(folder.join("SUMMARY.md")).unwrap();
    let mut listed: Vec<PathBuf> = links(&summary)
        .iter()
        .map(|link| folder.join(link))
        .collect();
    listed.push(folder.join("SUMMARY.md"));
    listed.sort();
    assert_eq!(listed, chapters());
}
