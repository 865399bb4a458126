//! What a command computes on, said once.

use crate::backend::{BackendKind, Compute};
use std::sync::atomic::{AtomicBool, Ordering};

/// The name of the graphics adapter, of which a machine may have several, for the user to see; none
/// for the processor, and none the second time.
pub fn announcement(compute: &Compute) -> Option<String> {
    static SAID: AtomicBool = AtomicBool::new(false);
    let is_news = compute.kind == BackendKind::Wgpu && !SAID.swap(true, Ordering::Relaxed);
    is_news.then(|| format!("computing on {}", compute.device_name()))
}

/// As [`announcement`], for a command that compiles kernels in the middle of its work.
pub fn announcement_of_first_use(compute: &Compute) -> Option<String> {
    let text = announcement(compute)?;
    Some(format!(
        "{text}; kernels take minutes on a first use, seconds after"
    ))
}
