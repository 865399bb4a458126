//! Named random streams: every random choice of a run is a pure function of the run's seed, the
//! name of the stream and a counter.
//!
//! Nothing is kept between draws, so a resumed run needs no generator state, and a new consumer
//! (one more probe, one more hook) cannot move the numbers another stream hands out.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};

/// The generator every stream hands out; its output is fixed by its specification, so the same
/// seed gives the same numbers on every platform.
pub type StreamRng = ChaCha8Rng;

/// The family of random streams that belong to one run seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streams {
    seed: u64,
}

impl Streams {
    /// The streams of the run with this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The generator of the stream `name` at `counter` (an epoch, a step, a probe's index; 0 where
    /// there is only one).
    pub fn stream(&self, name: &str, counter: u64) -> StreamRng {
        recorded::note(name);
        let mut hasher = Sha256::new();
        hasher.update(self.seed.to_le_bytes());
        hasher.update(counter.to_le_bytes());
        hasher.update(name.as_bytes());
        StreamRng::from_seed(hasher.finalize().into())
    }
}

/// Which streams a piece of work draws from, for tests.
#[doc(hidden)]
pub mod recorded {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    thread_local! {
        static NAMES: RefCell<Option<BTreeSet<String>>> = const { RefCell::new(None) };
    }

    pub(super) fn note(name: &str) {
        NAMES.with_borrow_mut(|names| {
            if let Some(names) = names {
                names.insert(name.to_owned());
            }
        });
    }

    /// The names of the streams that `work` opens in this thread.
    pub fn during(work: impl FnOnce()) -> BTreeSet<String> {
        NAMES.set(Some(BTreeSet::new()));
        work();
        NAMES.take().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    fn first(seed: u64, name: &str, counter: u64) -> u64 {
        Streams::new(seed).stream(name, counter).random()
    }

    #[test]
    fn a_stream_is_a_function_of_seed_name_and_counter() {
        assert_eq!(first(0, "order", 3), first(0, "order", 3));
        assert_ne!(first(0, "order", 3), first(1, "order", 3));
        assert_ne!(first(0, "order", 3), first(0, "order", 4));
        assert_ne!(first(0, "order", 3), first(0, "init", 3));
    }

    #[test]
    fn the_numbers_are_pinned_so_that_an_upgrade_cannot_move_old_runs() {
        assert_eq!(first(0, "init", 0), PINNED);
    }

    const PINNED: u64 = 4550219436979280139;
}
