//! How long a call takes.

use std::time::Instant;

/// The median over `rounds` of the mean seconds per call; rounds last `seconds` each, whatever is
/// measured.
pub fn median_seconds(rounds: usize, seconds: f64, mut call: impl FnMut()) -> f64 {
    let start = Instant::now();
    call();
    call();
    let calls = (seconds / (start.elapsed().as_secs_f64() / 2.0)).ceil() as usize;
    let calls = calls.clamp(3, 2000);
    let mut means: Vec<f64> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            (0..calls).for_each(|_| call());
            start.elapsed().as_secs_f64() / calls as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    means[rounds / 2]
}
