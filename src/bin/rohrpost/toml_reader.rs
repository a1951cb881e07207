//! [`Reader`]: takes values out of a TOML file and writes down every fault with its line and key, so that all are told.

use std::fmt::{self, Display};
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One fault of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fault {
    /// Counted from 1.
    line: usize,
    /// Empty where the file is no TOML.
    key: String,
    text: String,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) key: String,
    /// The byte at which it begins.
    pub(crate) start: usize,
}

/// Reads a file's values and keeps its faults.
#[derive(Debug)]
pub(crate) struct Reader<'t> {
    text: &'t str,
    faults: Vec<Fault>,
}

type Entry<'v, 't> = &'v Spanned<DeValue<'t>>;

impl<'t> Reader<'t> {
    /// The reader of `text`, and what could be made of it.
    pub(crate) fn open(text: &'t str) -> (Self, DeTable<'t>) {
        let (table, faults) = DeTable::parse_recoverable(text);
        let mut reader = Self { text, faults: Vec::new() };
        for fault in faults {
            let Range { start, end } = fault.span().unwrap_or_default();
            // Where a key is there twice the place is the second one; elsewhere it is whatever was not expected.
            let key = if fault.message() == "duplicate key" { text.get(start..end).unwrap_or_default() } else { "" };
            reader.fault(start, key, fault.message());
        }
        (reader, table.into_inner())
    }

    /// Something is wrong with what stands at the byte `start`.
    pub(crate) fn fault(&mut self, start: usize, key: &str, text: impl Display) {
        let line = 1 + self.text.bytes().take(start).filter(|&byte| byte == b'\n').count();
        self.faults.push(Fault { line, key: key.to_owned(), text: text.to_string() });
    }

    /// Something is wrong with this value.
    pub(crate) fn fault_at<T>(&mut self, at: &At<T>, text: impl Display) {
        self.fault(at.start, &at.key, text);
    }

    /// A key that nobody knows.
    pub(crate) fn unknown(&mut self, start: usize, key: &str, known: &[&str]) {
        self.fault(start, key, format_args!("there is no such key; here there may be {}", known.join(", ")));
    }

    /// A text.
    pub(crate) fn text(&mut self, key: &str, value: Entry<'_, 't>) -> Option<At<String>> {
        let found = value.get_ref().as_str().map(str::to_owned);
        self.typed(key, value, found, "a text in quotes")
    }

    /// A text that reads as a `T`.
    pub(crate) fn parsed<T>(
        &mut self,
        key: &str,
        value: Entry<'_, 't>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<At<T>> {
        let At { value, key, start } = self.text(key, value)?;
        match parse(&value) {
            Ok(value) => Some(At { value, key, start }),
            Err(fault) => {
                self.fault(start, &key, fault);
                None
            }
        }
    }

    /// `true` or `false`.
    pub(crate) fn flag(&mut self, key: &str, value: Entry<'_, 't>) -> Option<At<bool>> {
        self.typed(key, value, value.get_ref().as_bool(), "true or false")
    }

    /// The values of a list; none if it is no list.
    pub(crate) fn list<'v>(&mut self, key: &str, value: Entry<'v, 't>) -> Vec<Entry<'v, 't>> {
        let list = value.get_ref().as_array();
        self.typed(key, value, list, "a list in brackets").map_or_else(Vec::new, |at| at.value.iter().collect())
    }

    /// The tables of a list, as far as they are tables; none if it is no list.
    pub(crate) fn tables<'v>(&mut self, key: &str, value: Entry<'v, 't>) -> Vec<At<&'v DeTable<'t>>> {
        let wanted = format!("a list of tables, each under `[[{key}]]`");
        let list = self.typed(key, value, value.get_ref().as_array(), &wanted);
        let tables = list.into_iter().flat_map(|at| at.value);
        tables.filter_map(|table| self.typed(key, table, table.get_ref().as_table(), "a table")).collect()
    }

    /// A list of texts, as far as they are texts.
    pub(crate) fn texts(&mut self, key: &str, value: Entry<'_, 't>) -> Vec<At<String>> {
        self.list(key, value).into_iter().filter_map(|text| self.text(key, text)).collect()
    }

    /// A table.
    pub(crate) fn table<'v>(&mut self, key: &str, value: Entry<'v, 't>) -> Option<&'v DeTable<'t>> {
        self.typed(key, value, value.get_ref().as_table(), "a table").map(|at| at.value)
    }

    /// All faults in the order of their lines.
    pub(crate) fn into_faults(mut self) -> Vec<Fault> {
        self.faults.sort();
        self.faults
    }

    /// Whether nothing was wrong so far.
    pub(crate) const fn is_content(&self) -> bool {
        self.faults.is_empty()
    }

    fn typed<T>(&mut self, key: &str, value: Entry<'_, 't>, found: Option<T>, wanted: &str) -> Option<At<T>> {
        let start = value.span().start;
        if found.is_none() {
            self.fault(start, key, format_args!("must be {wanted}, and is of the type {}", value.get_ref().type_str()));
        }
        found.map(|value| At { value, key: key.to_owned(), start })
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, key, text } = self;
        if key.is_empty() { write!(f, "line {line}: {text}") } else { write!(f, "line {line}: `{key}`: {text}") }
    }
}
