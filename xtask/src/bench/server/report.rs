//! Tables: aligned in a terminal, and the same text is Markdown.

use std::fmt::Write as _;

/// A table of Markdown with aligned columns.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([head[column].chars().count()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut text = line(head.iter().copied(), &widths);
    let rules: Vec<String> = widths.iter().enumerate().map(|(column, width)| rule(column, *width)).collect();
    text += &line(rules.iter().map(String::as_str), &widths);
    for row in rows {
        text += &line(row.iter().map(String::as_str), &widths);
    }
    text
}

/// Numbers stand at the right, names at the left.
fn rule(column: usize, width: usize) -> String {
    if column == 0 { "-".repeat(width) } else { format!("{}:", "-".repeat(width.saturating_sub(1))) }
}

fn line<'a>(cells: impl Iterator<Item = &'a str>, widths: &[usize]) -> String {
    let mut text = String::from("|");
    for (column, (cell, width)) in cells.zip(widths).enumerate() {
        let written = match column {
            0 => write!(text, " {cell:width$} |"),
            _ => write!(text, " {cell:>width$} |"),
        };
        written.expect("to a string");
    }
    text + "\n"
}

/// A number with as many digits as tell something.
pub(super) fn number(figure: f64) -> String {
    match figure.abs() {
        ..0.1 => format!("{figure:.4}"),
        ..1.0 => format!("{figure:.3}"),
        ..100.0 => format!("{figure:.2}"),
        _ => format!("{figure:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [vec!["read".to_owned(), number(0.0123)], vec!["a".to_owned(), number(1234.5)]];
        let expected = "| what | figure |\n| ---- | -----: |\n| read | 0.0123 |\n| a    |   1234 |\n";
        assert_eq!(table(&["what", "figure"], &rows), expected);
    }
}
