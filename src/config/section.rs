//! How a part of the config is declared: one line per key, from which follow the struct, its reading
//! and writing, and the key's entry in the list of all keys.
//!
//! ```text
//! section! {
//!     /// `[schedule]`: the learning rate over time.
//!     pub struct Schedule {
//!         /// Steps of linear rise to the full rate, fewer than the run has.
//!         warmup: u64 = default(0);
//!     }
//! }
//! ```
//!
//! After `=` stands what holds where the key is absent: `default(value)`, `derived(expression, "in
//! words")` of fields above it, `optional("in words")` of an `Option`, or `required("what")`. `in` confines
//! a number to a range, `in (computed Range)` one that the run computes with in its precision. `when "key" is WORDS` to configs in which another key is one of these words.
//! `part()` takes in another section whose keys stand in the same table, `part_for("key", WORDS)` an
//! optional one, `table()` a table of its own (of an `Option`: one that need not be there) and `tables()` an
//! array of tables. `shorthand { … }` holds keys that only give other keys their values.

use toml::Value as Toml;

use super::document::{Document, Provenance};
pub(super) use super::error::Violation;
pub(super) use super::key::{Absent, Keys};
pub(super) use super::kind::{Range, Value};

/// A part of the config that is declared.
pub(crate) trait Section: Sized {
    /// Adds its keys to the list.
    fn describe(keys: &mut Keys);

    /// Reads it from a document that holds declared keys only, and checks it.
    ///
    /// # Errors
    ///
    /// The first value that is wrong, or rule among its keys that is broken.
    fn read(reader: &Reader<'_>) -> Result<Self, Violation>;

    /// Writes its keys into a table.
    fn write(&self, table: &mut toml::Table);

    /// Reads it from a table of its own, which may be absent.
    ///
    /// # Errors
    ///
    /// Those of [`Section::read`].
    fn read_table(reader: &Reader<'_>) -> Result<Self, Violation> {
        Self::read(reader)
    }

    /// Itself as a table of its own.
    fn table(&self) -> Option<Toml> {
        let mut table = toml::Table::new();
        self.write(&mut table);
        Some(Toml::Table(table))
    }
}

/// The table of a document that a section is read from.
pub(crate) struct Reader<'a> {
    keys: &'a Keys,
    document: &'a Document,
    path: String,
}

impl<'a> Reader<'a> {
    /// The top level.
    pub(super) fn new(keys: &'a Keys, document: &'a Document) -> Self {
        let path = String::new();
        Self {
            keys,
            document,
            path,
        }
    }

    /// The table under a name; absent tables are empty.
    pub(super) fn table(&self, name: &str) -> Self {
        let path = self.path(name);
        Self { path, ..*self }
    }

    /// The sections of an array of tables.
    pub(super) fn tables<S: Section>(&self, name: &str) -> Result<Vec<S>, Violation> {
        let array = self.table(name);
        let items = self.document.get(&array.path).and_then(Toml::as_array);
        let count = items.map_or(0, Vec::len);
        let tables = (0..count).map(|index| S::read(&array.table(&index.to_string())));
        tables.collect()
    }

    /// The value of a key of this table, if it is written.
    pub(super) fn get<T: Value>(&self, name: &str) -> Option<T> {
        let found = self.document.get(&self.path(name))?;
        found.clone().try_into().ok()
    }

    /// The same, refused where its type or its range is wrong; the run may compute with it.
    pub(super) fn read<T: Value>(
        &self,
        name: &str,
        (range, is_computed): (Range, bool),
    ) -> Result<Option<T>, Violation> {
        let place = self.path(name);
        let Some(found) = self.document.get(&place) else {
            return Ok(None);
        };
        T::kind().check(&place, found)?;
        let number = match found {
            Toml::Integer(number) => Some(*number as f64),
            found => found.as_float(),
        };
        if let Some(number) = number {
            let is_f32 = is_computed && self.is_one_of("precision", &["f32"]);
            range.check(&place, number, is_f32)?;
        }
        Ok(self.get(name))
    }

    /// The path of a key of this table.
    pub(super) fn path(&self, name: &str) -> String {
        match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        }
    }

    /// Where this section stands.
    pub(super) fn place(&self) -> &str {
        &self.path
    }

    /// Whether another key of the config, given by its whole path, is one of some words.
    pub(super) fn is_one_of(&self, key: &str, words: &[&str]) -> bool {
        let word = self.keys.word(&self.document.root, key, &self.path);
        word.is_some_and(|word| words.contains(&word))
    }

    /// The violation of an absent key.
    pub(super) fn missing(&self, name: &str, what: &str) -> Violation {
        Violation::new(self.path(name), format!("is required: {what}"))
    }
}

/// A section that only some configs have.
impl<S: Section> Section for Option<S> {
    fn describe(keys: &mut Keys) {
        S::describe(keys);
    }

    fn read(reader: &Reader<'_>) -> Result<Self, Violation> {
        S::read(reader).map(Some)
    }

    fn write(&self, table: &mut toml::Table) {
        if let Some(section) = self {
            section.write(table);
        }
    }

    fn read_table(reader: &Reader<'_>) -> Result<Self, Violation> {
        let is_there = reader.document.get(&reader.path).is_some();
        is_there.then(|| S::read(reader)).transpose()
    }

    fn table(&self) -> Option<Toml> {
        self.as_ref().and_then(S::table)
    }
}

/// What a config knows of itself without any key.
impl Section for Provenance {
    fn describe(_: &mut Keys) {}

    fn read(reader: &Reader<'_>) -> Result<Self, Violation> {
        Ok(reader.document.provenance.clone())
    }

    fn write(&self, _: &mut toml::Table) {}
}

/// Writes a value into a table, if there is one.
pub(super) fn put(table: &mut toml::Table, name: &str, value: Option<Toml>) {
    if let Some(value) = value {
        table.insert(name.to_owned(), value);
    }
}

/// The tables of an array, if there is one.
pub(super) fn tables_of(items: &[impl Section]) -> Option<Toml> {
    let tables: Vec<Toml> = items.iter().filter_map(Section::table).collect();
    (!tables.is_empty()).then(|| Toml::Array(tables))
}

macro_rules! section {
    (
        $(#[$meta:meta])*
        $(checked by $check:path;)?
        pub struct $name:ident {
            $(shorthand {
                $(
                    $(#[doc = $short_doc:literal])+
                    $short:ident : $short_type:ty = $short_how:ident $short_args:tt;
                )+
            })?
            $(
                $(#[doc = $doc:literal])+
                $field:ident $(($key:literal))? : $type:ty = $how:ident $args:tt
                $(in $range:tt)? $(when $owner:literal is $words:expr)?;
            )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $(
                $(#[doc = $doc])+
                #[doc = concat!("\n\nIf absent: `", stringify!($how), stringify!($args), "`.")]
                pub $field: $type,
            )*
        }

        impl $crate::config::section::Section for $name {
            fn describe(keys: &mut $crate::config::section::Keys) {
                $($(
                    field!(describe keys, stringify!($short), $short_type, $short_how $short_args,
                        concat!($($short_doc),+), [], []);
                )+)?
                $(
                    field!(describe keys, field!(name $field $($key)?), $type, $how $args,
                        concat!($($doc),+), [$($range)?], [$($owner, $words)?]);
                )*
            }

            fn read(
                reader: &$crate::config::section::Reader<'_>,
            ) -> Result<Self, $crate::config::section::Violation> {
                $($(
                    let $short: $short_type = field!(
                        read reader, stringify!($short), $short_type, $short_how $short_args, []);
                )+)?
                $(
                    let $field: $type = field!(
                        read reader, field!(name $field $($key)?), $type, $how $args, [$($range)?]);
                )*
                #[allow(unused_mut, reason = "only sections with rules of their own change")]
                let mut section = Self { $($field),* };
                $($check(&mut section, reader)?;)?
                Ok(section)
            }

            fn write(&self, table: &mut toml::Table) {
                $(field!(write table, field!(name $field $($key)?), self.$field, $how);)*
            }
        }
    };
}

/// What one line of a section stands for.
macro_rules! field {
    (name $field:ident) => { stringify!($field) };
    (name $field:ident $key:literal) => { $key };

    (describe $keys:ident, $name:expr, $type:ty, part (), $doc:expr, [], []) => {
        <$type as $crate::config::section::Section>::describe($keys)
    };
    (describe $keys:ident, $name:expr, $type:ty, part_for ($owner:literal, $words:expr), $doc:expr, [], []) => {
        $keys.owned($owner, $words, <$type as $crate::config::section::Section>::describe)
    };
    (describe $keys:ident, $name:expr, $type:ty, table (), $doc:expr, [], []) => {
        $keys.within($name, false, <$type as $crate::config::section::Section>::describe)
    };
    (describe $keys:ident, $name:expr, $type:ty, tables (), $doc:expr, [], []) => {
        $keys.within($name, true, |keys| {
            <<$type as IntoIterator>::Item as $crate::config::section::Section>::describe(keys)
        })
    };
    (describe $keys:ident, $name:expr, $type:ty, $how:ident $args:tt, $doc:expr, $range:tt, [$owner:expr, $words:expr]) => {
        $keys.owned($owner, $words, |keys| {
            field!(describe keys, $name, $type, $how $args, $doc, $range, [])
        })
    };
    (describe $keys:ident, $name:expr, $type:ty, $how:ident $args:tt, $doc:expr, $range:tt, []) => {
        $keys.push::<$type>($name, field!(range $range).0, field!(absent $type, $how $args), $doc)
    };

    (range []) => { ($crate::config::section::Range::Any, false) };
    (range [$range:ident]) => { ($crate::config::section::Range::$range, false) };
    (range [(computed $range:ident)]) => { ($crate::config::section::Range::$range, true) };

    (absent $type:ty, default ($default:expr)) => {
        $crate::config::section::Absent::default::<$type>(&$default)
    };
    (absent $type:ty, derived ($default:expr, $words:literal)) => {
        $crate::config::section::Absent::Described($words)
    };
    (absent $type:ty, optional ($words:literal)) => {
        $crate::config::section::Absent::Described($words)
    };
    (absent $type:ty, required ($what:literal)) => {
        $crate::config::section::Absent::Required($what)
    };

    (read $reader:ident, $name:expr, $type:ty, part (), []) => {
        <$type as $crate::config::section::Section>::read($reader)?
    };
    (read $reader:ident, $name:expr, $type:ty, part_for ($owner:literal, $words:expr), []) => {
        if $reader.is_one_of($owner, $words) {
            <$type as $crate::config::section::Section>::read($reader)?
        } else {
            None
        }
    };
    (read $reader:ident, $name:expr, $type:ty, table (), []) => {
        <$type as $crate::config::section::Section>::read_table(&$reader.table($name))?
    };
    (read $reader:ident, $name:expr, $type:ty, tables (), []) => {
        $reader.tables($name)?
    };
    (read $reader:ident, $name:expr, $type:ty, required ($what:literal), $range:tt) => {
        $reader.read::<$type>($name, field!(range $range))?.ok_or_else(|| $reader.missing($name, $what))?
    };
    (read $reader:ident, $name:expr, $type:ty, optional ($words:literal), $range:tt) => {
        $reader.read::<$type>($name, field!(range $range))?.unwrap_or_default()
    };
    (read $reader:ident, $name:expr, $type:ty, $how:ident ($default:expr $(, $words:literal)?), $range:tt) => {
        $reader.read::<$type>($name, field!(range $range))?.unwrap_or_else(|| $default)
    };

    (write $table:ident, $name:expr, $value:expr, part) => {
        $crate::config::section::Section::write(&$value, $table)
    };
    (write $table:ident, $name:expr, $value:expr, part_for) => {
        $crate::config::section::Section::write(&$value, $table)
    };
    (write $table:ident, $name:expr, $value:expr, table) => {
        $crate::config::section::put($table, $name, $crate::config::section::Section::table(&$value))
    };
    (write $table:ident, $name:expr, $value:expr, tables) => {
        $crate::config::section::put($table, $name, $crate::config::section::tables_of(&$value))
    };
    (write $table:ident, $name:expr, $value:expr, $how:ident) => {
        $crate::config::section::put($table, $name, toml::Value::try_from(&$value).ok())
    };
}

/// Declares alternatives, each with the word of a key that says which one holds; the first is what holds
/// without the key. Each may be a section, whose keys apply to that alternative only.
macro_rules! kinds {
    (
        $(#[$meta:meta])*
        pub enum $name:ident: $kind:ident in $key:literal, $doc:literal {
            $($(#[$of_variant:meta])* $variant:ident $(($section:ty))? = $word:literal),+ $(,)?
        }
    ) => {
        words! {
            #[doc = $doc]
            $kind {
                $($(#[$of_variant])* $variant = $word),+
            }
        }

        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name {
            $(#[doc = concat!("`", $key, " = \"", $word, "\"`")] $variant $(($section))?),+
        }

        impl $name {
            #[doc = concat!("`", $key, "`.")]
            pub fn kind(&self) -> $kind {
                match self {
                    $(Self::$variant { .. } => $kind::$variant),+
                }
            }
        }

        impl $crate::config::section::Section for $name {
            fn describe(keys: &mut $crate::config::section::Keys) {
                field!(describe keys, $key, $kind, default ($kind::default()), $doc, [], []);
                $($(
                    field!(describe keys, $key, $section, part_for ($key, &[$word]), $doc, [], []);
                )?)+
            }

            fn read(
                reader: &$crate::config::section::Reader<'_>,
            ) -> Result<Self, $crate::config::section::Violation> {
                let kind = field!(read reader, $key, $kind, default ($kind::default()), []);
                Ok(match kind {
                    $($kind::$variant => {
                        Self::$variant $((field!(read reader, $key, $section, part (), [])))?
                    }),+
                })
            }

            fn write(&self, table: &mut toml::Table) {
                field!(write table, $key, self.kind(), default);
                match self {
                    $($(
                        Self::$variant(part) => {
                            <$section as $crate::config::section::Section>::write(part, table);
                        }
                    )?)+
                    #[allow(unreachable_patterns, reason = "where every alternative is a section")]
                    _ => {}
                }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    section! {
        /// The top level.
        pub struct Top {
            /// A table that need not be there.
            extra: Option<Extra> = table();
        }
    }

    section! {
        /// A table with a key that must be there.
        pub struct Extra {
            /// The key.
            size("how_much"): f64 = required("a number") in Fraction;
        }
    }

    fn read(text: &str) -> Result<Top, Violation> {
        let mut keys = Keys::default();
        Top::describe(&mut keys);
        assert_eq!(keys.paths(), ["extra.how_much"]);
        let document = Document::parse(text, "x.toml").unwrap();
        Top::read(&Reader::new(&keys, &document))
    }

    #[test]
    fn a_table_that_need_not_be_there_needs_its_keys_where_it_is() {
        assert_eq!(read("").unwrap(), Top { extra: None });
        let extra = Some(Extra { size: 0.5 });
        let text = "[extra]\nhow_much = 0.5\n";
        assert_eq!(read(text).unwrap(), Top { extra });
        for text in ["", text] {
            let table = read(text).unwrap().table().unwrap();
            assert_eq!(toml::to_string(&table).unwrap(), text);
        }
        assert_eq!(read("[extra]").unwrap_err().rule, "is required: a number");
    }
}
