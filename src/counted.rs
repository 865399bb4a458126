//! Numbers of things in sentences.

/// So many of a thing: "1 run", "2 runs".
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_thing_has_no_plural() {
        let said = [0, 1, 2].map(|count| counted(count, "run"));
        assert_eq!(said, ["0 runs", "1 run", "2 runs"]);
    }
}
