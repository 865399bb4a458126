//! The order in which samples are visited. A pure function of the run's streams and of the epoch or
//! step, so a resumed run goes on as if it had never stopped.

use rand::Rng;

use crate::random::{StreamRng, Streams};

/// The order of epoch `epoch` over `n` samples: a permutation of `0..n` from the stream `order`.
pub fn epoch_order(streams: &Streams, epoch: u64, n: usize) -> Vec<u32> {
    permutation(&mut streams.stream("order", epoch), n)
}

/// The `batch` samples of step `step`, drawn from `0..n` with replacement from the stream `order`.
/// Empty when `n` is 0.
pub fn replacement_batch(streams: &Streams, step: u64, n: usize, batch: usize) -> Vec<u32> {
    drawn(&mut streams.stream("order", step), n, batch)
}

/// Another batch for the same step, independent of [`replacement_batch`]'s: from the stream
/// `order.second`.
pub fn second_replacement_batch(streams: &Streams, step: u64, n: usize, batch: usize) -> Vec<u32> {
    drawn(&mut streams.stream("order.second", step), n, batch)
}

fn drawn(rng: &mut StreamRng, n: usize, batch: usize) -> Vec<u32> {
    if n == 0 {
        return Vec::new();
    }
    (0..batch).map(|_| below(rng, n) as u32).collect()
}

/// A uniform permutation of `0..n` (Fisher–Yates).
pub(super) fn permutation(rng: &mut StreamRng, n: usize) -> Vec<u32> {
    sample(rng, n, n)
}

/// `count` different numbers below `n`, every choice and order equally likely (the first steps of
/// Fisher–Yates). `count` above `n` counts as `n`.
pub(super) fn sample(rng: &mut StreamRng, n: usize, count: usize) -> Vec<u32> {
    let count = count.min(n);
    let mut numbers: Vec<u32> = (0..n as u32).collect();
    for place in 0..count {
        let other = place + below(rng, n - place);
        numbers.swap(place, other);
    }
    numbers.truncate(count);
    numbers
}

/// A uniform number below `bound`, which is at least 1, by Lemire's multiplication with rejection
/// (ACM TOMACS 29, 2019). Written out here so that no update of a dependency can move an order.
pub(super) fn below(rng: &mut StreamRng, bound: usize) -> usize {
    let bound = bound as u64;
    loop {
        let product = u128::from(rng.next_u64()) * u128::from(bound);
        // The low half is uniform over all multiples of the bound once the excess is rejected.
        if product as u64 >= bound.wrapping_neg() % bound {
            return (product >> 64) as usize;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_orders_are_pinned_so_that_old_runs_stay_reproducible() {
        let streams = Streams::new(0);
        assert_eq!(epoch_order(&streams, 0, 8), PINNED_ORDER);
        assert_eq!(replacement_batch(&streams, 0, 100, 6), PINNED_BATCH);
    }

    const PINNED_ORDER: [u32; 8] = [5, 7, 1, 0, 6, 3, 2, 4];
    const PINNED_BATCH: [u32; 6] = [68, 95, 99, 43, 59, 23];

    #[test]
    fn every_epoch_and_every_seed_has_its_own_order() {
        let order = |seed, epoch| epoch_order(&Streams::new(seed), epoch, 50);
        assert_eq!(order(1, 2), order(1, 2));
        assert_ne!(order(1, 2), order(1, 3));
        assert_ne!(order(1, 2), order(2, 2));
    }

    #[test]
    fn bounded_numbers_are_uniform() {
        let mut rng = Streams::new(3).stream("test", 0);
        let mut counts = [0_i32; 7];
        for _ in 0..70_000 {
            counts[below(&mut rng, 7)] += 1;
        }
        // Five standard deviations of a binomial with mean 10,000.
        assert!(
            counts.iter().all(|count| (count - 10_000).abs() < 470),
            "{counts:?}"
        );
    }

    #[test]
    fn drawing_from_nothing_gives_nothing() {
        let streams = Streams::new(0);
        assert!(replacement_batch(&streams, 0, 0, 4).is_empty());
        assert!(epoch_order(&streams, 0, 0).is_empty());
    }

    proptest! {
        #[test]
        fn an_epoch_visits_every_sample_once(seed: u64, epoch: u64, n in 0_usize..300) {
            let mut order = epoch_order(&Streams::new(seed), epoch, n);
            order.sort_unstable();
            prop_assert!(order.into_iter().eq(0..n as u32));
        }

        #[test]
        fn a_replacement_batch_stays_in_range(seed: u64, n in 1_usize..50, batch in 0_usize..50) {
            let drawn = replacement_batch(&Streams::new(seed), 7, n, batch);
            prop_assert_eq!(drawn.len(), batch);
            prop_assert!(drawn.iter().all(|&index| (index as usize) < n));
        }

        #[test]
        fn a_sample_has_no_duplicates(seed: u64, n in 0_usize..100, count in 0_usize..120) {
            let mut drawn = sample(&mut Streams::new(seed).stream("test", 0), n, count);
            prop_assert_eq!(drawn.len(), count.min(n));
            drawn.sort_unstable();
            drawn.dedup();
            prop_assert_eq!(drawn.len(), count.min(n));
        }
    }
}
