//! The seeds of `--seeds`, and of a sweep.

use std::collections::BTreeSet;

/// The most seeds one command trains.
const MOST_SEEDS: usize = 10_000;

/// Seeds in the order in which they are trained, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds(pub Vec<u64>);

/// Reads a range or a list. A bare number is refused: it may be meant as how many, or as which, for which there is `--seed`.
pub fn parse_seeds(text: &str) -> Result<Seeds, String> {
    parse(text, &|seed| format!("--seed {seed}"))
}

/// The same for a command that has no `--seed`.
pub fn parse_seeds_alone(text: &str) -> Result<Seeds, String> {
    parse(text, &|seed| match seed.checked_add(1) {
        Some(next) => format!("--seeds {seed}..{next}"),
        None => format!("--seeds {seed}..={seed}"),
    })
}

/// `one` is how a single seed is written.
fn parse(text: &str, one: &dyn Fn(u64) -> String) -> Result<Seeds, String> {
    let mut seeds = match text.split_once("..") {
        Some((first, last)) => range(first, last)?,
        None if text.contains(',') => text.split(',').map(number).collect::<Result<_, _>>()?,
        None => {
            let number = number(text)?;
            return Err(ambiguous(number, &one(number)));
        }
    };
    let mut seen = BTreeSet::new();
    seeds.retain(|seed| seen.insert(*seed));
    if seeds.len() > MOST_SEEDS {
        return Err(format!("{text} stands for more than {MOST_SEEDS} seeds"));
    }
    if seeds.is_empty() {
        return Err(format!(
            "{text} holds no seed; 0..5 stands for 0, 1, 2, 3, 4"
        ));
    }
    Ok(Seeds(seeds))
}

fn range(first: &str, last: &str) -> Result<Vec<u64>, String> {
    // One more than allowed is enough to refuse a range without listing it.
    Ok(match last.strip_prefix('=') {
        Some(last) => (number(first)?..=number(last)?)
            .take(MOST_SEEDS + 1)
            .collect(),
        None => (number(first)?..number(last)?)
            .take(MOST_SEEDS + 1)
            .collect(),
    })
}

fn number(text: &str) -> Result<u64, String> {
    text.trim().parse().map_err(|_| {
        format!("`{text}` is not a seed: use a range such as 0..5, or a list such as 0,3,7")
    })
}

fn ambiguous(number: u64, one: &str) -> String {
    let several = match number.checked_sub(1) {
        None => String::new(),
        Some(0) => "--seeds 0..1 for one seed, which is 0, or ".to_owned(),
        Some(last) => format!("--seeds 0..{number} for {number} seeds, 0 to {last}, or "),
    };
    format!(
        "a number alone may be how many seeds or which one: write {several}{one} for the seed {number}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_ranges_or_lists() {
        let seeds = |text: &str| parse_seeds(text).map(|seeds| seeds.0);
        assert_eq!(seeds("0..3"), Ok(vec![0, 1, 2]));
        assert_eq!(seeds("2..=3"), Ok(vec![2, 3]));
        assert_eq!(seeds("4, 1, 4"), Ok(vec![4, 1]));
        assert!(seeds("0..1000000000000").unwrap_err().contains("more than"));
        assert!(seeds("3..3").unwrap_err().contains("no seed"));
        assert!(seeds("a..3").unwrap_err().contains("`a` is not a seed"));
        assert!(seeds("ten").unwrap_err().contains("`ten` is not a seed"));
    }

    #[test]
    fn a_number_alone_is_refused_with_both_of_its_meanings() {
        let message = |text: &str| parse_seeds(text).unwrap_err();
        insta::assert_snapshot!(message("10"), @"a number alone may be how many seeds or which one: write --seeds 0..10 for 10 seeds, 0 to 9, or --seed 10 for the seed 10");
        insta::assert_snapshot!(message("1"), @"a number alone may be how many seeds or which one: write --seeds 0..1 for one seed, which is 0, or --seed 1 for the seed 1");
        insta::assert_snapshot!(message("0"), @"a number alone may be how many seeds or which one: write --seed 0 for the seed 0");
        let alone = |text: &str| parse_seeds_alone(text).unwrap_err();
        insta::assert_snapshot!(alone("5"), @"a number alone may be how many seeds or which one: write --seeds 0..5 for 5 seeds, 0 to 4, or --seeds 5..6 for the seed 5");
    }
}
