//! How much memory a piece of work holds: a global allocator that counts for each thread.

use mimalloc::MiMalloc;
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::io::Write;
use std::ptr;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The program's allocator, counted.
struct Counting;

thread_local! {
    /// Bytes that this thread has taken and not given back.
    static HELD: Cell<isize> = const { Cell::new(0) };
    /// The most of it since the work began.
    static PEAK: Cell<isize> = const { Cell::new(0) };
    /// The input of the work, to be shown when there is no memory for it.
    static INPUT: Cell<(*const u8, usize)> = const { Cell::new((ptr::null(), 0)) };
}

/// Does the work on `input` and tells how many bytes more than before it held at its height.
pub(super) fn peak<T>(input: &[u8], work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.get();
    PEAK.set(before);
    INPUT.set((input.as_ptr(), input.len()));
    let done = work();
    INPUT.set((ptr::null(), 0));
    (done, PEAK.get().saturating_sub(before).unsigned_abs())
}

fn count(change: isize) {
    let held = HELD.get().wrapping_add(change);
    HELD.set(held);
    if held > PEAK.get() {
        PEAK.set(held);
    }
}

/// A failed request ends the process; nobody could tell for which input otherwise.
fn show_input(size: usize) {
    let (start, length) = INPUT.get();
    if start.is_null() {
        return;
    }
    // SAFETY: `peak` borrows the input while it is noted.
    let input = unsafe { std::slice::from_raw_parts(start, length) };
    let mut stderr = std::io::stderr().lock();
    let _ = write!(
        stderr,
        "no memory for {size} bytes, asked for on b\"{}\"",
        input.escape_ascii()
    );
}

// SAFETY: every call goes to the program's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps what `GlobalAlloc` asks for.
        let pointer = unsafe { MiMalloc.alloc(layout) };
        note(pointer, layout.size());
        pointer
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        let pointer = unsafe { MiMalloc.alloc_zeroed(layout) };
        note(pointer, layout.size());
        pointer
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        let moved = unsafe { MiMalloc.realloc(pointer, layout, size) };
        if !moved.is_null() {
            count(-(layout.size() as isize));
        }
        note(moved, size);
        moved
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { MiMalloc.dealloc(pointer, layout) }
    }
}

fn note(pointer: *mut u8, size: usize) {
    if pointer.is_null() {
        show_input(size);
    } else {
        count(size as isize);
    }
}
