//! Which samples of a part are used: all, the first, a stratified or a random choice, and which
//! classes are kept.

use super::DataError;
use super::order::sample;
use super::samples::{Answers, Samples};
use super::words::Subset;
use crate::random::StreamRng;

impl Subset {
    /// The indices of `count` samples out of those with these `answers`, ascending. `count` above
    /// the number of samples counts as all of them. Numbers have no classes, so of them a stratified choice is the
    /// first ones.
    pub fn choose(self, answers: &Answers, count: usize, rng: &mut StreamRng) -> Vec<usize> {
        let count = count.min(answers.len());
        match (self, answers) {
            (Self::Stratified, Answers::Classes { labels, classes }) => {
                stratified(labels, *classes, count)
            }
            (Self::First | Self::Stratified, _) => (0..count).collect(),
            (Self::Random, _) => {
                let mut drawn: Vec<usize> = sample(rng, answers.len(), count)
                    .into_iter()
                    .map(|index| index as usize)
                    .collect();
                drawn.sort_unstable();
                drawn
            }
        }
    }
}

fn stratified(labels: &[u8], classes: usize, count: usize) -> Vec<usize> {
    let mut sizes = vec![0; classes];
    for &label in labels {
        sizes[usize::from(label)] += 1;
    }
    let mut left = quotas(&sizes, count);
    (0..labels.len())
        .filter(|&index| {
            let left = &mut left[usize::from(labels[index])];
            let keep = *left > 0;
            *left -= usize::from(keep);
            keep
        })
        .collect()
}

/// Shares `count` out in proportion to `sizes` by largest remainder; of equal remainders the lower
/// class goes first. No share exceeds its size as long as `count` does not exceed their sum.
fn quotas(sizes: &[usize], count: usize) -> Vec<usize> {
    let total = sizes.iter().sum::<usize>().max(1);
    let mut quotas: Vec<usize> = sizes.iter().map(|size| size * count / total).collect();
    let mut by_remainder: Vec<usize> = (0..sizes.len()).collect();
    by_remainder.sort_by_key(|&class| std::cmp::Reverse(sizes[class] * count % total));
    let missing = count - quotas.iter().sum::<usize>();
    for &class in by_remainder.iter().take(missing) {
        quotas[class] += 1;
    }
    quotas
}

/// Keeps only the samples whose label is in `keep` and relabels them 0, 1, … in the order of `keep`.
///
/// # Errors
/// `keep` is empty, names a label twice, or names one the dataset does not have; or that has no classes.
pub fn keep_classes(samples: &Samples, keep: &[u8]) -> Result<Samples, DataError> {
    let Answers::Classes { labels, classes } = &samples.answers else {
        return Err(DataError::NoClasses {
            key: "data.classes",
        });
    };
    let wrong = |reason: String| DataError::Classes {
        value: keep.to_vec(),
        reason,
        classes: *classes,
    };
    if keep.is_empty() {
        return Err(wrong("it is empty".to_owned()));
    }
    let mut new_label = vec![None; *classes];
    for (new, &old) in (0_u8..=u8::MAX).zip(keep) {
        match new_label.get_mut(usize::from(old)) {
            None => return Err(wrong(format!("{old} is not a label of this dataset"))),
            Some(Some(_)) => return Err(wrong(format!("{old} is listed twice"))),
            Some(free) => *free = Some(new),
        }
    }
    let (indices, labels): (Vec<usize>, Vec<u8>) = labels
        .iter()
        .enumerate()
        .filter_map(|(index, &old)| Some((index, new_label[usize::from(old)]?)))
        .unzip();
    let answers = Answers::Classes {
        labels,
        classes: keep.len(),
    };
    Ok(Samples {
        answers,
        ..samples.select(&indices)
    })
}

#[cfg(test)]
mod tests {
    use super::super::images::tests::numbered;
    use super::super::samples::Inputs;
    use super::*;
    use crate::random::Streams;
    use proptest::prelude::*;

    fn choose(subset: Subset, labels: &[u8], count: usize, seed: u64) -> Vec<usize> {
        let mut rng = Streams::new(seed).stream("subset", 0);
        let (labels, classes) = (labels.to_vec(), 5);
        subset.choose(&Answers::Classes { labels, classes }, count, &mut rng)
    }

    #[test]
    fn first_takes_the_first() {
        assert_eq!(choose(Subset::First, &[4; 9], 3, 0), [0, 1, 2]);
    }

    #[test]
    fn stratified_takes_the_first_of_each_class_in_file_order() {
        let labels = [1, 1, 1, 0, 1, 0, 1, 1];
        assert_eq!(choose(Subset::Stratified, &labels, 4, 0), [0, 1, 2, 3]);
        assert_eq!(choose(Subset::Stratified, &labels, 8, 0).len(), 8);
    }

    #[test]
    fn largest_remainders_are_served_first_and_ties_by_class() {
        assert_eq!(quotas(&[3, 3, 3], 4), [2, 1, 1]);
        assert_eq!(quotas(&[6, 3, 1], 5), [3, 2, 0]);
        assert_eq!(quotas(&[0, 0], 0), [0, 0]);
    }

    #[test]
    fn random_depends_on_the_seed() {
        let draw = |seed| choose(Subset::Random, &[0; 100], 10, seed);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn kept_classes_are_relabelled_in_the_order_given() {
        let kept = keep_classes(&numbered(&[0, 3, 1, 3, 2], 4).into(), &[3, 0]).unwrap();
        assert_eq!(kept.answers.labels(), [1, 0, 0]);
        assert_eq!(kept.answers.classes(), 2);
        let (maximum, values) = (255, vec![0, 0, 0, 1, 0, 3]);
        assert_eq!(kept.inputs, Inputs::Bytes { maximum, values });
    }

    #[test]
    fn unusable_lists_of_classes_are_refused() {
        let images = numbered(&[0, 1], 2).into();
        for (keep, reason) in [
            (vec![], "it is empty"),
            (vec![1, 1], "1 is listed twice"),
            (vec![0, 2], "2 is not a label of this dataset"),
        ] {
            let message = keep_classes(&images, &keep).unwrap_err().to_string();
            assert!(message.contains(reason), "{message}");
        }
    }

    proptest! {
        #[test]
        fn every_choice_is_ascending_without_duplicates_and_exactly_as_large_as_asked(
            labels in proptest::collection::vec(0_u8..5, 0..200), count in 0_usize..220, seed: u64,
        ) {
            for subset in [Subset::First, Subset::Stratified, Subset::Random] {
                let chosen = choose(subset, &labels, count, seed);
                prop_assert_eq!(chosen.len(), count.min(labels.len()));
                prop_assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]));
                prop_assert!(chosen.iter().all(|&index| index < labels.len()));
            }
        }

        #[test]
        fn stratified_proportions_are_within_one_sample(
            labels in proptest::collection::vec(0_u8..5, 1..200), share in 0.0_f64..=1.0,
        ) {
            let count = (share * labels.len() as f64) as usize;
            let chosen = choose(Subset::Stratified, &labels, count, 0);
            for class in 0..5 {
                let whole = labels.iter().filter(|&&label| label == class).count();
                let part = chosen.iter().filter(|&&index| labels[index] == class).count();
                let exact = whole as f64 * count as f64 / labels.len() as f64;
                prop_assert!((part as f64 - exact).abs() < 1.0);
            }
        }
    }
}
