//! Tables whose groups differ in nothing.

use super::super::verdict::{Pair, Verdict, decide};
use super::super::{Line, Margin, Method};
use crate::random::{StreamRng, Streams};
use crate::statistics::difference::LEVEL;
use rand_distr::{Distribution, StandardNormal};

const LINES: usize = 55;
const TABLES: usize = 400;

/// How values of a table come about.
#[derive(Clone, Copy, Debug)]
struct Setting {
    /// The seeds of each group: of equal numbers they are the same ones where `is_paired`.
    seeds: &'static [u64],
    is_paired: bool,
    /// Between any two lines of a run.
    correlation: f64,
    /// Of the last group's values, where the others' is 1.
    spread: f64,
}

/// No difference is too small to matter.
const MARGIN: Option<Margin> = None;

/// One table: on every other line the values are log-normal, as those of sharpness are; paired runs
/// have something in common.
fn table(setting: Setting, random: &mut StreamRng) -> Vec<Line> {
    let mut draw = || -> f64 { StandardNormal.sample(random) };
    let Setting {
        seeds,
        is_paired,
        correlation,
        spread,
    } = setting;
    let most = seeds.iter().copied().max().unwrap_or(0);
    let common: Vec<Vec<f64>> = seeds
        .iter()
        .map(|&count| (0..count).map(|_| draw()).collect())
        .collect();
    let line = |index: usize| {
        let of_seed: Vec<f64> = (0..most).map(|_| draw()).collect();
        let mut samples = Vec::new();
        for (group, common) in common.iter().enumerate() {
            let scale = if group + 1 == seeds.len() {
                spread
            } else {
                1.0
            };
            let values = common.iter().zip(&of_seed).map(|(common, of_seed)| {
                let own = correlation.sqrt() * common + (1.0 - correlation).sqrt() * draw();
                let value = scale * own + if is_paired { *of_seed } else { 0.0 };
                if index % 2 == 1 && spread == 1.0 {
                    value.exp()
                } else {
                    value
                }
            });
            let first = if is_paired { 0 } else { 100 * group as u64 };
            samples.push((first..).zip(values).collect::<Vec<_>>());
        }
        let count = samples.len();
        let pairs =
            (0..count).flat_map(|first| (first + 1..count).map(move |second| (first, second)));
        let mut line = Line::new("x", vec![None; count], Verdict::NotDecided);
        line.pairs = pairs
            .map(|(first, second)| {
                let pair =
                    Pair::test(["a", "b"], &samples[first], &samples[second], MARGIN).unwrap();
                assert_eq!(pair.method == Method::Paired, is_paired);
                pair
            })
            .collect();
        line
    };
    (0..LINES).map(line).collect()
}

/// The shares of tables that hold a verdict, and of those in which it is one without correction.
fn shares(setting: Setting) -> (f64, f64) {
    let (mut decided, mut uncorrected) = (0, 0);
    for counter in 0..TABLES as u64 {
        let mut lines = table(setting, &mut Streams::new(1).stream("null", counter));
        decide(&mut lines);
        let mut pairs = lines.iter().flat_map(|line| &line.pairs);
        uncorrected += usize::from(pairs.any(|pair| pair.p.unwrap() <= LEVEL));
        decided += usize::from(lines.iter().any(|line| line.verdict != Verdict::NotDecided));
    }
    let share = |count: usize| count as f64 / TABLES as f64;
    (share(decided), share(uncorrected))
}

fn check(seeds: &'static [u64], is_paired: bool, spread: f64) {
    let error = (LEVEL * (1.0 - LEVEL) / TABLES as f64).sqrt();
    for correlation in [0.0, 0.9] {
        let setting = Setting {
            seeds,
            is_paired,
            correlation,
            spread,
        };
        let (decided, uncorrected) = shares(setting);
        println!("{setting:?}: {decided}, without correction {uncorrected}");
        assert!(decided <= LEVEL + 2.0 * error, "{setting:?}: {decided}");
        // Otherwise the tables could not show a verdict too many.
        assert!(
            correlation > 0.0 || uncorrected > 0.2,
            "{setting:?}: {uncorrected}"
        );
    }
}

#[test]
fn of_tables_whose_groups_differ_in_nothing_at_most_one_in_twenty_holds_a_verdict() {
    for seeds in [&[3, 3][..], &[5, 5], &[10, 10], &[5, 5, 5]] {
        check(seeds, true, 1.0);
        check(seeds, false, 1.0);
    }
}

#[test]
fn neither_do_groups_of_other_sizes_and_spreads() {
    for seeds in [&[3, 10][..], &[3, 20], &[10, 30]] {
        check(seeds, false, 1.0);
    }
    for seeds in [&[3, 3][..], &[5, 20], &[10, 10]] {
        check(seeds, false, 0.2);
    }
}

/// Fifty-five lines of two groups whose means differ by just what does not matter.
fn at_the_margin(seeds: usize, is_paired: bool, random: &mut StreamRng) -> Vec<Line> {
    let mut draw = |mean: f64| -> Vec<f64> {
        let normal = |_| -> f64 { StandardNormal.sample(random) };
        (0..seeds)
            .map(normal)
            .map(|noise| mean * (1.0 + 0.05 * noise))
            .collect()
    };
    let line = |index: usize| {
        let (margin, mean) = match index % 2 {
            0 => (Margin::Ratio(1.1), 11.0),
            _ => (Margin::Difference(0.5), 10.5),
        };
        let start = if is_paired { 0 } else { 100 };
        let first: Vec<(u64, f64)> = (0..).zip(draw(10.0)).collect();
        let second: Vec<(u64, f64)> = (start..).zip(draw(mean)).collect();
        let mut line = Line::new("x", vec![None; 2], Verdict::NotDecided);
        line.pairs
            .extend(Pair::test(["a", "b"], &first, &second, Some(margin)));
        line
    };
    (0..LINES).map(line).collect()
}

#[test]
fn of_tables_whose_groups_differ_by_the_margin_at_most_one_in_twenty_calls_any_line_equal() {
    let error = (LEVEL * (1.0 - LEVEL) / TABLES as f64).sqrt();
    for (seeds, is_paired) in [(5, true), (5, false), (20, true), (20, false)] {
        let (mut called, mut uncorrected) = (0, 0);
        for counter in 0..TABLES as u64 {
            let mut random = Streams::new(2).stream("null", counter);
            let mut lines = at_the_margin(seeds, is_paired, &mut random);
            decide(&mut lines);
            let holds =
                |test: &dyn Fn(&Pair) -> bool| lines.iter().flat_map(|line| &line.pairs).any(test);
            called += usize::from(holds(&|pair| pair.is_within_margin));
            uncorrected += usize::from(holds(&|pair| pair.p_equal.unwrap() <= LEVEL));
        }
        let share = |count: usize| count as f64 / TABLES as f64;
        println!(
            "{seeds} {is_paired}: {}, without correction {}",
            share(called),
            share(uncorrected)
        );
        assert!(share(called) <= LEVEL + 2.0 * error);
        assert!(share(uncorrected) > 0.5);
    }
}
