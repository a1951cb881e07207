//! What the commands print: lines and tables.

use std::fmt;
use std::io::{Write as _, stdout};

use crate::trouble::Trouble;

/// Prints a line. A reader that has gone, such as `head`, ends the command without a fuss.
pub(crate) fn say(line: impl fmt::Display) -> Result<(), Trouble> {
    writeln!(stdout(), "{line}").map_err(|_| Trouble::Unread)
}

/// Rows under a head, in columns as wide as what is in them.
#[derive(Debug)]
pub(crate) struct Table<const COLUMNS: usize>(Vec<[String; COLUMNS]>);

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(crate) fn new(head: [&str; COLUMNS]) -> Self {
        Self(vec![head.map(str::to_owned)])
    }

    pub(crate) fn row(&mut self, row: [String; COLUMNS]) {
        self.0.push(row);
    }
}

impl<const COLUMNS: usize> fmt::Display for Table<COLUMNS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| self.0.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; COLUMNS] = std::array::from_fn(width);
        for (number, row) in self.0.iter().enumerate() {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            let line = cells.collect::<Vec<_>>().join("  ");
            let end = if number == 0 { "" } else { "\n" };
            write!(f, "{end}{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let mut table = Table::new(["NODE", "FAR"]);
        table.row(["a".into(), "1 ms".into()]);
        table.row(["a-long-one".into(), String::new()]);
        assert_eq!(table.to_string(), "NODE        FAR\na           1 ms\na-long-one");
    }
}
