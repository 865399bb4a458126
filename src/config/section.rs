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
//! optional one, `table()` a table of its own, `optional_table()` one whose absence means something, and
//! `tables()` an array of tables. `shorthand { … }` holds keys that only give other keys their values.

use super::document::{Node, Value as Found};
use super::key::Keys;
use super::lookup::word;
use super::rule::{Rule, Violation};
use super::value::Value;

/// A part of the config that is declared.
pub(crate) trait Section: Sized {
    /// Adds its keys to the list.
    fn describe(keys: &mut Keys);

    /// Reads it from a document whose shapes and ranges have been checked.
    ///
    /// # Errors
    ///
    /// The first rule among its keys that is broken.
    fn read(reader: &Reader<'_>) -> Result<Self, Violation>;

    /// Writes its keys into a table.
    fn write(&self, table: &mut toml::Table);
}

/// The table of a document that a section is read from.
pub(crate) struct Reader<'a> {
    root: &'a Node,
    table: Option<&'a Node>,
    path: String,
}

impl<'a> Reader<'a> {
    /// The top level.
    pub(super) fn new(root: &'a Node) -> Self {
        Self {
            root,
            table: Some(root),
            path: String::new(),
        }
    }

    /// The table under a name; absent tables are empty.
    pub(super) fn table(&self, name: &str) -> Self {
        Self {
            root: self.root,
            table: self.table.and_then(|table| table.get([name])),
            path: self.path(name),
        }
    }

    /// Whether something stands under a name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.table.is_some_and(|table| table.get([name]).is_some())
    }

    /// The sections of an array of tables.
    pub(super) fn tables<S: Section>(&self, name: &str) -> Result<Vec<S>, Violation> {
        let array = self.table(name);
        let count = match array.table.map(|node| &node.value) {
            Some(Found::Array(items)) => items.len(),
            _ => 0,
        };
        (0..count)
            .map(|index| S::read(&array.table(&index.to_string())))
            .collect()
    }

    /// The value of a key of this table.
    pub(super) fn get<T: Value>(&self, name: &str) -> Option<T> {
        self.table?.get([name]).and_then(T::read)
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
        word(self.root, key, &self.path).is_some_and(|word| words.contains(&word.as_str()))
    }

    /// The violation of an absent key.
    pub(super) fn missing(&self, name: &str, what: &'static str) -> Violation {
        Violation::new(self.path(name), Rule::Missing { what })
    }
}

/// The section of the items of an array.
pub(crate) trait Items {
    /// The section.
    type Item: Section;
}

impl<S: Section> Items for Vec<S> {
    type Item = S;
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
            fn describe(keys: &mut $crate::config::key::Keys) {
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
            ) -> Result<Self, $crate::config::rule::Violation> {
                $($(
                    let $short: $short_type =
                        field!(read reader, stringify!($short), $short_type, $short_how $short_args);
                )+)?
                $(
                    let $field: $type =
                        field!(read reader, field!(name $field $($key)?), $type, $how $args);
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
    (describe $keys:ident, $name:expr, $type:ty, optional_table (), $doc:expr, [], []) => {
        $keys.within_optional($name, <$type as $crate::config::section::Section>::describe)
    };
    (describe $keys:ident, $name:expr, $type:ty, tables (), $doc:expr, [], []) => {
        $keys.within(
            $name,
            true,
            <<$type as $crate::config::section::Items>::Item as $crate::config::section::Section>::describe,
        )
    };
    (describe $keys:ident, $name:expr, $type:ty, $how:ident $args:tt, $doc:expr, $range:tt, [$owner:expr, $words:expr]) => {
        $keys.owned($owner, $words, |keys| {
            field!(describe keys, $name, $type, $how $args, $doc, $range, [])
        })
    };
    (describe $keys:ident, $name:expr, $type:ty, $how:ident $args:tt, $doc:expr, $range:tt, []) => {
        $keys.push(
            $name,
            <$type as $crate::config::value::Value>::kind(),
            field!(range $range),
            field!(absent $type, $how $args),
            $doc,
        )
    };

    (range []) => { ($crate::config::kind::Range::Any, false) };
    (range [$range:ident]) => { ($crate::config::kind::Range::$range, false) };
    (range [(computed $range:ident)]) => { ($crate::config::kind::Range::$range, true) };

    (absent $type:ty, default ($default:expr)) => {{
        let default: $type = $default;
        match $crate::config::value::Value::write(&default) {
            Some(default) => $crate::config::key::Absent::Default(default),
            None => $crate::config::key::Absent::Described("unset"),
        }
    }};
    (absent $type:ty, derived ($default:expr, $words:literal)) => {
        $crate::config::key::Absent::Described($words)
    };
    (absent $type:ty, optional ($words:literal)) => {
        $crate::config::key::Absent::Described($words)
    };
    (absent $type:ty, required ($what:literal)) => {
        $crate::config::key::Absent::Required($what)
    };

    (read $reader:ident, $name:expr, $type:ty, default ($default:expr)) => {
        $reader.get::<$type>($name).unwrap_or_else(|| $default)
    };
    (read $reader:ident, $name:expr, $type:ty, derived ($default:expr, $words:literal)) => {
        $reader.get::<$type>($name).unwrap_or_else(|| $default)
    };
    (read $reader:ident, $name:expr, $type:ty, optional ($words:literal)) => {
        $reader.get::<$type>($name).unwrap_or_default()
    };
    (read $reader:ident, $name:expr, $type:ty, required ($what:literal)) => {
        $reader.get::<$type>($name).ok_or_else(|| $reader.missing($name, $what))?
    };
    (read $reader:ident, $name:expr, $type:ty, part ()) => {
        <$type as $crate::config::section::Section>::read($reader)?
    };
    (read $reader:ident, $name:expr, $type:ty, part_for ($owner:literal, $words:expr)) => {
        if $reader.is_one_of($owner, $words) {
            <$type as $crate::config::section::Section>::read($reader)?
        } else {
            None
        }
    };
    (read $reader:ident, $name:expr, $type:ty, table ()) => {
        <$type as $crate::config::section::Section>::read(&$reader.table($name))?
    };
    (read $reader:ident, $name:expr, $type:ty, optional_table ()) => {
        if $reader.has($name) {
            <$type as $crate::config::section::Section>::read(&$reader.table($name))?
        } else {
            None
        }
    };
    (read $reader:ident, $name:expr, $type:ty, tables ()) => {
        $reader.tables($name)?
    };

    (write $table:ident, $name:expr, $value:expr, part) => {
        $crate::config::section::Section::write(&$value, $table)
    };
    (write $table:ident, $name:expr, $value:expr, part_for) => {
        $crate::config::section::Section::write(&$value, $table)
    };
    (write $table:ident, $name:expr, $value:expr, table) => {
        $table.insert($name.to_owned(), $crate::config::section::table_of(&$value))
    };
    (write $table:ident, $name:expr, $value:expr, optional_table) => {
        if let Some(section) = &$value {
            $table.insert($name.to_owned(), $crate::config::section::table_of(section));
        }
    };
    (write $table:ident, $name:expr, $value:expr, tables) => {
        if !$value.is_empty() {
            let items = $value.iter().map($crate::config::section::table_of).collect();
            $table.insert($name.to_owned(), toml::Value::Array(items));
        }
    };
    (write $table:ident, $name:expr, $value:expr, $how:ident) => {
        if let Some(value) = $crate::config::value::Value::write(&$value) {
            $table.insert($name.to_owned(), value);
        }
    };
}

/// A section as a table of its own.
pub(super) fn table_of(section: &impl Section) -> toml::Value {
    let mut table = toml::Table::new();
    section.write(&mut table);
    toml::Value::Table(table)
}

/// Declares alternatives of which a key of its own says which one holds; each may be a section, whose
/// keys apply to that alternative only.
macro_rules! kinds {
    (
        $(#[$meta:meta])*
        pub enum $name:ident: $kind:ident in $key:literal, $doc:literal {
            $($(#[$of_variant:meta])* $variant:ident $(($section:ty))?),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name {
            $($(#[$of_variant])* $variant $(($section))?),+
        }

        impl $name {
            #[doc = concat!("`", $key, "`.")]
            pub fn kind(&self) -> $kind {
                match self {
                    $(variant!(pattern _part, $variant $(($section))?) => $kind::$variant),+
                }
            }
        }

        impl $crate::config::section::Section for $name {
            fn describe(keys: &mut $crate::config::key::Keys) {
                keys.push(
                    $key,
                    <$kind as $crate::config::value::Value>::kind(),
                    field!(range []),
                    field!(absent $kind, default ($kind::default())),
                    $doc,
                );
                $($(
                    keys.owned(
                        $key,
                        &[$kind::$variant.as_str()],
                        <$section as $crate::config::section::Section>::describe,
                    );
                )?)+
            }

            fn read(
                reader: &$crate::config::section::Reader<'_>,
            ) -> Result<Self, $crate::config::rule::Violation> {
                Ok(match reader.get::<$kind>($key).unwrap_or_default() {
                    $($kind::$variant => variant!(read reader, $variant $(($section))?)),+
                })
            }

            fn write(&self, table: &mut toml::Table) {
                table.insert($key.to_owned(), toml::Value::String(self.kind().to_string()));
                match self {
                    $(variant!(pattern _part, $variant $(($section))?) => {
                        variant!(write table, _part $(, $section)?);
                    })+
                }
            }
        }
    };
}

/// One alternative, with or without a section.
macro_rules! variant {
    (pattern $part:ident, $variant:ident) => {
        Self::$variant
    };
    (pattern $part:ident, $variant:ident ($section:ty)) => {
        Self::$variant($part)
    };
    (read $reader:ident, $variant:ident) => {
        Self::$variant
    };
    (read $reader:ident, $variant:ident ($section:ty)) => {
        Self::$variant(<$section as $crate::config::section::Section>::read(
            $reader,
        )?)
    };
    (write $table:ident, $part:ident) => {};
    (write $table:ident, $part:ident, $section:ty) => {
        $crate::config::section::Section::write($part, $table)
    };
}
