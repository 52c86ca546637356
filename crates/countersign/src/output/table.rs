//! Tables that fit the screen.

use unicode_width::UnicodeWidthStr;

use super::{Look, Output};

/// One column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    title: &'static str,
    right: bool,
    shrinks: bool,
    gives_way: bool,
}

impl Column {
    /// Text, never cut.
    pub(crate) const fn text(title: &'static str) -> Self {
        Self { title, right: false, shrinks: false, gives_way: false }
    }

    /// Text that is cut where the screen is too narrow.
    pub(crate) const fn long(title: &'static str) -> Self {
        Self { shrinks: true, ..Self::text(title) }
    }

    /// A number, set to the right.
    pub(crate) const fn number(title: &'static str) -> Self {
        Self { right: true, ..Self::text(title) }
    }

    /// The same, which stands below its row with others like it where the screen is too narrow for all beside each other: an id can be
    /// copied from there, and nothing is lost that tells rows apart.
    pub(crate) const fn or_below(self) -> Self {
        Self { gives_way: true, ..self }
    }
}

/// A table.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<(Look, String)>>,
}

/// Columns of space between columns.
const GAP: usize = 2;
/// No column is cut below this.
const LEAST: usize = 8;
/// What stands below a row is set in by this.
const BELOW: usize = 2;

impl Table {
    /// An empty one.
    pub(crate) fn new(columns: impl Into<Vec<Column>>) -> Self {
        Self { columns: columns.into(), rows: Vec::new() }
    }

    /// Adds a row, one cell for each column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = (Look, String)>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Prints it, `indent` columns from the left.
    pub(crate) fn print(&self, output: Output, indent: usize) {
        for line in self.lines(output, indent) {
            output.line(line);
        }
    }

    /// Its lines.
    pub(crate) fn lines(&self, output: Output, indent: usize) -> Vec<String> {
        let available = output.width().saturating_sub(indent);
        let gives_way = self.columns.iter().any(|column| column.gives_way);
        if gives_way && self.widths(usize::MAX).iter().sum::<usize>() + self.gaps() > available {
            let above = self.part(|column| !column.gives_way).lines(output, indent);
            let below = self.part(|column| column.gives_way).rows(output, indent + BELOW);
            let titles = above.len().saturating_sub(self.rows.len());
            let (head, above) = above.split_at(titles);
            // What is below explains itself.
            let rows = above.iter().cloned().zip(below).flat_map(|(above, below)| [above, below]);
            return head.iter().cloned().chain(rows).collect();
        }
        let titles: Vec<_> = self.columns.iter().map(|column| (Look::Faint, column.title.to_owned())).collect();
        let has_head = self.columns.iter().any(|column| !column.title.is_empty());
        let head =
            has_head.then(|| format!("{}{}", " ".repeat(indent), self.line(&titles, &self.widths(available), output)));
        head.into_iter().chain(self.rows(output, indent)).collect()
    }

    fn rows(&self, output: Output, indent: usize) -> Vec<String> {
        let widths = self.widths(output.width().saturating_sub(indent));
        let margin = " ".repeat(indent);
        self.rows.iter().map(|row| format!("{margin}{}", self.line(row, &widths, output))).collect()
    }

    /// Those of its columns of which this holds, and no others.
    fn part(&self, of: impl Fn(&Column) -> bool) -> Self {
        let is_in: Vec<bool> = self.columns.iter().map(of).collect();
        let kept = |row: &Vec<(Look, String)>| {
            row.iter().zip(&is_in).filter(|(_, is_in)| **is_in).map(|(cell, _)| cell.clone()).collect()
        };
        let columns = self.columns.iter().zip(&is_in).filter(|(_, is_in)| **is_in);
        let columns = columns.map(|(column, _)| Column { gives_way: false, ..*column }).collect();
        Self { columns, rows: self.rows.iter().map(kept).collect() }
    }

    const fn gaps(&self) -> usize {
        GAP * self.columns.len().saturating_sub(1)
    }

    fn line(&self, row: &[(Look, String)], widths: &[usize], output: Output) -> String {
        let last = self.columns.len().saturating_sub(1);
        let mut line = String::new();
        for (index, ((column, (look, text)), width)) in self.columns.iter().zip(row).zip(widths).enumerate() {
            let text = cut(text, *width);
            let space = " ".repeat(width.saturating_sub(text.width()));
            let painted = output.paint(*look, &text);
            match (column.right, index == last) {
                (true, _) => line.extend([space.as_str(), painted.as_str()]),
                (false, true) => line.push_str(&painted),
                (false, false) => line.extend([painted.as_str(), space.as_str()]),
            }
            if index != last {
                line.push_str(&" ".repeat(GAP));
            }
        }
        line.trim_end().to_owned()
    }

    /// The columns' widths: what they need, less what the widest that may shrink give up to fit.
    fn widths(&self, available: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(index, column)| {
                let cells = self.rows.iter().filter_map(|row| row.get(index)).map(|(_, text)| text.width());
                cells.max().unwrap_or(0).max(column.title.width())
            })
            .collect();
        while widths.iter().sum::<usize>() + self.gaps() > available {
            let shrinking =
                widths.iter_mut().zip(&self.columns).filter(|(width, column)| column.shrinks && **width > LEAST);
            let Some((widest, _)) = shrinking.max_by_key(|(width, _)| **width) else { break };
            *widest -= 1;
        }
        widths
    }
}

/// The text in `width` columns, with `…` for what does not fit.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for letter in text.chars() {
        kept.push(letter);
        if kept.width() >= width {
            kept.pop();
            break;
        }
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(width: usize) -> String {
        let output = Output { terminal: false, colours: false, error_colours: false, width, json: false };
        let mut table = Table::new([Column::long("USER"), Column::number("CODES"), Column::text("STATE")]);
        table.row([(Look::Plain, "ana".to_owned()), (Look::Plain, "10".to_owned()), (Look::Good, "active".to_owned())]);
        table.row([
            (Look::Plain, "somebody.with.a.long.name@example.com".to_owned()),
            (Look::Plain, "9".to_owned()),
            (Look::Good, "suspended".to_owned()),
        ]);
        table.lines(output, 2).join("\n")
    }

    #[test]
    fn a_table_takes_what_it_needs() {
        insta::assert_snapshot!(table(80), @r"
          USER                                   CODES  STATE
          ana                                       10  active
          somebody.with.a.long.name@example.com      9  suspended
        ");
    }

    fn of_alerts(width: usize) -> String {
        let output = Output { terminal: false, colours: false, error_colours: false, width, json: false };
        let columns = [Column::text("RULE"), Column::number("COUNT")];
        let below = [Column::text("ID").or_below(), Column::long("ABOUT").or_below()];
        let mut table = Table::new(columns.into_iter().chain(below).collect::<Vec<_>>());
        for (rule, count, about) in [("guessing", "12", "somebody.with.a.long.name@example.com"), ("toll", "3", "")] {
            let cells = [rule, count, "alr_0197a3c05b7c7d3e", about];
            table.row(cells.map(|cell| (Look::Plain, cell.to_owned())));
        }
        table.lines(output, 0).join("\n")
    }

    #[test]
    fn what_does_not_fit_beside_the_rest_stands_below_it() {
        insta::assert_snapshot!(of_alerts(80), @r"
        RULE      COUNT  ID                    ABOUT
        guessing     12  alr_0197a3c05b7c7d3e  somebody.with.a.long.name@example.com
        toll          3  alr_0197a3c05b7c7d3e
        ");
        insta::assert_snapshot!(of_alerts(60), @r"
        RULE      COUNT
        guessing     12
          alr_0197a3c05b7c7d3e  somebody.with.a.long.name@example.c…
        toll          3
          alr_0197a3c05b7c7d3e
        ");
    }

    #[test]
    fn a_table_gives_way_where_it_can() {
        insta::assert_snapshot!(table(40), @r"
          USER                  CODES  STATE
          ana                      10  active
          somebody.with.a.lon…      9  suspended
        ");
    }
}
