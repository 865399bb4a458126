//! From whatever names classes to classes.

use super::MOST_CLASSES;
use crate::config::Predicted;
use crate::data::samples::Answers;
use crate::data::words::Labels;
use std::collections::BTreeMap;

/// What each sample of a part is labelled with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Found {
    /// Numbers.
    Numbers(Vec<f64>),
    /// Texts.
    Texts(Vec<String>),
}

/// How many labels a message lists.
const LISTED: usize = 8;

/// The classes of the labels of all parts, which have one numbering: numbers must be 0, 1, … each of which occurs,
/// or are numbered in ascending order where the config says so, as texts always are.
///
/// # Errors
/// Why labels are none, and what mends it.
pub(super) fn classes(parts: &[Found], plan: Predicted) -> Result<Vec<Answers>, String> {
    if parts.iter().any(|part| matches!(part, Found::Texts(_))) {
        let parts = parts.iter().map(|part| match part {
            Found::Texts(texts) => texts.clone(),
            // A part without a text among parts with some.
            Found::Numbers(numbers) => numbers.iter().map(ToString::to_string).collect(),
        });
        return numbered(&parts.collect::<Vec<_>>());
    }
    let parts = parts.iter().map(|part| match part {
        Found::Numbers(numbers) => numbers.iter().copied().map(Ordered).collect(),
        Found::Texts(_) => Vec::new(),
    });
    let parts: Vec<Vec<Ordered>> = parts.collect();
    if plan.labels == Labels::Indices {
        check_indices(&parts)?;
    }
    numbered(&parts)
}

/// A finite number, by size; −0 is 0.
#[derive(Clone, Copy, Debug)]
struct Ordered(f64);

impl Ordered {
    fn key(self) -> f64 {
        self.0 + 0.0
    }
}

impl PartialEq for Ordered {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ordered {}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().total_cmp(&other.key())
    }
}

/// The labels as places among the distinct ones, in ascending order.
fn numbered<T: Ord + Clone>(parts: &[Vec<T>]) -> Result<Vec<Answers>, String> {
    let distinct: BTreeMap<&T, usize> = parts.iter().flatten().map(|label| (label, 0)).collect();
    let classes = distinct.len();
    if classes > MOST_CLASSES {
        return Err(format!(
            "there are {classes} distinct labels, and at most {MOST_CLASSES} classes are trained on; for numbers that \
             are to be predicted set data.task = \"regression\" and train.loss = \"square\"."
        ));
    }
    if classes < 2 {
        return Err("all samples have one label; at least two classes are needed.".to_owned());
    }
    let places: BTreeMap<&T, u8> = distinct.into_keys().zip(0..=u8::MAX).collect();
    let of_part = |part: &Vec<T>| Answers::Classes {
        labels: part.iter().map(|label| places[label]).collect(),
        classes,
    };
    Ok(parts.iter().map(of_part).collect())
}

/// Refuses numbers that are not 0, 1, … or of which one does not occur, and says how they would be numbered.
fn check_indices(parts: &[Vec<Ordered>]) -> Result<(), String> {
    let mut distinct: Vec<Ordered> = parts.iter().flatten().copied().collect();
    distinct.sort_unstable();
    distinct.dedup();
    let fraction = distinct.iter().find(|label| label.0.fract() != 0.0);
    if let Some(label) = fraction {
        return Err(format!(
            "label {} is no class; for numbers that are to be predicted set data.task = \"regression\" and \
             train.loss = \"square\".",
            label.0
        ));
    }
    let is_index = |(place, label): (usize, &Ordered)| label.0 == place as f64;
    if distinct.iter().enumerate().all(is_index) {
        return Ok(());
    }
    let shown = distinct.iter().take(LISTED).enumerate();
    let mapping: Vec<String> = shown
        .map(|(place, label)| format!("{} → {place}", label.0))
        .collect();
    let more = if distinct.len() > LISTED { ", …" } else { "" };
    Err(format!(
        "its {} distinct labels are not 0 to {}, each of which occurs; data.labels = \"sorted\" numbers them in \
         ascending order: {}{more}.",
        distinct.len(),
        distinct.len().saturating_sub(1),
        mapping.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(labels: Labels) -> Predicted {
        Predicted {
            task: crate::data::Task::Classification,
            labels,
        }
    }

    fn of_numbers(parts: &[&[f64]], labels: Labels) -> Result<Vec<Vec<u8>>, String> {
        let parts: Vec<Found> = parts
            .iter()
            .map(|part| Found::Numbers(part.to_vec()))
            .collect();
        let answers = classes(&parts, plan(labels))?;
        Ok(answers.iter().map(|part| part.labels().to_vec()).collect())
    }

    #[test]
    fn numbers_from_0_on_are_the_classes_of_both_parts() {
        let found = of_numbers(&[&[2.0, 0.0], &[1.0, -0.0]], Labels::Indices);
        assert_eq!(found, Ok(vec![vec![2, 0], vec![1, 0]]));
    }

    #[test]
    fn other_numbers_are_refused_with_the_numbering_that_is_offered() {
        let message = |labels: &[f64]| of_numbers(&[labels], Labels::Indices).unwrap_err();
        insta::assert_snapshot!(message(&[5.0, 1.0, 3.0]), @r#"its 3 distinct labels are not 0 to 2, each of which occurs; data.labels = "sorted" numbers them in ascending order: 1 → 0, 3 → 1, 5 → 2."#);
        assert!(message(&[0.0, 2.0]).contains("0 → 0, 2 → 1."));
        assert!(message(&[-1.0, 1.0]).contains("-1 → 0, 1 → 1."));
        let many: Vec<f64> = (1..=10).map(f64::from).collect();
        assert!(message(&many).ends_with("8 → 7, …."), "{}", message(&many));
        assert!(message(&[0.0, 1.5]).starts_with("label 1.5 is no class; for numbers"));
        assert!(message(&[0.0, 0.0]).starts_with("all samples have one label"));
        let found = of_numbers(&[&[5.0, 1.0, 3.0], &[3.0]], Labels::Sorted);
        assert_eq!(found, Ok(vec![vec![2, 0, 1], vec![1]]));
    }

    #[test]
    fn texts_are_numbered_by_name_and_more_classes_than_bytes_refused() {
        let texts = Found::Texts(["b", "a", "b"].map(str::to_owned).to_vec());
        let found = classes(&[texts], plan(Labels::Indices)).unwrap();
        assert_eq!((found[0].labels(), found[0].classes()), (&[1, 0, 1][..], 2));
        let many: Vec<f64> = (0..257).map(f64::from).collect();
        let message = of_numbers(&[&many], Labels::Indices).unwrap_err();
        assert!(
            message.starts_with("there are 257 distinct labels"),
            "{message}"
        );
        assert!(of_numbers(&[&many[..256]], Labels::Indices).is_ok());
    }
}
