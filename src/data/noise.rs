//! Label noise: a share of the training labels redrawn at random, as in Zhang et al.,
//! "Understanding deep learning requires rethinking generalization" (ICLR 2017).

use super::DataError;
use super::order::{below, sample};
use super::samples::{Answers, Samples};
use crate::random::StreamRng;

/// Redraws the labels of exactly `round(share × len)` samples, chosen without replacement,
/// uniformly over all classes (a redrawn label may be the old one). Gives the indices of the
/// redrawn samples, ascending.
///
/// # Errors
/// `share` is not a number from 0 to 1, or above 0 where there are no classes; nothing is changed then.
pub fn redraw_labels(
    samples: &mut Samples,
    share: f64,
    rng: &mut StreamRng,
) -> Result<Vec<usize>, DataError> {
    if !(0.0..=1.0).contains(&share) {
        return Err(DataError::LabelNoise { value: share });
    }
    let Answers::Classes { labels, classes } = &mut samples.answers else {
        return match share {
            0.0 => Ok(Vec::new()),
            _ => Err(DataError::NoClasses {
                key: "data.label_noise",
            }),
        };
    };
    let count = (share * labels.len() as f64).round() as usize;
    let mut redrawn: Vec<usize> = sample(rng, labels.len(), count)
        .into_iter()
        .map(|index| index as usize)
        .collect();
    redrawn.sort_unstable();
    for &index in &redrawn {
        labels[index] = below(rng, (*classes).max(1)) as u8;
    }
    Ok(redrawn)
}

#[cfg(test)]
mod tests {
    use super::super::images::tests::numbered;
    use super::*;
    use crate::random::Streams;
    use proptest::prelude::*;

    #[test]
    fn a_share_outside_zero_to_one_is_refused() {
        let mut rng = Streams::new(0).stream("labels", 0);
        for share in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            let mut samples = Samples::from(numbered(&[0, 1], 2));
            assert!(redraw_labels(&mut samples, share, &mut rng).is_err());
            assert_eq!(samples.answers.labels(), [0, 1]);
        }
    }

    #[test]
    fn full_noise_reaches_every_class_about_equally() {
        let mut samples = Samples::from(numbered(&[0; 10_000], 10));
        let mut rng = Streams::new(0).stream("labels", 0);
        redraw_labels(&mut samples, 1.0, &mut rng).unwrap();
        // Five standard deviations of a binomial with mean 1,000.
        let counts = samples.answers.class_counts();
        assert!(
            counts.iter().all(|&count| count.abs_diff(1000) < 150),
            "{counts:?}"
        );
    }

    proptest! {
        #[test]
        fn exactly_the_rounded_share_is_redrawn_and_the_rest_kept(
            labels in proptest::collection::vec(0_u8..10, 0..200), share in 0.0_f64..=1.0, seed: u64,
        ) {
            let mut samples = Samples::from(numbered(&labels, 10));
            let mut rng = Streams::new(seed).stream("labels", 0);
            let redrawn = redraw_labels(&mut samples, share, &mut rng).unwrap();
            prop_assert_eq!(redrawn.len(), (share * labels.len() as f64).round() as usize);
            prop_assert!(redrawn.windows(2).all(|pair| pair[0] < pair[1]));
            for (index, &clean) in labels.iter().enumerate() {
                if redrawn.binary_search(&index).is_err() {
                    prop_assert_eq!(samples.answers.labels()[index], clean);
                }
            }
            prop_assert!(samples.answers.labels().iter().all(|&label| label < 10));
        }
    }
}
