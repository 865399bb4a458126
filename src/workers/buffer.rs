//! Result buffers that are filled in parallel.

use bytemuck::Pod;
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// `length` numbers made of chunks, each filled by `fill(state, index of the chunk, zeros)`; `state` is
/// made by `prepare` as often as the threads need one.
///
/// Every chunk is cleared by the thread that fills it, just before: clearing the whole buffer first
/// would move a large result through the memory twice, by one thread.
pub fn filled<E: Pod + Send, T>(
    length: usize,
    chunk: usize,
    prepare: impl Fn() -> T + Sync + Send,
    fill: impl Fn(&mut T, usize, &mut [E]) + Sync + Send,
) -> Vec<E> {
    let mut values: Vec<E> = Vec::with_capacity(length);
    values.spare_capacity_mut()[..length]
        .par_chunks_mut(chunk)
        .enumerate()
        .for_each_init(prepare, |state, (index, numbers)| {
            numbers.fill(MaybeUninit::zeroed());
            // SAFETY: the line above has written every number, and zeros are a number.
            fill(state, index, unsafe { numbers.assume_init_mut() });
        });
    // SAFETY: `length` numbers are within the capacity, and the loop has written all of them; if it
    // panicked, this line is not reached.
    unsafe { values.set_len(length) };
    values
}

/// What `change(index of the chunk, numbers)` makes of every chunk of `values`.
pub fn changed<E: Pod + Send + Sync>(
    values: &[E],
    chunk: usize,
    change: impl Fn(usize, &mut [E]) + Sync + Send,
) -> Vec<E> {
    filled(
        values.len(),
        chunk,
        || (),
        |(), index, numbers| {
            numbers.copy_from_slice(&values[index * chunk..][..numbers.len()]);
            change(index, numbers);
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_zero_and_in_order() {
        let values = filled(
            10,
            4,
            || (),
            |(), index, numbers: &mut [f32]| {
                assert!(numbers.iter().all(|&number| number == 0.0));
                numbers[0] = index as f32 + 1.0;
            },
        );
        assert_eq!(values, [1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 3.0, 0.0]);
        assert!(filled::<f32, _>(0, 4, || (), |_, _, _| ()).is_empty());
    }

    #[test]
    fn every_number_is_changed_once() {
        let values: Vec<f64> = (0..10).map(f64::from).collect();
        let doubled = changed(&values, 4, |_, numbers| {
            numbers.iter_mut().for_each(|number| *number *= 2.0);
        });
        assert!(doubled.iter().zip(&values).all(|(y, x)| *y == 2.0 * x));
        assert_eq!(doubled.len(), values.len());
    }
}
