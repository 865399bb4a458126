//! Independent pieces of work on all cores of the processor.

mod buffer;

pub(crate) use buffer::{changed, filled};

use rayon::{ThreadPool, ThreadPoolBuilder};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// `function(0)`, …, `function(count − 1)`, in this order, computed side by side.
///
/// As many pieces are under way at a time as there are threads ([`rayon::current_num_threads`]);
/// where pieces are fewer, each has several threads for what it does in parallel itself. A thread
/// that waits within a piece does not begin another one, which rayon's own iterators would do: no
/// more memory is held than so many pieces need.
pub fn map<T: Send>(count: usize, function: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let threads = rayon::current_num_threads();
    let groups = match count.min(threads) {
        0 | 1 => Arc::default(),
        several => groups(several, threads / several),
    };
    if groups.is_empty() {
        return (0..count).map(function).collect();
    }
    let results: Vec<Mutex<Option<T>>> = (0..count).map(|_| Mutex::default()).collect();
    let next = AtomicUsize::new(0);
    in_each(&groups, &|| {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(place) = results.get(index) else {
                break;
            };
            let result = function(index);
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        }
    });
    let results = results.into_iter().map(|place| {
        let result = place.into_inner().unwrap_or_else(PoisonError::into_inner);
        result.expect("a group that panics takes its caller with it, and others leave no piece")
    });
    results.collect()
}

/// Runs `work` in every group and returns when all have ended; if one panics, so does this.
fn in_each(groups: &[ThreadPool], work: &(impl Fn() + Sync)) {
    if let Some((first, others)) = groups.split_first() {
        first.in_place_scope(|scope| {
            scope.spawn(|_| work());
            in_each(others, work);
        });
    }
}

/// Groups of so many threads each, made when first asked for; none where the system refuses threads.
fn groups(count: usize, threads: usize) -> Arc<[ThreadPool]> {
    type Made = BTreeMap<(usize, usize), Arc<[ThreadPool]>>;
    static MADE: Mutex<Made> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let groups = made.entry((count, threads)).or_insert_with(|| {
        (0..count)
            .map(|_| ThreadPoolBuilder::new().num_threads(threads).build())
            .collect::<Result<_, _>>()
            .unwrap_or_default()
    });
    groups.clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rayon::prelude::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    fn with_threads<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(run)
    }

    #[test]
    fn results_are_in_order_for_any_number_of_pieces_and_threads() {
        for threads in 1..5 {
            for count in [0, 1, 2, 3, 17, 100] {
                let squares = with_threads(threads, || map(count, |index| index * index));
                assert!(
                    squares
                        .into_iter()
                        .eq((0..count).map(|index| index * index))
                );
            }
        }
    }

    #[test]
    fn pieces_share_the_threads_evenly() {
        for (threads, count, each) in [(8, 4, 2), (8, 3, 2), (8, 8, 1), (8, 100, 1), (3, 1, 3)] {
            let seen = with_threads(threads, || map(count, |_| rayon::current_num_threads()));
            assert_eq!(seen, vec![each; count], "{threads} {count}");
        }
    }

    #[test]
    fn no_thread_begins_a_piece_while_it_waits_in_another() {
        let [now, most] = [const { AtomicUsize::new(0) }; 2];
        with_threads(2, || {
            map(50, |_| {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let sum: u64 = (0..10_000u64).into_par_iter().map(|x| x ^ 1).sum();
                now.fetch_sub(1, Ordering::SeqCst);
                sum
            })
        });
        let most = most.load(Ordering::SeqCst);
        assert!((1..=2).contains(&most), "{most}");
    }

    #[test]
    fn pieces_within_pieces_end() {
        let nested = || {
            map(4, |outer| {
                map(4, |inner| outer * inner).iter().sum::<usize>()
            })
        };
        assert_eq!(with_threads(4, nested), [0, 6, 12, 18]);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_harms_no_later_work() {
        let failed = with_threads(2, || {
            catch_unwind(AssertUnwindSafe(|| map(9, |index| assert_ne!(index, 4))))
        });
        assert!(failed.is_err());
        assert_eq!(with_threads(2, || map(3, |index| index)), [0, 1, 2]);
    }
}
