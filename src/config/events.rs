//! `[events]`: the rules by which something is told as an event.

section! {
    /// `[events]`: the rules by which something is told as an event (rows `event.*`).
    pub struct Events {
        /// A step's loss above so many times the median of the steps before it is a loss spike.
        spike_factor: f64 = default(10.0) in AboveOne;
        /// Steps that this median is over; there is no spike before so many.
        spike_window: usize = default(50);
    }
}
