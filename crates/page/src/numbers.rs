//! The numbers of the figures on a page.

/// The figures of a page get numbers, which begin the names in them.
#[derive(Default)]
pub struct Numbers {
    figures: usize,
}

impl Numbers {
    /// The name of the next figure.
    pub fn figure(&mut self) -> String {
        self.figures += 1;
        format!("figure-{}", self.figures)
    }
}
