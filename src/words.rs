//! Choices that are written as fixed words, in configs, flags, rows and tables.

/// One of a few things, each with the word it is written as. The words are the contract with users;
/// the Rust names may change.
pub trait Word: Copy + Default + PartialEq + std::fmt::Debug + 'static {
    /// The words of all choices, in the order the documents list them.
    const WORDS: &'static [&'static str];
}

/// Declares an enum whose variants are written as fixed words.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$of_variant:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$of_variant])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            /// Every choice, in the order the documents list them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word this choice is written as.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl $crate::words::Word for $name {
            const WORDS: &'static [&'static str] = &[$($word),+];
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::Word;

    words! {
        /// Something to choose.
        Colour {
            /// The default.
            #[default]
            Red = "red",
            /// Another.
            DarkBlue = "dark-blue",
        }
    }

    #[test]
    fn a_choice_prints_as_the_word_it_is_written_as_and_is_found_by_it() {
        let words: Vec<String> = Colour::ALL.iter().map(Colour::to_string).collect();
        assert_eq!(words, ["red", "dark-blue"]);
        assert_eq!(Colour::WORDS, ["red", "dark-blue"]);
        assert_eq!(
            serde_json::to_string(&Colour::DarkBlue).unwrap(),
            "\"dark-blue\""
        );
        let read = serde_json::from_str::<Colour>;
        assert_eq!(read("\"dark-blue\"").unwrap(), Colour::DarkBlue);
        assert!(read("\"DarkBlue\"").is_err());
    }
}
